//! JSON Schemas of generated types, for the feature `schemars`.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

/// A type that a schema can refer to: its name, and the function that adds its schema to a generator.
pub type TypeReference = (&'static str, fn(&mut SchemaGenerator) -> Schema);

/// Parses the JSON Schema `text`, in which `{"$type": <name>}` stands for the schema of one of `types`.
pub fn parse(generator: &mut SchemaGenerator, text: &str, types: &[TypeReference]) -> Schema {
    // The generator writes valid JSON. If it ever did not, a schema that allows everything would still be correct.
    let mut value = serde_json::from_str(text).unwrap_or(Value::Bool(true));
    resolve_references(&mut value, generator, types);
    Schema::try_from(value).unwrap_or_default()
}

fn resolve_references(value: &mut Value, generator: &mut SchemaGenerator, types: &[TypeReference]) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| resolve_references(item, generator, types)),
        Value::Object(object) => {
            let name = object.get("$type").and_then(Value::as_str);
            let found = name.and_then(|name| types.iter().find(|(known, _)| *known == name));
            match found {
                Some((_, subschema)) => *value = subschema(generator).to_value(),
                None => object.values_mut().for_each(|value| resolve_references(value, generator, types)),
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_reference_is_replaced_by_the_schema_of_the_type() {
        let mut generator = SchemaGenerator::default();
        let text = r#"{"type": "array", "items": {"$type": "Text"}}"#;
        let schema = parse(&mut generator, text, &[("Text", SchemaGenerator::subschema_for::<String>)]);
        assert_eq!(schema.to_value(), serde_json::json!({ "type": "array", "items": { "type": "string" } }));
    }
}
