//! JSON Schemas of generated types, for the feature `schemars`.

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::Value;

/// A type with its JSON Schema as text, which compiles faster than a schema that is built by code.
/// [`implement_json_schema`](crate::implement_json_schema) implements [`JsonSchema`] for it.
pub trait SchemaText {
    /// The path of the type. Its last segment is the name of the schema.
    const ID: &'static str;
    /// The schema, in which `{"$type": <name>}` stands for the schema of one of `TYPES`.
    const SCHEMA: &'static str;
    /// The types that the schema refers to.
    const TYPES: &'static [TypeReference] = &[];
}

/// A type that a schema can refer to: its name, and the function that adds its schema to a generator.
pub type TypeReference = (&'static str, fn(&mut SchemaGenerator) -> Schema);

/// Returns the reference to a type under `name`.
#[must_use]
pub const fn reference<T: JsonSchema>(name: &'static str) -> TypeReference {
    (name, SchemaGenerator::subschema_for::<T>)
}

/// Implements [`JsonSchema`] for types with [`SchemaText`].
#[doc(hidden)]
#[macro_export]
macro_rules! implement_json_schema {
    ($($type:ty),* $(,)?) => {
        $(
            impl $crate::json_schema::__JsonSchema for $type {
                fn schema_name() -> ::std::borrow::Cow<'static, str> {
                    $crate::json_schema::schema_name(<Self as $crate::json_schema::SchemaText>::ID).into()
                }

                fn schema_id() -> ::std::borrow::Cow<'static, str> {
                    <Self as $crate::json_schema::SchemaText>::ID.into()
                }

                fn json_schema(
                    generator: &mut $crate::json_schema::__SchemaGenerator,
                ) -> $crate::json_schema::__Schema {
                    $crate::json_schema::parse(
                        generator,
                        <Self as $crate::json_schema::SchemaText>::SCHEMA,
                        <Self as $crate::json_schema::SchemaText>::TYPES,
                    )
                }
            }
        )*
    };
}

#[doc(hidden)]
pub use schemars::{JsonSchema as __JsonSchema, Schema as __Schema, SchemaGenerator as __SchemaGenerator};

/// Returns the name of a schema: the last segment of its id.
#[doc(hidden)]
#[must_use]
pub fn schema_name(id: &'static str) -> &'static str {
    id.rsplit("::").next().unwrap_or(id)
}

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
                None => {
                    for (keyword, value) in object {
                        match (keyword.as_str(), value) {
                            // Values may look like references, but are none.
                            ("default" | "const" | "enum" | "examples", _) => {}
                            ("properties", Value::Object(properties)) => {
                                let schemas = properties.values_mut();
                                schemas.for_each(|schema| resolve_references(schema, generator, types));
                            }
                            (_, value) => resolve_references(value, generator, types),
                        }
                    }
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Pair {}

    impl SchemaText for Pair {
        const ID: &'static str = "a::Pair";
        const SCHEMA: &'static str = r#"{"type": "array", "items": {"$type": "Text"}}"#;
        const TYPES: &'static [TypeReference] = &[reference::<String>("Text")];
    }

    implement_json_schema!(Pair);

    #[test]
    fn type_with_text_has_the_schema_and_the_last_segment_of_its_id_as_name() {
        assert_eq!(Pair::schema_name(), "Pair");
        let schema = Pair::json_schema(&mut SchemaGenerator::default());
        assert_eq!(schema.to_value()["items"], serde_json::json!({ "type": "string" }));
    }

    #[test]
    fn values_and_names_of_properties_are_no_references() {
        let mut generator = SchemaGenerator::default();
        let text =
            r#"{"properties": {"$type": {"default": {"$type": "Text"}}, "default": {"$type": "Text"}}}"#;
        let schema = parse(&mut generator, text, &[reference::<String>("Text")]);
        let properties = &schema.to_value()["properties"];
        assert_eq!(properties["$type"]["default"], serde_json::json!({ "$type": "Text" }));
        assert_eq!(properties["default"], serde_json::json!({ "type": "string" }));
    }

    #[test]
    fn type_reference_is_replaced_by_the_schema_of_the_type() {
        let mut generator = SchemaGenerator::default();
        let text = r#"{"type": "array", "items": {"$type": "Text"}}"#;
        let schema = parse(&mut generator, text, &[reference::<String>("Text")]);
        assert_eq!(schema.to_value(), serde_json::json!({ "type": "array", "items": { "type": "string" } }));
    }
}
