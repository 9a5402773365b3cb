//! Runs other generators of Rust code over a folder of OpenAPI documents, and prints one JSON object with the documents
//! that each accepted and the time that it needed for them.

use std::{
    collections::BTreeMap,
    env, fs, panic,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use openapiv3::OpenAPI;
use progenitor_impl::{GenerationSettings, Generator, InterfaceStyle};
use serde_json::{Value, json};
use typify_impl::{TypeSpace, TypeSpaceSettings};

fn main() -> Result<(), String> {
    let folder = env::args().nth(1).ok_or("the folder of documents is missing")?;
    let documents = read(Path::new(&folder))?;
    // A generator panics on a document that it does not accept. Only the count is needed, not the message.
    panic::set_hook(Box::new(|_| {}));
    let result = json!({
        "progenitor": measure(&documents, progenitor),
        "typify": measure(&documents, typify),
    });
    println!("{result}");
    Ok(())
}

fn read(folder: &Path) -> Result<BTreeMap<String, String>, String> {
    let mut documents = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(|error| error.to_string())? {
        let path: PathBuf = entry.map_err(|error| error.to_string())?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        documents.insert(name, fs::read_to_string(&path).map_err(|error| error.to_string())?);
    }
    Ok(documents)
}

/// Generates the code of one document, or returns `None` if the generator does not accept it.
type Generate = fn(&str) -> Option<String>;

fn measure(documents: &BTreeMap<String, String>, generate: Generate) -> Value {
    let mut accepted = Vec::new();
    let mut time = Duration::ZERO;
    let mut lines = 0;
    for (name, document) in documents {
        let start = Instant::now();
        let text = panic::catch_unwind(|| generate(document)).ok().flatten();
        let elapsed = start.elapsed();
        if let Some(text) = text {
            accepted.push(name);
            time += elapsed;
            lines += text.lines().count();
        }
    }
    json!({ "accepted": accepted, "seconds": time.as_secs_f64(), "lines": lines })
}

fn progenitor(document: &str) -> Option<String> {
    let spec: OpenAPI = serde_json::from_str(document).ok()?;
    let mut settings = GenerationSettings::default();
    settings.with_interface(InterfaceStyle::Builder);
    let tokens = Generator::new(&settings).generate_tokens(&spec).ok()?;
    Some(prettyplease::unparse(&syn::parse2(tokens).ok()?))
}

/// Generates the types only: typify generates no client.
fn typify(document: &str) -> Option<String> {
    let mut document: Value = serde_json::from_str(document).ok()?;
    let schemas = document.pointer_mut("/components/schemas")?.take();
    let schemas: BTreeMap<String, schemars_08::schema::Schema> = serde_json::from_value(schemas).ok()?;
    let mut settings = TypeSpaceSettings::default();
    settings.with_struct_builder(true);
    let mut types = TypeSpace::new(&settings);
    types.add_ref_types(schemas).ok()?;
    Some(prettyplease::unparse(&syn::parse2(types.to_stream()).ok()?))
}
