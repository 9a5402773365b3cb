//! A schema of a document, as a validator and as a tree without references.

use jsonschema::Validator;
use serde_json::{Map, Value, json};

const PREFIX: &str = "#/components/schemas/";

/// The depth of nested references beyond which everything is accepted.
const MAX_DEPTH: usize = 24;

/// The schema of the input or output of an endpoint.
pub(crate) struct Schema {
    /// The schema with references and `allOf` resolved, for generators and comparisons.
    pub(crate) tree: Value,
    validator: Validator,
}

impl Schema {
    /// Reads the schema that `reference` names. Published documents refer to components that do not exist; those accept
    /// anything.
    pub(crate) fn new(openapi: &Value, reference: &Value) -> Self {
        let mut components =
            openapi.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default();
        components.values_mut().for_each(rewrite_nullable);
        let mut wanted = Vec::new();
        collect_references(reference, &mut wanted);
        components.values().for_each(|schema| collect_references(schema, &mut wanted));
        for name in wanted {
            components.entry(name).or_insert_with(|| json!({}));
        }
        let tree = inline(reference, &components, 0);
        let mut root = reference.clone();
        root["components"] = json!({ "schemas": components });
        let validator = jsonschema::draft202012::options()
            .should_validate_formats(false)
            .build(&root)
            .unwrap_or_else(|error| panic!("{reference} is no schema: {error}"));
        Self { tree, validator }
    }

    /// Returns the verdict of the validator.
    pub(crate) fn accepts(&self, instance: &Value) -> bool {
        self.validator.is_valid(instance)
    }

    /// Returns the first error of the validator.
    pub(crate) fn reason(&self, instance: &Value) -> String {
        self.validator.iter_errors(instance).next().map_or_else(
            || "valid".to_owned(),
            |error| {
                let text: String = error.to_string().chars().take(200).collect();
                format!("at `{}`: {text}", error.instance_path())
            },
        )
    }
}

/// Returns true if the value of the keyword is data, which may look like a schema.
fn is_data(keyword: &str) -> bool {
    matches!(keyword, "default" | "const" | "enum" | "example" | "examples")
}

/// Rewrites `nullable` of OpenAPI 3.0 as a union with null.
fn rewrite_nullable(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(rewrite_nullable),
        Value::Object(object) => {
            object.iter_mut().filter(|(key, _)| !is_data(key)).for_each(|(_, value)| rewrite_nullable(value));
            if object.remove("nullable") == Some(Value::Bool(true)) {
                let mut outer = Map::new();
                for key in ["default", "example", "examples"] {
                    outer.extend(object.remove(key).map(|value| (key.to_owned(), value)));
                }
                let inner = std::mem::take(object);
                outer.insert("anyOf".to_owned(), json!([inner, { "type": "null" }]));
                *object = outer;
            }
        }
        _ => {}
    }
}

fn collect_references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        Value::Object(object) => {
            let name = object.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix(PREFIX));
            found.extend(name.map(str::to_owned));
            object.values().for_each(|value| collect_references(value, found));
        }
        _ => {}
    }
}

fn inline(schema: &Value, components: &Map<String, Value>, depth: usize) -> Value {
    let Value::Object(object) = schema else { return schema.clone() };
    if depth > MAX_DEPTH {
        return json!({});
    }
    let mut merged = Map::new();
    if let Some(name) =
        object.get("$ref").and_then(Value::as_str).and_then(|reference| reference.strip_prefix(PREFIX))
    {
        let target = components.get(name).unwrap_or(&Value::Null);
        merge(&mut merged, inline(target, components, depth + 1));
    }
    for part in object.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        merge(&mut merged, inline(part, components, depth + 1));
    }
    let own = object.iter().filter(|(key, _)| !matches!(key.as_str(), "$ref" | "allOf"));
    let own = own.map(|(key, value)| {
        let value = match (key.as_str(), value) {
            (key, _) if is_data(key) => value.clone(),
            ("properties", Value::Object(properties)) => properties
                .iter()
                .map(|(name, property)| (name.clone(), inline(property, components, depth + 1)))
                .collect(),
            (_, Value::Array(parts)) => {
                parts.iter().map(|part| inline(part, components, depth + 1)).collect()
            }
            _ => inline(value, components, depth + 1),
        };
        (key.clone(), value)
    });
    merge(&mut merged, Value::Object(own.collect()));
    Value::Object(merged)
}

/// Adds the keywords of `from`. Properties and requirements are combined; other keywords are replaced.
fn merge(into: &mut Map<String, Value>, from: Value) {
    let Value::Object(from) = from else { return };
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) if key == "properties" => old.extend(new),
            (Some(Value::Array(old)), Value::Array(new)) if key == "required" => old.extend(new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// Returns the members of a union, or the schema itself.
pub(crate) fn branches(schema: &Value) -> Vec<&Value> {
    let union = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array);
    union.map_or_else(|| vec![schema], |parts| parts.iter().flat_map(branches).collect())
}

/// Returns the members of a union that an instance may belong to: those that it fits, or else those of its type.
pub(crate) fn matching_branches<'s>(schema: &'s Value, instance: &Value) -> Vec<&'s Value> {
    let all = branches(schema);
    let exact: Vec<&Value> = all.iter().copied().filter(|branch| fits(branch, instance)).collect();
    if exact.is_empty() {
        all.into_iter().filter(|branch| has_type(branch, instance)).collect()
    } else {
        exact
    }
}

fn has_type(schema: &Value, instance: &Value) -> bool {
    matches!(
        (schema.get("type").and_then(Value::as_str), instance),
        (None, _)
            | (Some("object"), Value::Object(_))
            | (Some("array"), Value::Array(_))
            | (Some("integer" | "number"), Value::Number(_))
            | (Some("string"), Value::String(_))
            | (Some("boolean"), Value::Bool(_))
            | (Some("null"), Value::Null)
    )
}

/// Returns true if an instance has the shape of a schema, bounds aside.
fn fits(schema: &Value, instance: &Value) -> bool {
    if schema.get("anyOf").is_some() || schema.get("oneOf").is_some() {
        return branches(schema).into_iter().any(|branch| fits(branch, instance));
    }
    if !has_type(schema, instance) || schema.get("const").is_some_and(|value| value != instance) {
        return false;
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array)
        && !values.contains(instance)
    {
        return false;
    }
    match instance {
        Value::Object(object) => {
            required(schema).all(|name| object.contains_key(name))
                && properties(schema)
                    .all(|(name, property)| object.get(name).is_none_or(|instance| fits(property, instance)))
        }
        Value::Array(items) => {
            schema.get("items").is_none_or(|schema| items.iter().all(|item| fits(schema, item)))
        }
        Value::Number(number) => {
            schema["type"] != "integer" || number.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        _ => true,
    }
}

/// Returns the names of the required properties.
pub(crate) fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Returns the properties with their names.
pub(crate) fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}
