#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use serde_json::{Value, json};

use super::{Descriptions, Findings, canonicalize, canonicalize_update, to_text};
use crate::{fetch, root};

pub(crate) const DESCRIPTIONS: &str = r#"
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
"acme/draw" = { name = "Draw", description = "Draws." }
[under."acme/draw"]
size = "A size, such as `small`."
"#;

fn descriptions(more: &str) -> Descriptions {
    let mut descriptions = Descriptions::default();
    descriptions.add("all.toml", DESCRIPTIONS).unwrap();
    descriptions.add("more.toml", more).unwrap();
    descriptions
}

/// Returns a record with foreign prose wherever fal's documents have some.
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

fn document(record: &Value, descriptions: &Descriptions) -> Value {
    let (document, findings) = canonicalize(record, descriptions).unwrap();
    assert_eq!(findings, Findings::default());
    document
}

const IMAGE: &str = "[under.\"acme\"]\nimage = \"The image.\"";

#[test]
fn facts_are_kept_and_prose_is_replaced() {
    let form = document(&record(), &descriptions(IMAGE));
    assert!(!to_text(&form).contains("SOMEBODY"), "{}", to_text(&form));
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
fn a_canonical_document_is_unchanged() {
    let descriptions = descriptions(IMAGE);
    let once = document(&record(), &descriptions);
    assert_eq!(to_text(&document(&once, &descriptions)), to_text(&once));
}

#[test]
fn facts_do_not_wait_for_descriptions() {
    let (form, findings) = canonicalize(&record(), &descriptions("")).unwrap();
    let texts: Vec<String> = findings.missing.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["acme/draw: `output.image` has no description"]);
    assert_eq!(
        (findings.missing[0].original.as_str(), findings.missing[0].facts.as_str()),
        ("SOMEBODY ELSE'S", "Image")
    );
    let output = &form["openapi"]["components"]["schemas"]["DrawOutput"]["properties"];
    assert_eq!(output["image"], json!({ "$ref": "#/components/schemas/Image" }));
    assert!(!to_text(&form).contains("SOMEBODY"));

    let (form, findings) = canonicalize(&record(), &Descriptions::default()).unwrap();
    // The endpoint, the type, and each of its 3 parameters and 4 fields.
    assert_eq!(findings.missing.len(), 9, "{:?}", findings.missing);
    assert_eq!(form["metadata"].get("description"), None);
    assert_eq!(form["metadata"]["display_name"], "SOMEBODY ELSE'S");
    let input = &form["openapi"]["components"]["schemas"]["DrawInput"];
    assert_eq!(input["required"], json!(["prompt"]));
    assert_eq!(findings.missing[1].facts, "integer or null");

    let mut unknown = record();
    unknown["endpoint_id"] = json!("acme/other");
    let problem = canonicalize(&unknown, &descriptions(IMAGE)).unwrap_err();
    assert!(problem.contains("has no input or no output"), "{problem}");
}

#[test]
fn a_description_that_does_not_fit_is_left_out() {
    for (description, misfit) in [
        ("One of `num_images`.", "names `num_images`, which the document does not have"),
        ("Left out, nothing is drawn.", "says what happens when it is left out, but it is required"),
    ] {
        let mut record = record();
        record["openapi"]["components"]["schemas"]["DrawOutput"]["required"] = json!(["image"]);
        let descriptions = descriptions(&format!("[under.acme]\nimage = {description:?}"));
        let (form, findings) = canonicalize(&record, &descriptions).unwrap();
        let expected = format!("in schemas/descriptions/more.toml {misfit}");
        assert_eq!(findings.missing[0].misfit.as_deref(), Some(expected.as_str()));
        assert!(!to_text(&form).contains(description));
    }
}

#[test]
fn unknown_keys_and_categories_are_noted() {
    let mut record = record();
    record["metadata"]["category"] = json!("text-to-smell");
    let property = &mut record["openapi"]["components"]["schemas"]["DrawInput"]["properties"]["seed"];
    property["hint"] = json!("new prose");
    property["x-fal-file-input"] = json!(true);
    property["max_pixels"] = json!(9);
    let (form, findings) = canonicalize(&record, &descriptions(IMAGE)).unwrap();
    assert!(findings.notes[0].contains("`text-to-smell`"), "{:?}", findings.notes);
    assert!(findings.notes[1].contains("properties/seed: `hint` was left out"), "{:?}", findings.notes);
    assert_eq!(findings.notes.len(), 2);
    let text = to_text(&form);
    assert!(!text.contains("new prose") && text.contains("x-fal-file-input") && text.contains("max_pixels"));
}

