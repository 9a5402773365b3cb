//! The rules, each for one construct of the dialect. They run on the innermost schemas first.

use schemars::{
    Schema,
    transform::{Transform, transform_subschemas},
};
use serde_json::{Map, Value, json};

use super::TUPLE;
use crate::schema::keywords::TOOLS;

/// All rules, in order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules;

impl Transform for Rules {
    fn transform(&mut self, schema: &mut Schema) {
        transform_subschemas(self, schema);
        if let Some(object) = schema.as_object_mut() {
            type_lists(object);
            null_branches(object);
            constants(object);
            exclusive_bounds(object);
            integral_bounds(object);
            tuples(object);
            examples(object);
            extensions(object);
            references(object);
        }
    }
}

/// `type: [T, "null"]` is a nullable `T`; longer lists are a union.
fn type_lists(schema: &mut Map<String, Value>) {
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

/// `anyOf: [T, null]` is a nullable `T`; a union of more keeps the others.
fn null_branches(schema: &mut Map<String, Value>) {
    let values = schema.get("enum").and_then(Value::as_array).cloned();
    for keyword in ["anyOf", "oneOf"] {
        let Some(Value::Array(branches)) = schema.get_mut(keyword) else { continue };
        let before = branches.len();
        branches.retain(|branch| branch.get("type") != Some(&json!("null")));
        // Beside an enum without null, null is no value, whatever the union says.
        let listed = values.as_ref().is_none_or(|values| values.contains(&Value::Null));
        let removed = branches.len() < before && listed;
        let only = if branches.len() == 1 { branches.pop() } else { None };
        if removed {
            schema.insert("nullable".into(), Value::Bool(true));
        }
        if let Some(Value::Object(only)) = only {
            schema.remove(keyword);
            for (key, value) in only {
                // What stands beside the union speaks of the property, and so wins.
                schema.entry(key).or_insert(value);
            }
        }
    }
}

/// `const: x` is an enum of one value.
fn constants(schema: &mut Map<String, Value>) {
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

/// A numeric `exclusiveMinimum` is a `minimum` with the flag of the old kind.
fn exclusive_bounds(schema: &mut Map<String, Value>) {
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

/// The bounds of an integer are integers, also where a document writes `14142.0`.
fn integral_bounds(schema: &mut Map<String, Value>) {
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
        // Beyond i64 a bound allows what the type allows.
        if whole.fract() == 0.0 && whole.abs() < 9e18 {
            schema.insert(keyword.into(), json!(whole as i64));
        } else {
            schema.remove(keyword);
        }
    }
}

/// OpenAPI 3.0 has no tuples: the items move to an extension, and `items` allows any of them.
fn tuples(schema: &mut Map<String, Value>) {
    let Some(Value::Array(items)) = schema.remove("prefixItems") else { return };
    let mut kinds: Vec<Value> = Vec::new();
    for item in &items {
        if !kinds.contains(item) {
            kinds.push(item.clone());
        }
    }
    let any = if kinds.len() == 1 { kinds.remove(0) } else { json!({ "anyOf": kinds }) };
    schema.entry("items").or_insert(any);
    schema.insert(TUPLE.into(), Value::Array(items));
}

/// A list of `examples` becomes one `example`, and an extension with all of them.
fn examples(schema: &mut Map<String, Value>) {
    let Some(Value::Array(examples)) = schema.remove("examples") else { return };
    if let Some(first) = examples.first() {
        schema.entry("example").or_insert_with(|| first.clone());
    }
    schema.insert("x-examples".into(), Value::Array(examples));
}

/// Keywords of fal's own tools become extensions, so that nothing is lost.
fn extensions(schema: &mut Map<String, Value>) {
    for key in TOOLS {
        if let Some(value) = schema.remove(*key) {
            schema.insert(format!("x-fal-{}", key.trim_start_matches("_fal_").replace('_', "-")), value);
        }
    }
}

/// Strict OpenAPI ignores what stands beside a `$ref`; inside `allOf` it counts.
fn references(schema: &mut Map<String, Value>) {
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
    fn rules_reach_nested_schemas() {
        check(
            json!({ "type": "array", "items": { "anyOf": [{ "type": "array", "items": { "const": 1 } }, { "type": "null" }] } }),
            json!({ "type": "array", "items": {
                "type": "array", "items": { "type": "integer", "enum": [1] }, "nullable": true } }),
        );
    }

    #[test]
    fn exclusive_bounds_keep_the_tighter_one() {
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
    fn an_enum_beside_a_union_decides_about_null() {
        check(
            json!({ "anyOf": [{ "type": "string" }, { "type": "null" }], "enum": ["a"] }),
            json!({ "type": "string", "enum": ["a"] }),
        );
    }

    #[test]
    fn bounds_of_integers_are_integers() {
        check(
            json!({ "type": "integer", "exclusiveMinimum": 0.0, "maximum": 14142.5, "multipleOf": 2.0 }),
            json!({ "type": "integer", "minimum": 0, "exclusiveMinimum": true, "maximum": 14142, "multipleOf": 2 }),
        );
    }

    #[test]
    fn tuples_and_examples_survive_as_extensions() {
        check(
            json!({ "type": "array", "prefixItems": [{ "type": "number" }, { "type": "number" }], "minItems": 2 }),
            json!({ "type": "array", "items": { "type": "number" }, "minItems": 2,
                TUPLE: [{ "type": "number" }, { "type": "number" }] }),
        );
        check(
            json!({ "type": "string", "examples": ["a", "b"] }),
            json!({ "type": "string", "example": "a", "x-examples": ["a", "b"] }),
        );
    }
}
