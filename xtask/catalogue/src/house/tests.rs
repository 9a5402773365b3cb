#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use serde_json::{Value, json};

use super::{Words, form, print};
use crate::{fetch, lock::Lock, root};

pub(crate) const WORDS: &str = r#"
[any]
seed = "A seed."
url = "An address."
"Image.width" = "Width of an image."
[types]
Image = "An image."
[kind.image]
prompt = { text = "A prompt.", example = "a cat" }
"output.seed" = "The seed used."
[endpoints]
"acme/draw" = { name = "Draw", does = "Draws." }
[under."acme/draw"]
size = "A size, such as `small`."
"#;

fn words(more: &str) -> Words {
    let mut words = Words::default();
    words.add(WORDS).unwrap();
    words.add(more).unwrap();
    words
}

/// A record with another party's prose in every place that has some.
pub(crate) fn record() -> Value {
    let prose = "SOMEBODY ELSE'S";
    json!({
        "endpoint_id": "acme/draw",
        "metadata": {
            "display_name": prose, "description": prose, "category": "text-to-image", "status": "active",
            "thumbnail_url": prose, "updated_at": "2026-05-29T18:50:02.672Z", "tags": [prose],
        },
        "openapi": {
            "openapi": "3.0.4",
            "info": { "title": prose, "description": prose, "x-fal-metadata": { "about": prose } },
            "components": { "schemas": {
                "QueueStatus": { "type": "object", "description": prose },
                "DrawInput": {
                    "title": prose, "description": prose, "type": "object", "required": ["prompt"],
                    "x-fal-order-properties": ["seed", "prompt", "size"],
                    "properties": {
                        "size": {
                            "type": "string", "enum": ["small", "large"], "description": prose,
                            "title": prose, "examples": [prose], "default": "small",
                        },
                        "prompt": {
                            "description": prose, "type": "string", "maxLength": 9, "example": prose,
                            "x-fal": { "timeout": 20, "max_file_size": 10_485_760 },
                            "limit_description": prose,
                        },
                        "seed": {
                            "title": prose,
                            "anyOf": [{ "type": "integer", "description": prose }, { "type": "null" }],
                        },
                    },
                },
                "DrawOutput": {
                    "type": "object",
                    "properties": {
                        "image": { "$ref": "#/components/schemas/Image", "description": prose },
                        "seed": { "type": "integer" },
                    },
                },
                "Image": {
                    "type": "object", "description": prose,
                    "properties": { "width": { "type": "integer" }, "url": { "type": "string" } },
                },
            } },
            "paths": {
                "/acme/draw": { "post": { "requestBody": { "content": { "application/json": {
                    "schema": { "$ref": "#/components/schemas/DrawInput" } } } } } },
                "/acme/draw/requests/{request_id}": { "get": { "responses": { "200": {
                    "description": prose,
                    "content": { "application/json": {
                        "schema": { "$ref": "#/components/schemas/DrawOutput" } } } } } } },
            },
        },
    })
}

const IMAGE: &str = "[under.\"acme\"]\nimage = \"The image.\"";

#[test]
fn facts_stay_and_prose_is_ours() {
    let form = form(&record(), &words(IMAGE)).unwrap();
    assert!(!print(&form).contains("SOMEBODY"), "{}", print(&form));
    assert_eq!(form["metadata"]["display_name"], "Draw");
    let input = &form["openapi"]["components"]["schemas"]["DrawInput"];
    let order: Vec<_> = input["properties"].as_object().unwrap().keys().collect();
    assert_eq!(order, ["seed", "prompt", "size"]);
    assert_eq!(
        input["properties"]["prompt"],
        json!({
            "description": "A prompt.", "type": "string", "maxLength": 9, "examples": ["a cat"],
            "limit_description": "The file may be up to 10 MiB. It must download within 20 seconds.",
            "x-fal": { "max_file_size": 10_485_760, "timeout": 20 },
        })
    );
    assert_eq!(input["properties"]["size"]["description"], "A size, such as `small`.");
    assert_eq!(input["properties"]["size"]["default"], "small");
    let schemas = &form["openapi"]["components"]["schemas"];
    assert_eq!(schemas["DrawOutput"]["properties"]["seed"]["description"], "The seed used.");
    assert_eq!(schemas["Image"]["properties"]["width"]["description"], "Width of an image.");
    assert_eq!(schemas["Image"]["description"], "An image.");
    assert_eq!(schemas.get("QueueStatus"), None);
}

