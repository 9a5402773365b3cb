//! The rules that rewrite schemas, one for each construct of fal's dialect.

use schemars::{
    Schema,
    transform::{Transform, transform_subschemas},
};
use serde_json::{Map, Value, json};

use super::PREFIX_ITEMS;
use crate::schema::keywords::FAL_TOOLS;

/// The transform that applies all rules, to the innermost schemas first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules;

impl Transform for Rules {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        if let Some(object) = schema.as_object_mut() {
            rewrite_type_list(object);
            rewrite_null_branch(object);
            rewrite_const(object);
            rewrite_exclusive_bounds(object);
            round_integer_bounds(object);
            move_prefix_items(object);
            rewrite_examples(object);
            rename_tool_keywords(object);
            wrap_reference(object);
        }
    }
}

/// Rewrites `type: [T, "null"]` to a nullable `T`, and longer lists to a union.
fn rewrite_type_list(schema: &mut Map<String, Value>) {
    let Some(Value::Array(types)) = schema.get("type").cloned() else { return };
    let (null, mut others): (Vec<Value>, Vec<Value>) = types.into_iter().partition(|kind| kind == "null");
    if !null.is_empty() {
        schema.insert("nullable".into(), Value::Bool(true));
    }
    if others.len() == 1 {
        schema.insert("type".into(), others.remove(0));
    } else {
        schema.remove("type");
        let branches = others.into_iter().map(|kind| json!({ "type": kind })).collect();
        schema.insert("anyOf".into(), Value::Array(branches));
    }
}

/// Rewrites `anyOf: [T, null]` to a nullable `T`. A union of more branches keeps the others.
fn rewrite_null_branch(schema: &mut Map<String, Value>) {
    let values = schema.get("enum").and_then(Value::as_array).cloned();
    for keyword in ["anyOf", "oneOf"] {
        let Some(Value::Array(branches)) = schema.get_mut(keyword) else { continue };
        let before = branches.len();
        branches.retain(|branch| branch.get("type") != Some(&json!("null")));
        // If there is an enum without null, null is not allowed, whatever the union says.
        let null_is_listed = values.as_ref().is_none_or(|values| values.contains(&Value::Null));
        let removed = branches.len() < before && null_is_listed;
        let only = if branches.len() == 1 { branches.pop() } else { None };
        if removed {
            schema.insert("nullable".into(), Value::Bool(true));
        }
        if let Some(Value::Object(only)) = only {
            schema.remove(keyword);
            for (key, value) in only {
                // Keywords next to the union describe the property, so they take precedence.
                schema.entry(key).or_insert(value);
            }
        }
    }
}

/// Rewrites `const: x` to an enum of one value.
fn rewrite_const(schema: &mut Map<String, Value>) {
    let Some(value) = schema.remove("const") else { return };
    if !schema.contains_key("type") {
        let kind = match &value {
            Value::String(_) => "string",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            _ => "object",
        };
        schema.insert("type".into(), kind.into());
    }
    schema.insert("enum".into(), Value::Array(vec![value]));
}

/// Rewrites a numeric `exclusiveMinimum` to a `minimum` with the boolean flag of OpenAPI 3.0.
fn rewrite_exclusive_bounds(schema: &mut Map<String, Value>) {
    for (exclusive, inclusive, tighter) in [
        ("exclusiveMinimum", "minimum", f64::gt as fn(&f64, &f64) -> bool),
        ("exclusiveMaximum", "maximum", f64::lt),
    ] {
        let Some(Value::Number(bound)) = schema.get(exclusive).cloned() else { continue };
        let other = schema.get(inclusive).and_then(Value::as_f64);
        let wins = match (bound.as_f64(), other) {
            (Some(bound), Some(other)) => !tighter(&other, &bound),
            _ => true,
        };
        if wins {
            schema.insert(inclusive.into(), Value::Number(bound));
            schema.insert(exclusive.into(), Value::Bool(true));
        } else {
            schema.remove(exclusive);
        }
    }
}

/// Rounds the bounds of an integer to integers, because some documents write `14142.0`.
fn round_integer_bounds(schema: &mut Map<String, Value>) {
    if schema.get("type") != Some(&json!("integer")) {
        return;
    }
    for keyword in ["minimum", "maximum", "multipleOf"] {
        let bound = schema.get(keyword).filter(|bound| bound.is_f64()).and_then(Value::as_f64);
        let bound = bound.map(|bound| match keyword {
            "minimum" => bound.ceil(),
            "maximum" => bound.floor(),
            _ => bound,
        });
        let Some(whole) = bound else { continue };
        // A bound beyond i64 allows no less than the type does.
        if whole.fract() == 0.0 && whole.abs() < 9e18 {
            schema.insert(keyword.into(), json!(whole as i64));
        } else {
            schema.remove(keyword);
        }
    }
}

