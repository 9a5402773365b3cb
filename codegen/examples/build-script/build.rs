//! Generates the bindings of `postcards.json`, whenever it changes.

use std::{env, error::Error, fs, path::Path};

use fal_codegen::{Generator, Options, Source};

const DOCUMENT: &str = "postcards.json";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={DOCUMENT}");
    let source = Source { file: DOCUMENT.to_owned(), text: fs::read_to_string(DOCUMENT)? };
    let options = Options {
        command: "build.rs".to_owned(),
        // An app's own document does not say whose it is.
        app: Some("acme/postcards".to_owned()),
        ..Options::default()
    };
    let module = Generator::new(options).module(&[source])?;
    // A route that cannot have types is left out, and the others are written.
    module.report.describe_skipped().for_each(|route| println!("cargo::warning={route}"));
    fs::write(Path::new(&env::var("OUT_DIR")?).join("postcards.rs"), module.text)?;
    Ok(())
}
