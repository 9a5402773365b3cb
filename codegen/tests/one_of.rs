//! Tests of unions of which a value may fit one member alone.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use fal_codegen::{Generator, Options, Source};
use serde_json::{Value, json};
use support::record;

/// Returns the properties that are reported because a value can fit several members of their union.
fn reported(properties: &Value, components: &Value) -> Vec<String> {
    let mut record = record("acme/unions", properties.clone());
    let schemas = record["openapi"]["components"]["schemas"].as_object_mut().unwrap();
    schemas.extend(components.as_object().unwrap().clone());
    let source = Source { file: "unions.json".to_owned(), text: record.to_string() };
    let generated = Generator::new(Options::default()).crates(&[source]).unwrap();
    let pointers = generated.report.endpoints.iter().flat_map(|entry| &entry.unenforced);
    pointers
        .filter_map(|text| text.strip_suffix("/oneOf: a value that fits several of these is accepted"))
        .filter_map(|pointer| Some(pointer.split_once("Input/properties/")?.1.to_owned()))
        .collect()
}

#[test]
fn members_of_a_one_of_that_have_common_values_are_reported() {
    let mut properties = json!({});
    properties["a"] = json!({ "oneOf": [{ "type": "integer" }, { "type": "number" }] });
    properties["b"] =
        json!({ "oneOf": [{ "type": "integer", "maximum": 1 }, { "type": "number", "minimum": 2 }] });
    properties["c"] = json!({ "oneOf": [{ "type": "string" }, { "enum": ["auto"] }] });
    properties["d"] = json!({ "oneOf": [
        { "type": "array", "items": { "type": "string" } },
        { "type": "array", "items": { "type": "integer" } },
    ] });
    properties["e"] = json!({ "oneOf": [
        { "type": "array", "items": { "type": "string" }, "minItems": 1 },
        { "type": "array", "items": { "type": "integer" }, "minItems": 1 },
    ] });
    assert_eq!(reported(&properties, &json!({})), ["a", "c", "d"]);
}

#[test]
fn objects_of_a_one_of_that_exclude_each_other_are_not_reported() {
    let object = |tag: &Value, name: &str| {
        json!({
            "type": "object",
            "properties": { "kind": tag, name: { "type": "string" }, "next": { "$ref": "#/components/schemas/A" } },
            "required": [name],
        })
    };
    let constant = |value: &str| json!({ "type": "string", "const": value, "default": value });
    let losses = |first: Value, second: Value, discriminator: bool| {
        let mut union = json!({ "oneOf": [
            { "$ref": "#/components/schemas/A" }, { "$ref": "#/components/schemas/B" },
        ] });
        if discriminator {
            union["discriminator"] = json!({ "propertyName": "kind" });
        }
        reported(&json!({ "union": union }), &json!({ "A": first, "B": second })).len()
    };
    let (a, b) = (object(&constant("a"), "x"), object(&constant("b"), "y"));
    let with = |object: &Value, name: &str, value: Value| {
        let mut object = object.clone();
        object[name] = value;
        object
    };
    // Without a discriminator, an object without a tag can have both properties.
    assert_eq!(losses(a.clone(), b.clone(), false), 1);
    assert_eq!(losses(a.clone(), b.clone(), true), 0);
    assert_eq!(losses(with(&a, "required", json!(["kind"])), b.clone(), false), 0);
    assert_eq!(losses(with(&a, "additionalProperties", json!(false)), b, false), 0);
    assert_eq!(losses(a.clone(), object(&json!({ "type": "string" }), "y"), true), 1);
    assert_eq!(losses(a, object(&json!({ "type": "integer" }), "y"), true), 0);
}