/// Moves the items of a tuple to an extension, because OpenAPI 3.0 has no tuples. `items` then allows any of them.
fn move_prefix_items(schema: &mut Map<String, Value>) {
    let Some(Value::Array(items)) = schema.remove("prefixItems") else { return };
    let mut kinds: Vec<Value> = Vec::new();
    for item in &items {
        if !kinds.contains(item) {
            kinds.push(item.clone());
        }
    }
    let any = if kinds.len() == 1 { kinds.remove(0) } else { json!({ "anyOf": kinds }) };
    schema.entry("items").or_insert(any);
    schema.insert(PREFIX_ITEMS.into(), Value::Array(items));
}

/// Rewrites a list of `examples` to one `example`, and an extension with all of them.
fn rewrite_examples(schema: &mut Map<String, Value>) {
    let Some(Value::Array(examples)) = schema.remove("examples") else { return };
    if let Some(first) = examples.first() {
        schema.entry("example").or_insert_with(|| first.clone());
    }
    schema.insert("x-examples".into(), Value::Array(examples));
}

/// Renames the keywords of fal's own tools to extensions, so that nothing is lost.
fn rename_tool_keywords(schema: &mut Map<String, Value>) {
    for key in FAL_TOOLS {
        if let Some(value) = schema.remove(*key) {
            schema.insert(format!("x-fal-{}", key.trim_start_matches("_fal_").replace('_', "-")), value);
        }
    }
}

/// Wraps a `$ref` in `allOf`, because OpenAPI 3.0 ignores keywords next to a `$ref`.
fn wrap_reference(schema: &mut Map<String, Value>) {
    if schema.len() > 1
        && let Some(reference) = schema.remove("$ref")
    {
        schema.insert("allOf".into(), json!([{ "$ref": reference }]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(before: Value, after: Value) {
        let mut schema = Schema::try_from(before).unwrap();
        Rules.transform(&mut schema);
        assert_eq!(schema.to_value(), after);
    }

    #[test]
    fn a_union_with_null_is_nullable() {
        check(
            json!({ "anyOf": [{ "type": "integer", "title": "inner" }, { "type": "null" }], "title": "outer" }),
            json!({ "type": "integer", "title": "outer", "nullable": true }),
        );
        check(
            json!({ "anyOf": [{ "$ref": "#/x" }, { "type": "string", "enum": ["a"] }, { "type": "null" }] }),
            json!({ "anyOf": [{ "$ref": "#/x" }, { "type": "string", "enum": ["a"] }], "nullable": true }),
        );
        check(
            json!({ "anyOf": [{ "$ref": "#/x" }, { "type": "null" }], "description": "d" }),
            json!({ "allOf": [{ "$ref": "#/x" }], "description": "d", "nullable": true }),
        );
        check(json!({ "type": ["string", "null"] }), json!({ "type": "string", "nullable": true }));
    }

    #[test]
    fn nested_schemas_are_rewritten() {
        check(
            json!({ "type": "array", "items": { "anyOf": [{ "type": "array", "items": { "const": 1 } }, { "type": "null" }] } }),
            json!({ "type": "array", "items": {
                "type": "array", "items": { "type": "integer", "enum": [1] }, "nullable": true } }),
        );
    }

    #[test]
    fn the_tighter_of_two_bounds_is_kept() {
        check(
            json!({ "type": "integer", "exclusiveMinimum": 0, "maximum": 9 }),
            json!({ "type": "integer", "minimum": 0, "exclusiveMinimum": true, "maximum": 9 }),
        );
        check(
            json!({ "type": "number", "exclusiveMaximum": 5, "maximum": 2 }),
            json!({ "type": "number", "maximum": 2 }),
        );
        check(
            json!({ "type": "number", "exclusiveMinimum": 2, "minimum": 2 }),
            json!({ "type": "number", "minimum": 2, "exclusiveMinimum": true }),
        );
    }

    #[test]
    fn an_enum_without_null_is_not_nullable() {
        check(
            json!({ "anyOf": [{ "type": "string" }, { "type": "null" }], "enum": ["a"] }),
            json!({ "type": "string", "enum": ["a"] }),
        );
    }

    #[test]
    fn bounds_of_integers_are_rounded() {
        check(
            json!({ "type": "integer", "exclusiveMinimum": 0.0, "maximum": 14142.5, "multipleOf": 2.0 }),
            json!({ "type": "integer", "minimum": 0, "exclusiveMinimum": true, "maximum": 14142, "multipleOf": 2 }),
        );
    }

    #[test]
    fn tuples_and_examples_move_to_extensions() {
        check(
            json!({ "type": "array", "prefixItems": [{ "type": "number" }, { "type": "number" }], "minItems": 2 }),
            json!({ "type": "array", "items": { "type": "number" }, "minItems": 2,
                PREFIX_ITEMS: [{ "type": "number" }, { "type": "number" }] }),
        );
        check(
            json!({ "type": "string", "examples": ["a", "b"] }),
            json!({ "type": "string", "example": "a", "x-examples": ["a", "b"] }),
        );
    }
}
