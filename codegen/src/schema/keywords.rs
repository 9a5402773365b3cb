//! The keywords of schemas that the generator knows.

use std::collections::BTreeMap;

use serde_json::Value;

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

/// Keywords of fal's own tools, which stage 2 turns into extensions.
pub(crate) const FAL_TOOLS: &[&str] = &["ui", "_fal_ui_field", "limit_description"];

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
            || [KNOWN, FAL_TOOLS, FILE_LIMITS].iter().any(|known| known.contains(&key.as_str()));
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
