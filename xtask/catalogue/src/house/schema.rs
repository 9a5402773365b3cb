//! One schema in house form.

use serde_json::{Map, Value, json};

use super::{limits, words::Phrase};

/// What is kept as it is, in the order in which it is written.
const BEFORE: &[&str] = &["$ref", "type", "format", "required", "x-fal-order-properties"];
const AFTER: &[&str] = &[
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "min",
    "max",
    "step",
    "ge",
    "le",
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
const LIMITS: &[&str] = &["max_file_size", "min_width", "min_height", "max_width", "max_height"];
const TOOLS: &[&str] = &["x-fal", "_fal_ui_field", "ui"];
/// Schemas within a schema.
const ONE: &[&str] = &["items", "additionalProperties"];
const MANY: &[&str] = &["prefixItems", "anyOf", "oneOf", "allOf"];
/// Prose, which is ours or nothing.
const PROSE: &[&str] = &["title", "description", "limit_description", "example", "examples"];

/// A pointer into a document, and what was found wrong.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<String>);

impl Findings {
    pub(super) fn add(&mut self, at: &str, message: impl std::fmt::Display) {
        self.0.push(format!("{at}: {message}"));
    }
}

/// What the book says about a property of the type being written.
pub(super) type Lookup<'a> = dyn Fn(&str, &str, &mut Findings) -> Option<Phrase> + 'a;

/// A schema without prose, but for what `lookup` says about its properties.
pub(super) fn form(schema: &Value, at: &str, lookup: &Lookup<'_>, findings: &mut Findings) -> Value {
    let Value::Object(schema) = schema else { return schema.clone() };
    let mut form = Map::new();
    keep(&mut form, schema, BEFORE);
    let limits = limits_of(schema);
    if let Some(text) = limits::describe(&limits) {
        form.insert("limit_description".to_owned(), json!(text));
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        form.insert("properties".to_owned(), self::properties(schema, properties, at, lookup, findings));
    }
    for &key in ONE {
        if let Some(inner) = schema.get(key) {
            form.insert(key.to_owned(), self::form(inner, &format!("{at}/{key}"), lookup, findings));
        }
    }
    for &key in MANY {
        if let Some(inner) = schema.get(key).and_then(Value::as_array) {
            let inner = inner.iter().enumerate();
            let inner =
                inner.map(|(n, inner)| self::form(inner, &format!("{at}/{key}/{n}"), lookup, findings));
            form.insert(key.to_owned(), inner.collect());
        }
    }
    keep(&mut form, schema, AFTER);
    keep(&mut form, schema, LIMITS);
    keep(&mut form, schema, TOOLS);
    let known = [BEFORE, &["properties"], ONE, MANY, AFTER, LIMITS, TOOLS, PROSE].concat();
    for key in schema.keys().filter(|key| !known.contains(&key.as_str())) {
        findings.add(at, format_args!("`{key}` is neither a known fact nor known prose"));
    }
    Value::Object(form)
}

/// Properties in the order that fal shows them in, with their phrases.
fn properties(
    schema: &Map<String, Value>,
    properties: &Map<String, Value>,
    at: &str,
    lookup: &Lookup<'_>,
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
        let inner = form(property, &at, lookup, findings);
        let phrase = lookup(name, &at, findings);
        let required = || {
            schema.get("required").and_then(Value::as_array).is_some_and(|names| names.contains(&json!(name)))
        };
        if phrase.as_ref().is_some_and(|phrase| phrase.text().contains("Left out")) && required() {
            findings.add(&at, "its phrase says what happens when it is left out, but it is required");
        }
        (name.clone(), described(inner, phrase.as_ref()))
    });
    Value::Object(forms.collect())
}

/// A schema with what is said about it at its start, and an example at its end.
pub(super) fn described(schema: Value, phrase: Option<&Phrase>) -> Value {
    let (Value::Object(schema), Some(phrase)) = (&schema, phrase) else { return schema };
    let mut form = Map::from_iter([("description".to_owned(), json!(phrase.text()))]);
    form.extend(schema.clone());
    let free = schema.get("enum").or_else(|| schema.get("const")).is_none();
    if let Some(example) = phrase.example().filter(|_| free) {
        form.insert("examples".to_owned(), json!([example]));
    }
    Value::Object(form)
}

fn keep(form: &mut Map<String, Value>, schema: &Map<String, Value>, keys: &[&str]) {
    for &key in keys {
        if let Some(value) = schema.get(key) {
            form.insert(key.to_owned(), sorted(value));
        }
    }
}

/// A value whose objects have their keys in alphabetical order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> =
                object.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        value => value.clone(),
    }
}

fn limits_of(schema: &Map<String, Value>) -> Map<String, Value> {
    let mut limits: Map<_, _> =
        LIMITS.iter().filter_map(|&key| Some((key.to_owned(), schema.get(key)?.clone()))).collect();
    limits.extend(schema.get("x-fal").and_then(Value::as_object).cloned().unwrap_or_default());
    limits
}
