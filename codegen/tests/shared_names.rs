//! Tests of documents of one app that use a name for different objects.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use fal_codegen::{Generator, Options, Source};
use serde_json::{Value, json};
use support::record;

/// Returns an endpoint with a parameter `Light` of these properties.
fn endpoint(id: &str, properties: Value) -> Source {
    let mut record = record(id, json!({ "light": { "$ref": "#/components/schemas/Light" } }));
    record["openapi"]["components"]["schemas"]["Light"] =
        json!({ "type": "object", "properties": properties });
    Source { file: format!("{id}.json"), text: record.to_string() }
}

#[test]
fn the_most_used_object_gets_the_name_and_no_property_is_lost() {
    let colour = || json!({ "colour": { "type": "string", "description": "Its colour." } });
    let both = json!({ "colour": { "type": "string" }, "watts": { "type": "integer" } });
    let sources = [
        endpoint("acme/draw/first", both),
        endpoint("acme/draw/second", colour()),
        endpoint("acme/draw/third", json!({ "colour": { "type": "string", "description": "In words." } })),
        endpoint("acme/draw/fourth", json!({ "colour": { "type": "string", "default": "red" } })),
    ];
    let generated = Generator::new(Options::default()).crates(&sources).unwrap();
    for entry in &generated.report.endpoints {
        assert_eq!(entry.properties_read, entry.properties_emitted, "{}", entry.id);
    }
    let file = |name: &str| generated.tree.iter().find(|(path, _)| path.ends_with(name)).unwrap().1;
    for (module, name) in [("first", "Light2"), ("second", "Light"), ("third", "Light"), ("fourth", "Light3")]
    {
        let field = format!("pub light: Option<{name}>,");
        assert!(file(&format!("src/{module}.rs")).contains(&field), "{module}: {field}");
    }
}

#[test]
fn json_schemas_use_the_words_of_their_own_endpoint() {
    let light = |words: &str| json!({ "colour": { "type": "string", "description": words } });
    let sources = [
        endpoint("acme/draw/first", light("Its colour.")),
        endpoint("acme/draw/second", light("Its\n  colour.")),
        endpoint("acme/draw/third", light("In words.")),
        endpoint("acme/draw/fourth", light("In words.")),
    ];
    let generated = Generator::new(Options::default()).crates(&sources).unwrap();
    let file = |name: &str| generated.tree.iter().find(|(path, _)| path.ends_with(name)).unwrap().1;
    let types = file("src/types.rs");
    assert!(types.contains("pub struct Light {") && !types.contains("Light2"), "{types}");
    let schemas = file("src/json_schema.rs");
    let uses = |text: &str| schemas.matches(text).count();
    assert_eq!(uses("enum LightOfFourth {}"), 1, "{schemas}");
    assert_eq!(uses(r#""acme/draw/fourth::Light""#), 1, "{schemas}");
    assert_eq!(uses(r#""light": {"$type": "Light"}"#), 2, "{schemas}");
    assert_eq!(uses(r#""light": {"$type": "LightOfFourth"}"#), 2, "{schemas}");
    // The schema of the output has the words of the first endpoint.
    assert_eq!((uses("Its colour."), uses("In words.")), (2, 1), "{schemas}");
}
