//! Schemas and arguments of a tool, by a schema that has every construct of generated ones.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};

use super::{arguments, schema};

fn input() -> Value {
    schema::close(json!({
        "$schema": "x",
        "title": "Input",
        "type": "object",
        "description": "The parameters.",
        "properties": {
            "prompt": { "type": "string", "minLength": 3, "maxLength": 20 },
            "num_images": { "type": "integer", "minimum": 1, "maximum": 4, "default": 1, "description": "Number." },
            "image_size": {
                "default": "square", "description": "Size.",
                "allOf": [{ "anyOf": [
                    { "type": "object", "properties": { "width": { "type": "integer", "maximum": 10 } }, "description": "Exact." },
                    { "type": "string", "enum": ["square", "wide"] }
                ] }]
            },
            "seed": { "anyOf": [{ "type": "integer" }, { "type": "null" }], "description": "Seed." },
            "tags": { "type": "array", "maxItems": 2, "items": { "type": "string", "enum": ["a", "b"] } },
            "labels": { "type": "object", "additionalProperties": { "type": "string" } }
        },
        "required": ["prompt"],
        "allOf": [{ "not": { "required": ["tags", "labels"] } }]
    }))
}

/// Returns the mistakes in alphabetical order: without the feature `preserve_order` of serde_json, an object has no order.
fn mistakes(arguments: Value) -> Vec<String> {
    let (schema, mut arguments) = (input(), arguments);
    arguments::drop_nulls(&schema, &mut arguments);
    let mut found = Vec::new();
    arguments::check(&schema, &arguments, "body", &mut found);
    let mut found: Vec<String> =
        found.into_iter().map(|one| format!("{}: {}", one.path, one.message)).collect();
    found.sort();
    found
}

#[test]
fn closed_schema_has_no_references_and_names_all_properties() {
    let closed = input();
    assert_eq!(closed["additionalProperties"], false);
    assert_eq!(closed["properties"]["image_size"]["anyOf"][0]["additionalProperties"], false);
    assert_eq!(closed["properties"]["labels"]["additionalProperties"], json!({ "type": "string" }));
    let text = closed.to_string();
    assert!(
        !text.contains("allOf")
            && !text.contains("\"not\"")
            && !text.contains("$ref")
            && !text.contains("$schema"),
        "{text}"
    );
}

#[test]
fn strict_schema_requires_every_property_and_takes_null() {
    let strict = schema::strict(&input());
    let mut required: Vec<&str> =
        strict["required"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    required.sort_unstable();
    assert_eq!(required, ["image_size", "num_images", "prompt", "seed", "tags"]);
    assert_eq!(strict["properties"].get("labels"), None, "free content has no strict form");
    assert_eq!(
        strict["properties"]["num_images"],
        json!({ "anyOf": [{ "type": "integer" }, { "type": "null" }], "description": "Number. At least 1. At most 4. Default 1." })
    );
    assert_eq!(
        strict["properties"]["prompt"],
        json!({ "type": "string", "description": "Number of characters at least 3. Number of characters at most 20." })
    );
    assert_eq!(strict["properties"]["image_size"]["anyOf"].as_array().unwrap().len(), 3);
    let size = &strict["properties"]["image_size"]["anyOf"][0];
    assert_eq!((&size["required"], &size["additionalProperties"]), (&json!(["width"]), &json!(false)));
    for keyword in ["\"minimum\"", "\"default\"", "\"maxItems\"", "\"minLength\""] {
        assert!(!strict.to_string().contains(keyword), "{keyword}");
    }
}

#[test]
fn required_content_of_any_form_has_no_strict_form() {
    let strict = |properties: Value, required: Value| {
        let schema = json!({ "type": "object", "properties": properties, "required": required });
        let closed = schema::close(schema);
        (schema::is_expressible(&closed), schema::strict(&closed))
    };
    let text = json!({ "type": "string" });
    for free in [
        json!({ "type": "object" }),
        json!({ "type": "array" }),
        json!({}),
        json!({ "type": "array", "items": {} }),
    ] {
        assert!(!strict(json!({ "a": free, "b": text }), json!(["a"])).0, "{free}");
        let (is_expressible, schema) = strict(json!({ "a": free, "b": text }), json!(["b"]));
        assert!(is_expressible && schema["properties"].get("a").is_none(), "{schema}");
        // The rest of an object is kept without its free part.
        let inner = json!({ "type": "object", "properties": { "a": free, "b": text } });
        let (is_expressible, schema) = strict(json!({ "c": inner }), json!(["c"]));
        assert!(is_expressible, "{schema}");
        assert_eq!(schema["properties"]["c"]["required"], json!(["b"]));
    }
    let (_, schema) = strict(json!({ "a": { "const": "x" } }), json!(["a"]));
    assert_eq!(schema["properties"]["a"], json!({ "enum": ["x"] }));
}

#[test]
fn every_mistake_is_told_at_once() {
    let arguments = json!({
        "promt": "a cat", "num_images": 9, "image_size": { "width": 11, "depth": 1 }, "tags": ["a", "c", "b"], "seed": "7",
    });
    assert_eq!(
        mistakes(arguments),
        [
            "body.image_size.depth: there is no argument `depth`; the arguments are `width`",
            "body.image_size.width: must be at most 10, not 11",
            "body.num_images: must be at most 4, not 9",
            "body.prompt: is required: text",
            "body.promt: there is no argument `promt`; did you mean `prompt`?",
            "body.seed: must be an integer, or null, not \"7\"",
            "body.tags.1: must be \"a\" or \"b\", not \"c\"",
            "body.tags: must have at most 2 items, not 3",
        ]
    );
}

#[test]
fn good_arguments_and_nulls_pass() {
    let none: [&str; 0] = [];
    assert_eq!(mistakes(json!({ "prompt": "a cat" })), none);
    let all = json!({
        "prompt": "a cat", "num_images": null, "image_size": { "width": null }, "tags": null, "seed": null, "labels": { "a": "b" },
    });
    assert_eq!(mistakes(all), none);
    assert_eq!(mistakes(json!({ "prompt": "a cat", "image_size": "wide", "num_images": 2.0 })), none);
    assert_eq!(mistakes(json!({ "prompt": null })), ["body.prompt: must be text, not null"]);
    let no_object = mistakes(json!([])).remove(0);
    assert!(
        no_object.starts_with("body: must be an object with `") && no_object.ends_with("`, not []"),
        "{no_object}"
    );
    for name in ["image_size", "labels", "num_images", "prompt", "seed", "tags"] {
        assert!(no_object.contains(&format!("`{name}`")), "{no_object}");
    }
    assert_eq!(mistakes(json!({ "prompt": "ab", "steps": 4 })).len(), 2);
}
