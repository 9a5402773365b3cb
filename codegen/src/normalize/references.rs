//! Brings references to schemas into one form, `#/components/schemas/<name>` with the name as it is.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::error::unescape;

/// The start of a reference to a component schema.
pub(crate) const SCHEMAS: &str = "#/components/schemas/";

/// Keys whose values are data, in which `$ref` has no meaning.
const DATA: &[&str] = &["default", "enum", "const", "example", "examples"];

/// Decodes the escapes of references (`~1`, `~0`, `%20`), and makes a component of every other schema of the document
/// that a reference leads to.
///
/// References that lead nowhere, or out of the document, stay as they are, and are errors when they are followed.
pub(super) fn rewrite_references(openapi: &mut Value) {
    let mut found = BTreeMap::new();
    visit_references(openapi, &mut |reference| {
        if !found.contains_key(reference.as_str()) {
            found.insert(reference.clone(), None);
        }
    });
    let names: Vec<String> = found.keys().cloned().collect();
    // The deepest schemas move first, so that the pointers of those around them stay valid.
    let mut elsewhere = Vec::new();
    for reference in names {
        match find_component(openapi, &reference) {
            Some(name) => drop(found.insert(reference, Some(name))),
            None => elsewhere.push(reference),
        }
    }
    elsewhere.sort_by_key(|reference| std::cmp::Reverse(reference.matches('/').count()));
    for reference in elsewhere {
        let moved = move_to_components(openapi, &reference);
        found.insert(reference, moved);
    }
    visit_references(openapi, &mut |reference| {
        if let Some(Some(name)) = found.get(reference.as_str()) {
            *reference = format!("{SCHEMAS}{name}");
        }
    });
}

/// Returns the name of the component schema that a reference names, with or without escapes.
fn find_component(openapi: &Value, reference: &str) -> Option<String> {
    let schemas = openapi.pointer("/components/schemas")?.as_object()?;
    let name = reference.strip_prefix(SCHEMAS)?;
    if schemas.contains_key(name) {
        return Some(name.to_owned());
    }
    let name = unescape(&decode_percent(name));
    schemas.contains_key(&name).then_some(name)
}

/// Moves the schema that a reference leads to into the components, and returns its name there.
fn move_to_components(openapi: &mut Value, reference: &str) -> Option<String> {
    let pointer = decode_percent(reference.strip_prefix('#')?);
    let (parent, last) = pointer.rsplit_once('/')?;
    let holds_schemas = ["$defs", "definitions", "properties", "patternProperties", "schemas"];
    let lists_schemas = ["allOf", "anyOf", "oneOf", "prefixItems"];
    let parent = parent.rsplit('/').next()?;
    let is_schema = holds_schemas.contains(&parent)
        || lists_schemas.contains(&parent)
        || ["schema", "items", "additionalProperties", "not"].contains(&last);
    if !is_schema
        || !openapi.pointer(&pointer).is_some_and(|schema| schema.is_object() || schema.is_boolean())
    {
        return None;
    }
    let wanted = unescape(last);
    let schemas = openapi.pointer("/components/schemas").and_then(Value::as_object);
    let is_taken = |name: &str| schemas.is_some_and(|schemas| schemas.contains_key(name));
    let mut numbered = std::iter::once(wanted.clone()).chain((2..).map(|number| format!("{wanted}{number}")));
    let name = numbered.find(|name| !is_taken(name))?;
    let place = openapi.pointer_mut(&pointer)?;
    let schema = std::mem::replace(place, json!({ "$ref": format!("{SCHEMAS}{name}") }));
    let components = openapi.as_object_mut()?.entry("components").or_insert_with(|| json!({}));
    let schemas = components.as_object_mut()?.entry("schemas").or_insert_with(|| json!({}));
    schemas.as_object_mut()?.insert(name.clone(), schema);
    Some(name)
}

