//! Keywords that stand beside a union, which OpenAPI 3.0 has no place for.

use serde_json::{Map, Value, json};

use super::rules::{ASSERTIONS, applies, ignore, is_of_type, rewrite_const};

/// Moves keywords that stand beside a union into its branches, where both apply.
pub(super) fn distribute_over_branches(schema: &mut Map<String, Value>) {
    if ["$ref", "allOf", "properties"].iter().any(|keyword| schema.contains_key(*keyword)) {
        return distribute_object(schema);
    }
    for keyword in ["anyOf", "oneOf"] {
        let Some(Value::Array(mut branches)) = schema.remove(keyword) else { continue };
        if let Some(Value::String(kind)) = schema.remove("type") {
            for branch in &mut branches {
                let is_typed = ["type", "$ref", "allOf", "anyOf", "oneOf", "const", "enum"]
                    .iter()
                    .any(|keyword| branch.get(*keyword).is_some());
                if let (false, Value::Object(branch)) = (is_typed, branch) {
                    branch.insert("type".into(), kind.clone().into());
                }
            }
        }
        if let Some(values) = schema.remove("enum") {
            branches.retain_mut(|branch| narrow_enum(branch, &values));
        }
        for (keywords, kinds) in ASSERTIONS {
            for keyword in keywords.iter().filter(|keyword| **keyword != "format") {
                let Some(value) = schema.remove(*keyword) else { continue };
                for branch in branches.iter_mut().filter(|branch| applies(kinds, branch)) {
                    if let Value::Object(branch) = branch {
                        tighten(branch, keyword, &value);
                    }
                }
            }
        }
        schema.insert(keyword.into(), Value::Array(branches));
        return;
    }
}

/// The maximum number of parts that an object and the branches of a union beside it may become.
const MAX_DISTRIBUTED: usize = 10_000;

/// Rewrites an object beside a union to a union of the object with each branch. Branches that describe no more
/// properties make rules of the object, which its type does not check.
fn distribute_object(schema: &mut Map<String, Value>) {
    let found = ["anyOf", "oneOf"].into_iter().filter(|keyword| schema.contains_key(*keyword));
    let found: Vec<&str> = found.collect();
    let [keyword] = found.as_slice() else {
        return found.iter().for_each(|keyword| ignore(schema, keyword));
    };
    let Some(Value::Array(branches)) = schema.remove(*keyword) else { return };
    let own = schema.get("properties").and_then(Value::as_object);
    if branches.iter().all(|branch| describes_no_more(branch, own)) {
        return ignore(schema, keyword);
    }
    let is_small = count_nodes(schema).saturating_mul(branches.len()) <= MAX_DISTRIBUTED;
    if !is_small || schema.values().any(has_object_beside_union) {
        schema.insert((*keyword).into(), Value::Array(branches));
        return ignore(schema, keyword);
    }
    let is_annotation = |key: &str| {
        key.starts_with("x-")
            || [
                "title",
                "description",
                "default",
                "example",
                "examples",
                "deprecated",
                "nullable",
                "discriminator",
            ]
            .contains(&key)
    };
    let (outside, own): (Map<_, _>, Map<_, _>) =
        std::mem::take(schema).into_iter().partition(|(key, _)| is_annotation(key));
    let branches = branches.into_iter().map(|branch| {
        let name = branch.get("$ref").and_then(Value::as_str).and_then(|target| target.rsplit('/').next());
        let title = name.or(branch.get("title").and_then(Value::as_str)).map(str::to_owned);
        let mut both = json!({ "allOf": [own, branch] });
        if let Some(title) = title {
            both["title"] = title.into();
        }
        both
    });
    let branches = Value::Array(branches.collect());
    *schema = outside;
    schema.insert((*keyword).into(), branches);
}

/// Returns true for a branch that describes only properties that `own` describes too.
fn describes_no_more(branch: &Value, own: Option<&Map<String, Value>>) -> bool {
    let Some(branch) = branch.as_object() else { return branch.is_boolean() };
    let is_known = |name: &String| own.is_some_and(|own| own.contains_key(name));
    !["$ref", "allOf", "anyOf", "oneOf", "additionalProperties"].iter().any(|key| branch.contains_key(*key))
        && branch.get("type").is_none_or(|kind| kind == "object")
        && branch.get("properties").and_then(Value::as_object).is_none_or(|own| own.keys().all(is_known))
}

/// Returns the number of values in an object.
fn count_nodes(object: &Map<String, Value>) -> usize {
    let count = |value: &Value| match value {
        Value::Object(object) => count_nodes(object),
        Value::Array(items) => items.iter().filter_map(Value::as_object).map(count_nodes).sum(),
        _ => 0,
    };
    object.values().map(|value| 1 + count(value)).sum()
}