#[test]
fn committed_category_and_its_descriptions_are_kept_while_the_new_one_is_not_known() {
    let descriptions = descriptions(IMAGE);
    let committed = document(&record(), &descriptions);
    let mut new = record();
    new["metadata"]["category"] = json!("text-to-hologram");
    let (form, findings) = canonicalize_update(&new, Some(&committed), &descriptions).unwrap();
    assert_eq!(to_text(&form), to_text(&committed));
    assert_eq!(findings.missing, []);
    let [note] = &*findings.notes else { panic!("{:?}", findings.notes) };
    assert!(note.contains("`text-to-hologram`") && note.contains("`text-to-image` is kept"), "{note}");
}

#[test]
fn committed_bounds_are_kept_in_their_place_while_the_new_ones_contradict_each_other() {
    let descriptions = descriptions(IMAGE);
    let committed = document(&record(), &descriptions);
    let mut new = record();
    new["openapi"]["components"]["schemas"]["DrawInput"]["properties"]["prompt"]["minLength"] = json!(10);
    let (form, findings) = canonicalize_update(&new, Some(&committed), &descriptions).unwrap();
    assert_eq!(to_text(&form), to_text(&committed));
    assert!(
        findings.notes[0].contains("properties/prompt: minLength 10, maxLength 9 exclude"),
        "{findings:?}"
    );
}

#[test]
fn a_second_description_is_refused() {
    let mut descriptions = descriptions("");
    let error = descriptions.add("again.toml", "[any]\nseed = \"Again.\"").unwrap_err();
    assert_eq!(error, "`seed` is described twice in schemas/descriptions");
}

#[test]
fn protocol_of_a_realtime_route_is_kept() {
    let mut record = record();
    record["openapi"]["paths"]["/acme/draw"]["x-fal-protocol"] = json!({ "type": "realtime" });
    let form = document(&record, &descriptions(IMAGE));
    assert_eq!(form["openapi"]["paths"]["/acme/draw"]["x-fal-protocol"]["type"], "realtime");
    assert!(form["openapi"]["paths"]["/acme/draw"]["post"].is_object());
}

/// A description is changed in one place, schemas/descriptions, and the documents follow, those written by hand too.
#[test]
fn documents_are_canonical() {
    let root = root();
    let schemas = root.join("schemas");
    let descriptions = Descriptions::read(&schemas.join("descriptions")).unwrap();
    let manifest = fetch::manifest(&root).unwrap();
    let mut stale = Vec::new();
    for id in manifest.crates.values().flat_map(|family| &family.endpoints) {
        let text = read(&schemas.join(format!("{id}.json")));
        match canonicalize(&serde_json::from_str(&text).unwrap(), &descriptions) {
            Ok((form, _)) if to_text(&form) == text => {}
            Ok(_) => stale.push(format!("{id} is stale")),
            Err(problem) => stale.push(format!("{id}: {problem}")),
        }
    }
    assert!(stale.is_empty(), "run `cargo xtask fetch --reword --all --force`:\n{}", stale.join("\n"));
}

/// A description that no document uses has a misspelt name, or one that fal has removed.
#[test]
fn every_description_is_used() {
    let root = root();
    let schemas = root.join("schemas");
    let descriptions = Descriptions::read(&schemas.join("descriptions")).unwrap();
    let manifest = fetch::manifest(&root).unwrap();
    for id in manifest.crates.values().flat_map(|family| &family.endpoints) {
        let record = serde_json::from_str(&read(&schemas.join(format!("{id}.json")))).unwrap();
        // A document written by hand may lack descriptions, but uses those that it has.
        let _ = canonicalize(&record, &descriptions);
    }
    assert_eq!(descriptions.unused(), [""; 0]);
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}
