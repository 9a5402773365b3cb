//! Endpoints that may stop to be served.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use fal_codegen::{Generator, Manifest, Options, Source};
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

#[test]
fn warning_names_the_crate_of_the_newer_version() {
    let family = |name: &str, newer: &str| {
        format!(
            "[crates.fal-{name}]\napp = \"acme/{name}\"\ntitle = \"A\"\n{newer}endpoints = [\"acme/{name}\"]\n"
        )
    };
    let manifest = family("draw", "superseded_by = \"fal-draw-2\"\n") + &family("draw-2", "");
    let manifest = Manifest::parse("manifest.toml", &manifest).unwrap();
    let source = |id: &str| {
        let mut record = record(id, json!({ "prompt": { "type": "string" } }));
        record["metadata"]["status"] = "deprecated".into();
        Source { file: format!("{id}.json"), text: record.to_string() }
    };
    let sources = ["acme/draw", "acme/draw-2"].map(source);
    let generated =
        Generator::new(Options::default()).manifest(&manifest, "manifest.toml", &sources).unwrap();
    let warnings = |name: &str| {
        let is_of_crate = |path: &str| path.split('/').any(|part| part == name) && path.ends_with("lib.rs");
        let text = generated.tree.iter().find(|(path, _)| is_of_crate(path)).unwrap().1;
        text.lines().filter(|line| line.contains("#[deprecated")).map(str::trim).collect::<Vec<_>>()
    };
    let note = "`acme/draw` is deprecated and may stop to be served; `fal-draw-2` has the newer version";
    assert_eq!(
        warnings("fal-draw"),
        [format!("#[deprecated = \"{note}\"]"), format!("#[deprecated = \"{note}\"]")]
    );
    let alone = "#[deprecated = \"`acme/draw-2` is deprecated and may stop to be served\"]";
    assert_eq!(warnings("fal-draw-2"), [alone, alone]);
}
