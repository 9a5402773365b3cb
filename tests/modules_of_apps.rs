//! One module in an app that depends on `fal-client` alone: it compiles without a warning with the dependencies that its
//! head names.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use fal_codegen::{Generator, Options, Runtime, Source};
use fal_tests::{compile_app, root};

/// Returns the documents of apps and models that an app may have a module of, with the names of their modules.
fn documents() -> Vec<(String, PathBuf)> {
    let golden = fs::read_dir(root().join("codegen/tests/golden")).unwrap();
    let golden = golden.map(|entry| entry.unwrap().path()).filter(|path| path.extension().unwrap() == "json");
    let models = ["fal-ai/flux/dev", "fal-ai/kling-video/v3/pro/image-to-video", "fal-ai/whisper"];
    let models = models.into_iter().map(|id| root().join(format!("schemas/{id}.json")));
    // The document of an app with every kind of route, if it is there.
    let own = Some(root().join("../shared/corpus/own-app/openapi.json")).filter(|path| path.is_file());
    let mut documents: Vec<(String, PathBuf)> = golden
        .chain(models)
        .chain(own)
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().replace('-', "_"), path))
        .collect();
    documents.sort();
    documents
}

fn generate(name: &str, path: &Path) -> String {
    let options = Options {
        app: Some(format!("acme/{}", name.replace('_', "-"))),
        runtime: Runtime::FalClient,
        ..Options::default()
    };
    let source = Source { file: format!("{name}.json"), text: fs::read_to_string(path).unwrap() };
    Generator::new(options).module(&[source]).unwrap().text
}

/// Compiles modules as parts of an app whose only dependency is `fal-client`, with these features.
fn compile(features: &[&str], modules: &[(String, String)]) {
    let main: String = modules.iter().map(|(name, _)| format!("mod {name};\n")).collect();
    let files = modules.iter().map(|(name, text)| (format!("{name}.rs"), text.clone()));
    let files: Vec<_> = files.chain([("main.rs".to_owned(), main + "\nfn main() {}\n")]).collect();
    let path = root().join("crates/fal-client");
    let dependency = format!("fal-client = {{ path = {path:?}, features = {features:?} }}");
    compile_app(&dependency, &files).unwrap().unwrap_or_else(|messages| panic!("{messages}"));
}

#[test]
fn modules_compile_in_an_app_with_the_dependencies_that_their_heads_name() {
    let modules: Vec<(String, String)> =
        documents().iter().map(|(name, path)| (name.clone(), generate(name, path))).collect();
    let (with_patterns, plain): (Vec<_>, Vec<_>) = modules
        .into_iter()
        .partition(|(_, text)| text.contains("\n// Depends on `fal-client` with the feature `pattern`.\n"));
    assert!(plain.iter().all(|(_, text)| text.contains("\n// Depends on `fal-client`.\n")));
    assert!(with_patterns.len() > 1 && plain.len() > 20, "{} and {}", with_patterns.len(), plain.len());
    compile(&[], &plain);
    compile(&["pattern"], &with_patterns);
}
