//! The keywords of schemas that the generator knows.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Keywords that a rule reads, and annotations that bindings do not need.
const KNOWN: &[&str] = &[
    "$comment",
    "$defs",
    "$id",
    "$ref",
    "$schema",
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "default",
    "definitions",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "deprecated",
    "description",
    "discriminator",
    "else",
    "enum",
    "example",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "externalDocs",
    "format",
    "if",
    "items",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "nullable",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "readOnly",
    "required",
    "then",
    "title",
    "type",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
    "writeOnly",
    "xml",
];

/// Keywords of fal's own tools, which stage 2 turns into extensions. `step` is that of a slider.
pub(crate) const FAL_TOOLS: &[&str] = &["ui", "_fal_ui_field", "limit_description", "step"];

/// Limits of files outside of `x-fal`, which stage 2 moves there.
pub(crate) const FILE_LIMITS: &[&str] = &[
    "max_area",
    "max_aspect_ratio",
    "max_duration",
    "max_file_size",
    "max_fps",
    "max_frames",
    "max_height",
    "max_pixels",
    "max_width",
    "min_area",
    "min_aspect_ratio",
    "min_duration",
    "min_fps",
    "min_frames",
    "min_height",
    "min_pixels",
    "min_width",
];

/// A name of a bound in Python, the JSON types that it bounds, and its keyword.
type PythonBound = (&'static str, &'static [&'static str], &'static str);

const NUMBERS: &[&str] = &["integer", "number"];

/// Bounds under the names that they have in Python. pydantic publishes them so beside a union, and people by mistake.
const PYTHON_BOUNDS: &[PythonBound] = &[
    ("ge", NUMBERS, "minimum"),
    ("min", NUMBERS, "minimum"),
    ("gt", NUMBERS, "exclusiveMinimum"),
    ("le", NUMBERS, "maximum"),
    ("max", NUMBERS, "maximum"),
    ("lt", NUMBERS, "exclusiveMaximum"),
    ("multiple_of", NUMBERS, "multipleOf"),
    ("min_length", &["string"], "minLength"),
    ("max_length", &["string"], "maxLength"),
    ("regex", &["string"], "pattern"),
    ("min_length", &["array"], "minItems"),
    ("max_length", &["array"], "maxItems"),
    ("min_items", &["array"], "minItems"),
    ("max_items", &["array"], "maxItems"),
];

/// Returns the keywords that a bound under its name in Python stands for. There is none for another keyword, and for a bound
/// of a type that the schema does not have.
pub(crate) fn bounds_of_python(schema: &Map<String, Value>, name: &str) -> Vec<&'static str> {
    let is_bound = |keyword: &str| match (keyword, schema.get(name)) {
        ("pattern", Some(value)) => value.is_string(),
        ("minLength" | "maxLength" | "minItems" | "maxItems", Some(value)) => value.is_u64(),
        (_, Some(value)) => value.is_number(),
        (_, None) => false,
    };
    let found = PYTHON_BOUNDS.iter().filter(|(known, kinds, keyword)| {
        *known == name && is_bound(keyword) && kinds.iter().any(|kind| has_type(schema, kind))
    });
    found.map(|(.., keyword)| *keyword).collect()
}

/// Returns true if a schema, or a branch of it, is of a JSON type.
fn has_type(schema: &Map<String, Value>, kind: &str) -> bool {
    let branches = ["anyOf", "oneOf"].iter().filter_map(|keyword| schema.get(*keyword)?.as_array()).flatten();
    match schema.get("type") {
        Some(Value::String(name)) => name == kind,
        Some(Value::Array(names)) => names.iter().any(|name| name == kind),
        _ => branches.filter_map(Value::as_object).any(|branch| has_type(branch, kind)),
    }
}

/// Counts the keywords of the component schemas that are neither known nor extensions (`x-…`).
pub(crate) fn count_unknown(openapi: &Value) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    if let Some(schemas) = openapi.pointer("/components/schemas").and_then(Value::as_object) {
        for schema in schemas.values() {
            count(schema, &mut counts);
        }
    }
    counts
}

fn count(schema: &Value, counts: &mut BTreeMap<String, usize>) {
    let Some(object) = schema.as_object() else { return };
    for (key, value) in object {
        let is_known = key.starts_with("x-")
            || [KNOWN, FAL_TOOLS, FILE_LIMITS].iter().any(|known| known.contains(&key.as_str()))
            || !bounds_of_python(object, key).is_empty();
        if !is_known {
            *counts.entry(key.clone()).or_default() += 1;
        }
        match key.as_str() {
            "properties" => {
                value.as_object().into_iter().flatten().for_each(|(_, value)| count(value, counts))
            }
            "anyOf" | "oneOf" | "allOf" | "prefixItems" => {
                value.as_array().into_iter().flatten().for_each(|value| count(value, counts));
            }
            "items" | "additionalProperties" => count(value, counts),
            _ => {}
        }
    }
}