/// Returns true if a value holds an object beside a union, which would be multiplied too.
fn has_object_beside_union(value: &Value) -> bool {
    match value {
        Value::Object(object) => {
            let has = |keys: &[&str]| keys.iter().any(|key| object.contains_key(*key));
            has(&["anyOf", "oneOf"]) && has(&["$ref", "allOf", "properties"])
                || object.values().any(has_object_beside_union)
        }
        Value::Array(items) => items.iter().any(has_object_beside_union),
        _ => false,
    }
}

/// Leaves of a branch the values that an enum beside the union lists too. Returns false if there are none.
fn narrow_enum(branch: &mut Value, listed: &Value) -> bool {
    let Value::Object(branch) = branch else { return true };
    rewrite_const(branch);
    let Value::Array(listed) = listed else { return true };
    let kinds: Vec<&str> = match branch.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let fits = |value: &&Value| kinds.is_empty() || kinds.iter().any(|kind| is_of_type(value, kind));
    let own = branch.get("enum").and_then(Value::as_array);
    let both = listed.iter().filter(fits).filter(|value| own.is_none_or(|own| own.contains(value)));
    let both: Vec<Value> = both.cloned().collect();
    let is_possible = !both.is_empty();
    if branch.get("type") != Some(&json!("null")) {
        branch.insert("enum".into(), Value::Array(both));
    }
    is_possible
}

/// Adds an assertion to a schema that may have the same one. The tighter one applies.
pub(super) fn tighten(schema: &mut Map<String, Value>, keyword: &str, value: &Value) {
    let Some(own) = schema.get(keyword).cloned() else {
        schema.insert(keyword.into(), value.clone());
        return;
    };
    let replaces = match (keyword, own.as_f64(), value.as_f64()) {
        (
            "minLength" | "minItems" | "minProperties" | "minimum" | "exclusiveMinimum",
            Some(own),
            Some(value),
        ) => value > own,
        (
            "maxLength" | "maxItems" | "maxProperties" | "maximum" | "exclusiveMaximum",
            Some(own),
            Some(value),
        ) => value < own,
        ("multipleOf", Some(own), Some(value)) if (value / own).fract() == 0.0 => true,
        ("multipleOf", Some(own), Some(value)) if (own / value).fract() == 0.0 => false,
        ("uniqueItems", ..) => value == &Value::Bool(true),
        _ if own == *value => false,
        _ => return ignore(schema, keyword),
    };
    if replaces {
        schema.insert(keyword.into(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use schemars::{Schema, transform::Transform as _};

    use super::{
        super::{IGNORED, rules::Rules},
        *,
    };

    #[track_caller]
    fn check(before: Value, after: Value) {
        let mut schema = Schema::try_from(before).unwrap();
        Rules.transform(&mut schema);
        assert_eq!(schema.to_value(), after);
    }

    #[test]
    fn branches_that_describe_no_more_properties_are_rules_of_the_object_beside_them() {
        check(
            json!({ "type": "object", "properties": { "a": {}, "b": {} },
                "anyOf": [{ "required": ["a"] }, { "required": ["b"], "properties": { "a": { "minimum": 1 } } }] }),
            json!({ "type": "object", "properties": { "a": {}, "b": {} }, IGNORED: ["anyOf"] }),
        );
    }

    #[test]
    fn an_object_is_moved_into_the_branches_beside_it() {
        let own = json!({ "type": "object", "properties": { "a": {} } });
        check(
            json!({ "type": "object", "properties": { "a": {} }, "description": "d",
                "oneOf": [{ "properties": { "b": {} } }, { "$ref": "#/x" }] }),
            json!({ "description": "d", "oneOf": [
                { "allOf": [own, { "type": "object", "properties": { "b": {} } }] },
                { "title": "x", "allOf": [own, { "$ref": "#/x" }] },
            ] }),
        );
    }

    #[test]
    fn an_object_beside_a_union_is_not_multiplied_on_several_levels() {
        let union = json!([{ "properties": { "b": {} } }, { "properties": { "c": {} } }]);
        let mut schema = json!({ "type": "object", "properties": { "a": {} }, "anyOf": union });
        for _ in 0..40 {
            schema = json!({ "type": "object", "properties": { "a": schema }, "anyOf": union });
        }
        let mut schema = Schema::try_from(schema).unwrap();
        Rules.transform(&mut schema);
        assert!(schema.to_value().to_string().len() < 20_000);
    }
}
