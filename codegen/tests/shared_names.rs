//! Tests of documents of one app that use a name for different objects.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;

use fal_codegen::{Generator, Options, Source, TypeNames};
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

/// Returns the type of the parameter `light` by the last segment of each endpoint id.
fn types_of_light(sources: &[Source], type_names: &TypeNames) -> (BTreeMap<String, String>, TypeNames) {
    let options = Options { type_names: type_names.clone(), ..Options::default() };
    let generated = Generator::new(options).crates(sources).unwrap();
    let fields = generated.tree.iter().filter_map(|(path, text)| {
        let module = path.split_once("/src/")?.1.strip_suffix(".rs")?;
        let field = text.split_once("pub light: Option<")?.1.split_once('>')?.0;
        Some((module.to_owned(), field.to_owned()))
    });
    (fields.collect(), generated.type_names)
}

#[test]
fn names_are_kept_by_most_endpoints_of_a_type_whatever_comes_or_differs() {
    let light = |id: &str, name: &str| endpoint(id, json!({ name: { "type": "string" } }));
    let mut sources = vec![light("acme/draw/m", "colour")];
    let (_, names) = types_of_light(&sources, &TypeNames::default());
    // Most endpoints differ from the first, and come before it in the alphabet.
    sources.extend(["a", "b", "c"].map(|id| light(&format!("acme/draw/{id}"), "watts")));
    let (types, names) = types_of_light(&sources, &names);
    assert_eq!([&types["m"], &types["a"], &types["c"]], ["Light", "Light2", "Light2"]);
    assert_eq!(types_of_light(&sources, &names).1, names);
    // One of three differs, and then all of them do.
    sources[1] = light("acme/draw/a", "volts");
    let (types, names) = types_of_light(&sources, &names);
    assert_eq!([&types["m"], &types["a"], &types["c"]], ["Light", "Light3", "Light2"]);
    let lights: Vec<Source> = ["a", "b", "c", "m"].map(|id| light(&format!("acme/draw/{id}"), "ohms")).into();
    let (types, _) = types_of_light(&lights, &names);
    assert!(types.values().all(|name| name == "Light2"), "{types:?}");
}

#[test]
fn equal_numbers_of_endpoints_are_decided_alike_in_any_order() {
    let light = |id: &str, name: &str| endpoint(id, json!({ name: { "type": "string" } }));
    let ids = ["acme/draw/a", "acme/draw/b", "acme/draw/c", "acme/draw/d"];
    let (_, names) = types_of_light(&ids.map(|id| light(id, "colour")), &TypeNames::default());
    // Two of four differ, and `e` is new.
    let mut sources = vec![
        light(ids[0], "watts"),
        light(ids[1], "watts"),
        light(ids[2], "colour"),
        light(ids[3], "colour"),
        light("acme/draw/e", "watts"),
    ];
    let (types, _) = types_of_light(&sources, &names);
    assert_eq!([&types["a"], &types["c"], &types["e"]], ["Light", "Light2", "Light"]);
    // The record has lines of two branches, in either order.
    let of = |endpoints: &[&str]| {
        format!(
            "{{\"crate\":\"fal-acme-draw\",\"endpoints\":{endpoints:?}}}\n{{\"crate\":\"fal-acme-draw\",\"type\":\"Light\",\
             \"of\":{{\"input\":\"Light\"}},\"endpoints\":{endpoints:?}}}\n"
        )
    };
    let (one, other) = (of(&[ids[0], ids[2]]), of(&[ids[0], ids[3], ids[1]]));
    for text in [format!("{one}{other}"), format!("{other}{one}")] {
        let names = TypeNames::parse("names", &text).unwrap();
        for _ in 0..sources.len() {
            sources.rotate_left(1);
            assert_eq!(types_of_light(&sources, &names).0, types, "{text}");
        }
    }
}

