//! Endpoints that may stop to be served.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use fal_codegen::{Generator, Options, Source};
use serde_json::json;
use support::record;

#[test]
fn endpoint_that_fal_lists_as_deprecated_warns_where_its_input_is_built() {
    let source = |id: &str, status: &str| {
        let mut record = record(id, json!({ "prompt": { "type": "string" } }));
        record["metadata"]["status"] = status.into();
        Source { file: format!("{id}.json"), text: record.to_string() }
    };
    let sources = [source("acme/draw/old", "deprecated"), source("acme/draw/new", "active")];
    let generated = Generator::new(Options::default()).crates(&sources).unwrap();
    let file = |name: &str| generated.tree.iter().find(|(path, _)| path.ends_with(name)).unwrap().1;
    let note = "`acme/draw/old` is deprecated and may stop to be served";
    // Both builders warn.
    assert_eq!(file("src/old.rs").matches(&format!("#[deprecated = \"{note}\"]")).count(), 2);
    assert!(file("src/old.rs").contains(&format!("//! {note}.")), "{}", file("src/old.rs"));
    assert!(!file("src/new.rs").contains("eprecated"));
    assert!(file("src/lib.rs").contains("| A test. Deprecated. |"), "{}", file("src/lib.rs"));
}
