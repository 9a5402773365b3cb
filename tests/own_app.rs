//! The document that an app publishes about itself: all routes, in OpenAPI 3.1.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use fal_codegen::{Generated, Generator, Options, Source};
use fal_tests::{root, standalone};

/// Generates the crate of the app in the corpus. `None` if this machine has no corpus.
fn generated() -> Option<Generated> {
    let path = root().join("../shared/corpus/own-app/openapi.json");
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: there is no document of an app at {}", path.display());
        return None;
    };
    let source = Source { file: "openapi.json".to_owned(), text };
    let options = Options { app: Some("me/demo".to_owned()), ..standalone() };
    Some(Generator::new(options).crates(&[source]).unwrap())
}

#[test]
fn every_route_is_an_endpoint_or_is_listed_as_skipped() {
    let Some(generated) = generated() else { return };
    let entries = generated.report.endpoints.iter().map(|entry| {
        assert_eq!(entry.properties_read, entry.properties_emitted, "{}", entry.id);
        let outcome = entry.module.clone().or_else(|| entry.reason.clone()).unwrap();
        format!("{}: {outcome}", entry.id)
    });
    insta::assert_snapshot!(entries.collect::<Vec<_>>().join("\n"));
}

#[test]
fn stream_and_realtime_routes_have_their_traits() {
    let Some(generated) = generated() else { return };
    let has = |module: &str, text: &str| {
        generated.tree.get(&format!("crates/fal-me-demo/src/{module}.rs")).unwrap().contains(text)
    };
    assert!(has("stream", "impl Streams for Model {\n    type Event = Output;\n}"));
    assert!(!has("lib", "impl Streams for Model"), "its stream takes other parameters");
    for module in ["realtime", "realtime/bidi", "realtime/client", "realtime/stream"] {
        assert!(has(module, "impl Realtime for Model {"), "{module}");
        assert!(!has(module, "impl Streams for Model"), "{module}");
    }
    assert!(!has("edit", "impl Realtime for Model"));
}

#[test]
fn the_generated_crate_compiles_without_a_warning() {
    let Some(generated) = generated() else { return };
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(fal_tests::compile(&generated, folder.path()).unwrap(), Ok(()));
}
