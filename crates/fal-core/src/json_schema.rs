//! JSON Schemas of generated types, for the feature `schemars`.

use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

/// A generated type, by its name and the schema it gives of itself.
pub type Reference = (&'static str, fn(&mut SchemaGenerator) -> Schema);

/// The schema in `text`, where `{"$type": <name>}` stands for one of `types`.
pub fn schema(generator: &mut SchemaGenerator, text: &str, types: &[Reference]) -> Schema {
    // The generator wrote the text as JSON; a schema that allows everything is still a true one.
    let mut value = serde_json::from_str(text).unwrap_or(Value::Bool(true));
    refer(&mut value, generator, types);
    Schema::try_from(value).unwrap_or_default()
}

fn refer(value: &mut Value, generator: &mut SchemaGenerator, types: &[Reference]) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| refer(item, generator, types)),
        Value::Object(object) => {
            let name = object.get("$type").and_then(Value::as_str);
            let found = name.and_then(|name| types.iter().find(|(known, _)| *known == name));
            match found {
                Some((_, subschema)) => *value = subschema(generator).to_value(),
                None => object.values_mut().for_each(|value| refer(value, generator, types)),
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_referred_to() {
        let mut generator = SchemaGenerator::default();
        let text = r#"{"type": "array", "items": {"$type": "Text"}}"#;
        let schema = schema(&mut generator, text, &[("Text", SchemaGenerator::subschema_for::<String>)]);
        assert_eq!(schema.to_value(), serde_json::json!({ "type": "array", "items": { "type": "string" } }));
    }
}
