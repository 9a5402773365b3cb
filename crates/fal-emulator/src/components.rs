//! The components of an OpenAPI document, converted to JSON Schema 2020-12.

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use crate::validate::{Format, TaggedUnion};

const PREFIX: &str = "#/components/schemas/";

/// The longest chain of references that is followed. A longer one is taken for a cycle.
const MAX_HOPS: usize = 16;

/// The schemas of a document by name, converted to JSON Schema 2020-12.
pub(crate) struct Components(Map<String, Value>);

impl Components {
    /// Reads the components of a document.
    ///
    /// `used` are schemas outside the components. Published documents contain references to components that are missing,
    /// and some describe their whole input by one. Those allow anything.
    pub(crate) fn new<'a>(openapi: &Value, used: impl IntoIterator<Item = &'a Value>) -> Self {
        let mut components =
            openapi.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default();
        let mut referenced = Vec::new();
        used.into_iter().for_each(|schema| collect_references(schema, &mut referenced));
        for schema in components.values_mut() {
            convert(schema);
            collect_references(schema, &mut referenced);
        }
        for name in referenced {
            components.entry(name).or_insert_with(|| json!({}));
        }
        Self(components)
    }

    /// Adds the components of another document. A name that exists already keeps its schema.
    pub(crate) fn extend(&mut self, other: &Self) {
        for (name, schema) in &other.0 {
            self.0.entry(name).or_insert_with(|| schema.clone());
        }
    }

    /// Follows references. Returns the schema and the name of the last component on the way.
    pub(crate) fn resolve<'a>(&'a self, mut schema: &'a Value) -> (&'a Value, Option<&'a str>) {
        let mut component = None;
        for _ in 0..MAX_HOPS {
            let target = schema
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|reference| self.0.get_key_value(reference.strip_prefix(PREFIX)?));
            let Some((name, next)) = target else {
                break;
            };
            component = Some(name.as_str());
            schema = next;
        }
        (schema, component)
    }

    /// Returns a schema as one JSON Schema that stands alone: the components that it needs are its `$defs`.
    pub(crate) fn inline(&self, schema: &Value) -> Value {
        let (mut root, mut needed) = (self.resolve(schema).0.clone(), Vec::new());
        convert(&mut root);
        collect_references(&root, &mut needed);
        let mut definitions = Map::new();
        while let Some(name) = needed.pop() {
            if let Some(schema) = self.0.get(&name).filter(|_| !definitions.contains_key(&name)) {
                collect_references(schema, &mut needed);
                definitions.insert(name, schema.clone());
            }
        }
        if let (Value::Object(root), false) = (&mut root, definitions.is_empty()) {
            root.insert("$defs".to_owned(), Value::Object(definitions));
        }
        move_references(&mut root);
        root
    }

    /// Compiles one schema of the document.
    ///
    /// # Errors
    ///
    /// Returns a message if the schema is not valid.
    pub(crate) fn validator(&self, schema: &Value) -> Result<Validator, String> {
        let mut root = schema.clone();
        convert(&mut root);
        tighten(&mut root);
        if let Value::Object(root) = &mut root {
            let mut components = Value::Object(self.0.clone());
            tighten(&mut components);
            root.insert("components".to_owned(), json!({"schemas": components}));
        }
        let mut options = jsonschema::draft202012::options().should_validate_formats(true);
        for (name, check) in Format::checks() {
            options = options.with_format(name, check);
        }
        options.build(&root).map_err(|error| error.to_string())
    }
}

/// Converts the keywords of OpenAPI 3.0 that JSON Schema does not have: `nullable` and boolean exclusive bounds.
fn convert(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(convert),
        Value::Object(object) => {
            for (bound, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
                if let Some(Value::Bool(is_exclusive)) = object.get(exclusive).cloned() {
                    object.remove(exclusive);
                    if is_exclusive && let Some(limit) = object.remove(bound) {
                        object.insert(exclusive.to_owned(), limit);
                    }
                }
            }
            for (key, value) in object.iter_mut() {
                // Examples, defaults and allowed values are data, which may look like a schema.
                if !matches!(key.as_str(), "default" | "const" | "enum" | "example" | "examples") {
                    convert(value);
                }
            }
            if object.get("nullable") == Some(&Value::Bool(true)) {
                object.remove("nullable");
                let plain = Value::Object(std::mem::take(object));
                *schema = json!({"anyOf": [plain, {"type": "null"}]});
            }
        }
        _ => {}
    }
}

/// Adds keywords for demands of pydantic that JSON Schema has no words for: the property that tells the alternatives of a union
/// apart has to be there, also where it has a default, and some URLs have to be those of the web.
fn tighten(schema: &mut Value) {
    let format = Format::of_schema(schema);
    let tag = TaggedUnion::property_name(schema).map(str::to_owned);
    match schema {
        Value::Array(items) => items.iter_mut().for_each(tighten),
        Value::Object(object) => {
            for (key, value) in object.iter_mut() {
                // Data, as in `convert`.
                if !matches!(key.as_str(), "default" | "const" | "enum" | "example" | "examples") {
                    tighten(value);
                }
            }
            if format == Some(Format::WebUrl) {
                object.insert("format".to_owned(), json!(Format::WEB_URL));
            }
            if let Some(tag) = tag {
                object.entry("required").or_insert_with(|| json!([tag]));
            }
        }
        _ => {}
    }
}

/// Lets references to components point to the `$defs` of the same schema.
fn move_references(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(move_references),
        Value::Object(object) => {
            if let Some(Value::String(target)) = object.get_mut("$ref")
                && let Some(name) = target.strip_prefix(PREFIX)
            {
                *target = format!("#/$defs/{name}");
            }
            object.values_mut().for_each(move_references);
        }
        _ => {}
    }
}

/// Collects the names of the components that a schema refers to.
fn collect_references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        Value::Object(object) => {
            if let Some(name) =
                object.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix(PREFIX))
            {
                found.push(name.to_owned());
            }
            object.values().for_each(|value| collect_references(value, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openapi_3_0_keywords_are_converted() {
        let components = Components::new(
            &json!({"components": {"schemas": {
                "Odd": {"type": "integer", "minimum": 0, "exclusiveMinimum": true, "nullable": true},
            }}}),
            [],
        );
        let validator = components.validator(&json!({"$ref": "#/components/schemas/Odd"})).unwrap();
        assert!(validator.is_valid(&json!(null)));
        assert!(validator.is_valid(&json!(1)));
        assert!(!validator.is_valid(&json!(0)));
    }

    #[test]
    fn a_property_named_nullable_is_not_a_keyword() {
        let components = Components::new(
            &json!({"components": {"schemas": {
                "Options": {"type": "object", "properties": {"nullable": {"type": "boolean"}}},
            }}}),
            [],
        );
        let validator = components.validator(&json!({"$ref": "#/components/schemas/Options"})).unwrap();
        assert!(validator.is_valid(&json!({"nullable": true})));
        assert!(!validator.is_valid(&json!({"nullable": 3})));
    }

    #[test]
    fn resolving_ends_at_missing_components_and_cycles() {
        let components = Components::new(
            &json!({"components": {"schemas": {
                "A": {"$ref": "#/components/schemas/Gone"},
                "Round": {"$ref": "#/components/schemas/Round"},
            }}}),
            [],
        );
        let a = json!({"$ref": "#/components/schemas/A"});
        assert_eq!(components.resolve(&a), (&json!({}), Some("Gone")));
        let round = json!({"$ref": "#/components/schemas/Round"});
        assert_eq!(components.resolve(&round).1, Some("Round"));
    }
}
