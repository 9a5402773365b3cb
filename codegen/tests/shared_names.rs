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
