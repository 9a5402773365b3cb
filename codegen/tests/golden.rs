//! Golden files: `golden/<construct>.json` describes one construct, and `golden/<construct>.rs` is the module that is
//! generated from it.
//!
//! `INSTA_UPDATE=always cargo test -p fal-codegen --test golden` rewrites the modules after an intended change.
//! `golden_behaviour.rs` compiles them and reads and writes their values.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use fal_codegen::{Generator, Options, Source};

/// Returns the files of `golden/` with an extension, in the order of their names.
fn files(extension: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = paths.filter(|path| path.extension().unwrap() == extension).collect();
    paths.sort();
    paths
}

fn construct(path: &Path) -> &str {
    path.file_stem().unwrap().to_str().unwrap()
}

/// Generates the module of the app `acme/<construct>` from its document.
fn generate(document: &Path) -> String {
    let construct = construct(document);
    let source = Source { file: format!("{construct}.json"), text: fs::read_to_string(document).unwrap() };
    let app = Some(format!("acme/{}", construct.replace('_', "-")));
    let options = Options { app, ..Options::default() };
    Generator::new(options).module(&[source]).unwrap_or_else(|errors| panic!("{errors}")).text
}

/// Describes the first line that differs. `None` if the texts are the same.
fn difference(golden: &str, generated: &str) -> Option<String> {
    if golden == generated {
        return None;
    }
    let lines = golden.lines().count().max(generated.lines().count());
    let pair = |number| (golden.lines().nth(number), generated.lines().nth(number));
    let first = (0..lines).find(|number| pair(*number).0 != pair(*number).1).unwrap_or(lines);
    let (golden, generated) = pair(first);
    Some(format!(
        "line {}\n  golden:    {}\n  generated: {}",
        first + 1,
        golden.unwrap_or("(end of file)"),
        generated.unwrap_or("(end of file)")
    ))
}

#[test]
fn every_document_generates_its_golden_module() {
    let update = env::var("INSTA_UPDATE").is_ok_and(|update| update == "always");
    let mut stale = String::new();
    for document in files("json") {
        let generated = generate(&document);
        let module = document.with_extension("rs");
        if update {
            fs::write(&module, &generated).unwrap();
        }
        let golden = fs::read_to_string(module).unwrap_or_default();
        if let Some(difference) = difference(&golden, &generated) {
            stale += &format!("{}.rs, {difference}\n", construct(&document));
        }
    }
    assert!(
        stale.is_empty(),
        "{stale}`INSTA_UPDATE=always cargo test -p fal-codegen --test golden` rewrites the modules; \
         review the difference"
    );
}

#[test]
fn every_golden_module_has_its_document_and_is_compiled() {
    let compiled = include_str!("golden_behaviour.rs");
    for module in files("rs") {
        assert!(module.with_extension("json").exists(), "{} has no document", module.display());
        let declaration = format!("    pub(crate) mod {};", construct(&module));
        assert!(
            compiled.lines().any(|line| line == declaration),
            "golden_behaviour.rs does not compile {}",
            module.display()
        );
    }
}