/// Calls `visit` with every reference of a document, those of discriminators included.
fn visit_references(value: &mut Value, visit: &mut dyn FnMut(&mut String)) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match (key.as_str(), value) {
                    ("$ref", Value::String(reference)) => visit(reference),
                    ("mapping", Value::Object(targets)) => visit_mapping(targets, visit),
                    (key, _) if DATA.contains(&key) || key.starts_with("x-") => {}
                    // The names of properties, components and replies are no keywords.
                    (
                        "properties" | "$defs" | "definitions" | "patternProperties" | "schemas"
                        | "responses",
                        Value::Object(schemas),
                    ) => {
                        schemas.values_mut().for_each(|schema| visit_references(schema, visit));
                    }
                    (_, value) => visit_references(value, visit),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| visit_references(item, visit)),
        _ => {}
    }
}

/// Visits the targets of a discriminator that are references. A target may be the name of a component too.
fn visit_mapping(targets: &mut Map<String, Value>, visit: &mut dyn FnMut(&mut String)) {
    for target in targets.values_mut() {
        if let Value::String(target) = target
            && target.starts_with('#')
        {
            visit(target);
        }
    }
}

/// Decodes `%XX`. Other text stays as it is, and so does the whole text if the result would not be UTF-8.
fn decode_percent(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let digits = text.get(index + 1..index + 3).filter(|_| bytes[index] == b'%');
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decoded.push(byte);
                index += 3;
            }
            None => {
                decoded.push(bytes[index]);
                index += 1;
            }
        }
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_of_references_are_decoded() {
        let mut document = json!({
            "components": { "schemas": {
                "a/b": {}, "c~d": {}, "List[int]": {}, "ü": {}, "plain": {},
                "User": { "properties": {
                    "a": { "$ref": "#/components/schemas/a~1b" },
                    "b": { "$ref": "#/components/schemas/c~0d" },
                    "c": { "$ref": "#/components/schemas/List%5Bint%5D" },
                    "d": { "$ref": "#/components/schemas/%C3%BC" },
                    "e": { "$ref": "#/components/schemas/plain" },
                    "f": { "$ref": "#/components/schemas/missing%20one" },
                    "g": { "default": { "$ref": "#/components/schemas/a~1b" } }
                } }
            } }
        });
        rewrite_references(&mut document);
        let property =
            |name: &str| document.pointer(&format!("/components/schemas/User/properties/{name}")).cloned();
        for (name, target) in [("a", "a/b"), ("b", "c~d"), ("c", "List[int]"), ("d", "ü"), ("e", "plain")] {
            assert_eq!(property(name), Some(json!({ "$ref": format!("{SCHEMAS}{target}") })));
        }
        assert_eq!(property("f"), Some(json!({ "$ref": "#/components/schemas/missing%20one" })));
        assert_eq!(property("g"), Some(json!({ "default": { "$ref": "#/components/schemas/a~1b" } })));
    }

    #[test]
    fn schemas_outside_the_components_become_components() {
        let mut document = json!({
            "$defs": { "D": { "type": "integer" } },
            "components": { "schemas": {
                "D": {},
                "A": { "properties": { "x": { "properties": { "y": { "type": "string" } } } } },
                "B": { "anyOf": [
                    { "$ref": "#/$defs/D" },
                    { "$ref": "#/components/schemas/A/properties/x" },
                    { "$ref": "#/components/schemas/A/properties/x/properties/y" }
                ] }
            } }
        });
        rewrite_references(&mut document);
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["D2"], json!({ "type": "integer" }));
        assert_eq!(schemas["y"], json!({ "type": "string" }));
        assert_eq!(schemas["x"], json!({ "properties": { "y": { "$ref": "#/components/schemas/y" } } }));
        assert_eq!(schemas["A"]["properties"]["x"], json!({ "$ref": "#/components/schemas/x" }));
        assert_eq!(
            schemas["B"]["anyOf"],
            json!([
                { "$ref": "#/components/schemas/D2" },
                { "$ref": "#/components/schemas/x" },
                { "$ref": "#/components/schemas/y" }
            ])
        );
    }
}
