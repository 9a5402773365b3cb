//! Names for enums that documents repeat instead of making them components.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::ENUM_NAME;

/// The properties that have an enum, by its title and values.
type Uses = BTreeMap<(String, String), BTreeSet<String>>;

/// Marks the enums that have one title and the same values at several properties, so that they become one type.
///
/// A title that only one property has is that property's, and not the name of an enum.
pub(super) fn name_repeated_enums(openapi: &mut Value) {
    let mut uses = Uses::new();
    visit(openapi, "", &mut |property, schema| {
        if let Some(key) = key(schema) {
            uses.entry(key).or_default().insert(property.to_owned());
        }
    });
    uses.retain(|_, properties| properties.len() > 1);
    if uses.is_empty() {
        return;
    }
    visit(openapi, "", &mut |_, schema| {
        if let Some(key) = key(schema).filter(|key| uses.contains_key(key)) {
            schema.insert(ENUM_NAME.to_owned(), key.0.into());
        }
    });
}

fn key(schema: &Map<String, Value>) -> Option<(String, String)> {
    let title = schema.get("title")?.as_str().filter(|title| !title.trim().is_empty())?;
    let values = schema.get("enum")?.as_array()?;
    Some((title.to_owned(), serde_json::to_string(values).ok()?))
}

/// Calls `visit` with every schema of the components that is not a component itself, and the property that it is for.
fn visit(openapi: &mut Value, property: &str, visit: &mut dyn FnMut(&str, &mut Map<String, Value>)) {
    let schemas = openapi.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    for schema in schemas.into_iter().flat_map(Map::values_mut).filter_map(Value::as_object_mut) {
        visit_inside(schema, property, visit);
    }
}

fn visit_inside(
    schema: &mut Map<String, Value>,
    property: &str,
    visit: &mut dyn FnMut(&str, &mut Map<String, Value>),
) {
    let mut inner = |property: &str, schema: &mut Value| {
        if let Some(schema) = schema.as_object_mut() {
            visit(property, schema);
            visit_inside(schema, property, visit);
        }
    };
    for (keyword, value) in schema.iter_mut() {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                properties.iter_mut().for_each(|(name, schema)| inner(name, schema));
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(branches)) => {
                branches.iter_mut().for_each(|branch| inner(property, branch));
            }
            ("items" | "additionalProperties", schema) => inner(property, schema),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_enums_of_several_properties_have_a_name() {
        let style = json!({ "title": "Style", "enum": ["a", "b"] });
        let other = json!({ "title": "Style", "enum": ["a", "c"] });
        let mode = json!({ "title": "Mode", "enum": ["x"] });
        let mut openapi = json!({ "components": { "schemas": {
            "One": { "properties": { "style": style, "mode": mode, "third": other } },
            "Two": { "properties": { "mode": mode, "styles": { "type": "array", "items": style } } },
        } } });
        name_repeated_enums(&mut openapi);
        let name = |place: &str| {
            let schema = openapi.pointer(&format!("/components/schemas/{place}")).unwrap();
            schema.get(ENUM_NAME).and_then(Value::as_str)
        };
        assert_eq!(name("One/properties/style"), Some("Style"));
        assert_eq!(name("Two/properties/styles/items"), Some("Style"));
        assert_eq!(name("One/properties/third"), None);
        assert_eq!(name("One/properties/mode"), None);
    }
}