#[test]
fn the_form_of_a_form_is_the_same() {
    let words = words(IMAGE);
    let once = form(&record(), &words).unwrap();
    assert_eq!(print(&form(&once, &words).unwrap()), print(&once));
}

#[test]
fn everything_without_a_phrase_is_told() {
    let findings = form(&record(), &words("")).unwrap_err();
    assert_eq!(findings, ["/openapi/components/schemas/DrawOutput/properties/image: no phrase"]);
    let mut unknown = record();
    unknown["endpoint_id"] = json!("acme/other");
    let findings = form(&unknown, &words(IMAGE)).unwrap_err();
    assert!(findings.iter().any(|finding| finding.contains("no input or no output")), "{findings:?}");
}

#[test]
fn a_phrase_may_not_speak_of_what_is_not_there() {
    let words = words("[under.acme]\nimage = \"One of `num_images`.\"");
    assert_eq!(
        form(&record(), &words).unwrap_err(),
        [
            "/openapi/components/schemas/DrawOutput/properties/image: its phrase speaks of `num_images`, which is not here"
        ]
    );
}

#[test]
fn a_key_that_is_neither_fact_nor_prose_is_an_error() {
    let mut record = record();
    record["openapi"]["components"]["schemas"]["DrawInput"]["properties"]["seed"]["hint"] =
        json!("new prose");
    let findings = form(&record, &words(IMAGE)).unwrap_err();
    assert!(
        findings[0].ends_with("properties/seed: `hint` is neither a known fact nor known prose"),
        "{findings:?}"
    );
}

#[test]
fn nothing_is_said_twice() {
    let mut words = words("");
    let error = words.add("[any]\nseed = \"Again.\"").unwrap_err();
    assert_eq!(error, "`seed` is already in the phrase book");
}

/// The documents of the catalogue say what the phrase book says, so a phrase is changed in one place.
#[test]
fn fetched_documents_are_in_house_form() {
    let schemas = root().join("schemas");
    let words = Words::read(&schemas.join("words")).unwrap();
    let lock = Lock::read(&schemas.join("lock.toml")).unwrap();
    let mut stale = Vec::new();
    for id in lock.0.keys() {
        let text = read(&schemas.join(format!("{id}.json")));
        match form(&serde_json::from_str(&text).unwrap(), &words) {
            Ok(form) if print(&form) == text => {}
            Ok(_) => stale.push(format!("{id} is stale")),
            Err(findings) => stale.push(format!("{id}: {findings:?}")),
        }
    }
    assert!(lock.0.len() > 300, "only {} documents were looked at", lock.0.len());
    assert!(stale.is_empty(), "run `cargo xtask fetch --reword --all`:\n{}", stale.join("\n"));
}

/// A phrase that no document uses is a misspelt name, or one that fal has given up.
#[test]
fn every_phrase_is_used() {
    let root = root();
    let schemas = root.join("schemas");
    let words = Words::read(&schemas.join("words")).unwrap();
    let manifest = fetch::manifest(&root).unwrap();
    for id in manifest.crates.values().flat_map(|family| &family.endpoints) {
        let record = serde_json::from_str(&read(&schemas.join(format!("{id}.json")))).unwrap();
        // A document written by hand need not have phrases, but those it has are used.
        let _ = form(&record, &words);
    }
    assert_eq!(words.unused(), [""; 0]);
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
