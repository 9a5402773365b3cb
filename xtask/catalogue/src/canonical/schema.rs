//! A schema in canonical form.

use serde_json::{Map, Value, json};

use super::{descriptions::Description, findings::Findings, limits};

/// Keys that are kept unchanged, in the order of the canonical form.
const BEFORE: &[&str] = &["$ref", "type", "format", "required", "x-fal-order-properties"];
const AFTER: &[&str] = &[
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "step",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "nullable",
    "deprecated",
    "discriminator",
    "default",
];
const LIMITS: &[&str] =
    &["max_file_size", "min_width", "min_height", "max_width", "max_height", "min_pixels", "max_pixels"];
const TOOLS: &[&str] = &["x-fal", "x-fal-file-input", "_fal_ui_field", "ui"];
/// Keys that hold a schema, and keys that hold a list of schemas.
const ONE: &[&str] = &["items", "additionalProperties"];
const MANY: &[&str] = &["prefixItems", "anyOf", "oneOf", "allOf"];
/// Keys of prose, which is replaced or dropped.
const PROSE: &[&str] = &["title", "description", "limit_description", "example", "examples"];

/// A property to describe.
pub(super) struct PropertySchema<'a> {
    pub(super) name: &'a str,
    pub(super) schema: &'a Value,
    pub(super) required: bool,
}

/// Looks up the description of a property, and adds a finding if there is none.
pub(super) type Describe<'a> = dyn Fn(&PropertySchema<'_>, &mut Findings) -> Option<Description> + 'a;

/// Returns a schema whose prose is replaced by the descriptions of its properties.
pub(super) fn canonicalize(
    schema: &Value,
    at: &str,
    describe: &Describe<'_>,
    findings: &mut Findings,
) -> Value {
    let Value::Object(schema) = schema else { return schema.clone() };
    let mut schema = schema.clone();
    fal_codegen::normalize::rename_bounds(&mut schema);
    let schema = &schema;
    let mut form = Map::new();
    keep(&mut form, schema, BEFORE);
    let limits = limits_of(schema);
    if let Some(text) = limits::describe(&limits) {
        form.insert("limit_description".to_owned(), json!(text));
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        form.insert("properties".to_owned(), self::properties(schema, properties, at, describe, findings));
    }
    for &key in ONE {
        if let Some(inner) = schema.get(key) {
            form.insert(key.to_owned(), canonicalize(inner, &format!("{at}/{key}"), describe, findings));
        }
    }
    for &key in MANY {
        if let Some(inner) = schema.get(key).and_then(Value::as_array) {
            let inner = inner.iter().enumerate();
            let inner =
                inner.map(|(n, inner)| canonicalize(inner, &format!("{at}/{key}/{n}"), describe, findings));
            form.insert(key.to_owned(), inner.collect());
        }
    }
    keep(&mut form, schema, AFTER);
    keep(&mut form, schema, LIMITS);
    keep(&mut form, schema, TOOLS);
    let known = [BEFORE, &["properties"], ONE, MANY, AFTER, LIMITS, TOOLS, PROSE].concat();
    for key in schema.keys().filter(|key| !known.contains(&key.as_str())) {
        findings.notes.push(format!(
            "{at}: `{key}` was left out, because nobody has decided whether it is a fact or prose: add it to a list in \
             xtask/catalogue/src/canonical/schema.rs"
        ));
    }
    Value::Object(form)
}

/// Returns the properties with their descriptions, in the order in which fal shows them.
fn properties(
    schema: &Map<String, Value>,
    properties: &Map<String, Value>,
    at: &str,
    describe: &Describe<'_>,
    findings: &mut Findings,
) -> Value {
    let order = schema.get("x-fal-order-properties").and_then(Value::as_array);
    let order: Vec<&str> = order.into_iter().flatten().filter_map(Value::as_str).collect();
    let mut sorted: Vec<_> = properties.iter().collect();
    sorted.sort_by_key(|(name, _)| {
        (order.iter().position(|other| other == name).unwrap_or(order.len()), (*name).clone())
    });
    let forms = sorted.into_iter().map(|(name, property)| {
        let at = format!("{at}/properties/{name}");
        let inner = canonicalize(property, &at, describe, findings);
        let required = schema
            .get("required")
            .and_then(Value::as_array)
            .is_some_and(|names| names.contains(&json!(name)));
        let description = describe(&PropertySchema { name, schema: property, required }, findings);
        (name.clone(), with_description(inner, description.as_ref()))
    });
    Value::Object(forms.collect())
}

/// Returns a schema with a description at its start, and with the example at its end.
pub(super) fn with_description(schema: Value, description: Option<&Description>) -> Value {
    let (Value::Object(schema), Some(description)) = (&schema, description) else { return schema };
    let mut form = Map::from_iter([("description".to_owned(), json!(description.text()))]);
    form.extend(schema.clone());
    let free = schema.get("enum").or_else(|| schema.get("const")).is_none();
    if let Some(example) = description.example().filter(|_| free) {
        form.insert("examples".to_owned(), json!([example]));
    }
    Value::Object(form)
}

fn keep(form: &mut Map<String, Value>, schema: &Map<String, Value>, keys: &[&str]) {
    for &key in keys {
        if let Some(value) = schema.get(key) {
            let mut value = value.clone();
            value.sort_all_objects();
            form.insert(key.to_owned(), value);
        }
    }
}

fn limits_of(schema: &Map<String, Value>) -> Map<String, Value> {
    let mut limits: Map<_, _> =
        LIMITS.iter().filter_map(|&key| Some((key.to_owned(), schema.get(key)?.clone()))).collect();
    limits.extend(schema.get("x-fal").and_then(Value::as_object).cloned().unwrap_or_default());
    limits
}