#[test]
fn types_inside_of_a_known_type_keep_their_names() {
    let known = endpoint("acme/draw/m", json!({ "watts": { "type": "integer", "maximum": 9 } }));
    let (_, names) = types_of_light(std::slice::from_ref(&known), &TypeNames::default());
    let new = || json!({ "$ref": "#/components/schemas/LightWatts" });
    let mut record = record("acme/draw/a", json!({ "one": new(), "two": new() }));
    record["openapi"]["components"]["schemas"]["LightWatts"] =
        json!({ "type": "object", "properties": { "x": { "type": "string" } } });
    let added = Source { file: "a.json".to_owned(), text: record.to_string() };
    let options = Options { type_names: names, ..Options::default() };
    let generated = Generator::new(options).crates(&[known, added]).unwrap();
    let text = |name: &str| generated.tree.iter().find(|(path, _)| path.ends_with(name)).unwrap().1;
    assert!(text("src/types.rs").contains("pub watts: Option<LightWatts>"), "{}", text("src/types.rs"));
    assert!(text("src/a.rs").contains("pub one: Option<LightWattsInput>"), "{}", text("src/a.rs"));
}

#[test]
fn modules_whose_segments_differ_in_punctuation_keep_their_names() {
    let sources = ["acme/draw/a_b", "acme/draw/a-b"].map(|id| endpoint(id, json!({})));
    let generate = |sources: &[Source], type_names: TypeNames| {
        Generator::new(Options { type_names, ..Options::default() }).crates(sources).unwrap()
    };
    let first = generate(&sources[..1], TypeNames::default());
    let second = generate(&sources, first.type_names);
    let file = |name: &str| second.tree.iter().find(|(path, _)| path.ends_with(name)).unwrap().1;
    assert!(file("src/a_b.rs").contains("acme/draw/a_b"));
    assert!(file("src/a_b_2.rs").contains("acme/draw/a-b"));
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

#[test]
fn json_schemas_of_named_unions_use_the_words_of_their_own_endpoint() {
    let source = |id: &str, words: &str| {
        let shape = json!({ "$ref": "#/components/schemas/Shape" });
        let mut record = record(id, json!({ "border": shape, "mask": shape }));
        let schemas = &mut record["openapi"]["components"]["schemas"];
        let kinds = ["Circle", "Square"].map(|name| {
            schemas[name] = json!({ "type": "object", "required": [name], "properties": {
                name: { "type": "number", "description": words } } });
            json!({ "$ref": format!("#/components/schemas/{name}") })
        });
        schemas["Shape"] = json!({ "anyOf": kinds });
        Source { file: format!("{id}.json"), text: record.to_string() }
    };
    let sources = [source("acme/draw/first", "In pixels."), source("acme/draw/second", "In metres.")];
    let generated = Generator::new(Options::default()).crates(&sources).unwrap();
    let schemas = generated.tree.iter().find(|(path, _)| path.ends_with("src/json_schema.rs")).unwrap().1;
    let uses = |text: &str| schemas.matches(text).count();
    assert_eq!((uses(r#"{"$type": "Shape"}"#), uses(r#"{"$type": "ShapeOfSecond"}"#)), (2, 2), "{schemas}");
    // Outputs have the words of the first endpoint.
    assert_eq!((uses("In pixels."), uses("In metres.")), (4, 2), "{schemas}");
}

#[test]
fn a_parameter_leads_to_the_type_of_its_endpoint_before_a_shared_one_of_the_same_name() {
    let endpoint = |id: &str, scalar: &str, object: &str| {
        let own =
            json!({ "anyOf": [{ "type": scalar }, { "$ref": format!("#/components/schemas/{object}") }] });
        let mut record = record(id, json!({ "light": own }));
        record["openapi"]["components"]["schemas"][object] =
            json!({ "type": "object", "properties": { "colour": { "type": "string" } } });
        Source { file: format!("{id}.json"), text: record.to_string() }
    };
    let sources = [
        endpoint("acme/draw/first", "string", "Lamp"),
        endpoint("acme/draw/second", "string", "Lamp"),
        endpoint("acme/draw/third", "boolean", "Torch"),
    ];
    let generated = Generator::new(Options::default()).crates(&sources).unwrap();
    let file = |name: &str| generated.tree.iter().find(|(path, _)| path.ends_with(name)).unwrap().1;
    assert!(file("src/types.rs").contains("pub enum Light "));
    assert!(file("src/first.rs").contains("types::shape::Light as light"));
    let third = file("src/third.rs");
    assert!(third.contains("pub enum Light ") && third.contains("types::shape::Torch::*"), "{third}");
    assert!(!third.contains("shape::Light"), "{third}");
}
