//! Tests that the features in a generated manifest are those that the code uses.
#![allow(clippy::unwrap_used)]

mod support;

use fal_codegen::{Generator, Manifest, Options, Source};
use serde_json::json;
use support::record;

#[test]
fn only_crates_with_patterns_enable_the_feature_pattern() {
    let source = |id: &str, colour| Source {
        file: format!("{id}.json"),
        text: record(id, json!({ "colour": colour })).to_string(),
    };
    let sources = [
        source("acme/draw", json!({ "type": "string" })),
        source("acme/paint", json!({ "type": "string", "pattern": "^#[0-9a-f]{6}$" })),
    ];
    let generated = Generator::new(Options::default()).crates(&sources).unwrap();
    let file = |path: &str| {
        let found = generated.tree.iter().find(|(name, _)| name.ends_with(path));
        found.map(|(_, text)| text.to_owned()).unwrap()
    };
    let plain = file("acme-draw/Cargo.toml");
    assert!(plain.contains(&format!("fal-core = {:?}\n", env!("CARGO_PKG_VERSION"))), "{plain}");
    let with_pattern = file("acme-paint/Cargo.toml");
    let dependency =
        format!("fal-core = {{ version = {:?}, features = [\"pattern\"] }}\n", env!("CARGO_PKG_VERSION"));
    assert!(with_pattern.contains(&dependency), "{with_pattern}");
    let code = file("acme-paint/src/lib.rs");
    assert!(code.contains("fal_core::check_pattern("), "{code}");
}

#[test]
fn part_of_an_app_can_be_a_crate_of_its_own() {
    let text = "[crates.fal-draw]\napp = \"acme/draw\"\ntitle = \"Draw\"\nendpoints = [\"acme/draw/fast\"]\n\
                [crates.fal-draw-v2]\napp = \"acme/draw/v2\"\ntitle = \"Draw 2\"\nendpoints = [\"acme/draw/v2/fast\"]\n";
    let manifest = Manifest::parse("manifest.toml", text).unwrap();
    let sources = ["acme/draw/fast", "acme/draw/v2/fast"].map(|id| Source {
        file: format!("{id}.json"),
        text: record(id, json!({ "prompt": { "type": "string" } })).to_string(),
    });
    let generated =
        Generator::new(Options::default()).manifest(&manifest, "manifest.toml", &sources).unwrap();
    for (path, id) in
        [("fal-draw/src/fast.rs", sources[0].file.as_str()), ("fal-draw-v2/src/fast.rs", &sources[1].file)]
    {
        let found = generated.tree.iter().find(|(name, _)| name.ends_with(path));
        let id = id.trim_end_matches(".json");
        assert!(found.is_some_and(|(_, text)| text.contains(&format!("\"{id}\""))), "{path}");
    }
}
