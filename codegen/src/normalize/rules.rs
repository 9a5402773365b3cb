//! The rules that rewrite schemas, one for each construct of fal's dialect.

use std::collections::HashSet;

use schemars::{
    Schema,
    transform::{Transform, transform_subschemas},
};
use serde_json::{Map, Value, json};

use super::{
    IGNORED, NULL, PREFIX_ITEMS, PROPERTY_NAMES, REST_ITEMS, WIDE_BOUNDS,
    branches::{distribute_over_branches, tighten},
    requirements::move_requirements,
};
use crate::schema::keywords::{FAL_TOOLS, FILE_LIMITS, bounds_of_python};

/// The transform that applies all rules, to the innermost schemas first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules;

impl Transform for Rules {
    fn transform(&mut self, schema: &mut Schema) {
        // Rules that move keywords into branches run first, so that the branches are rewritten with them.
        if let Some(object) = schema.as_object_mut() {
            rewrite_boolean_schemas(object);
            rewrite_item_lists(object);
            rewrite_const(object);
            infer_type(object);
            rename_bounds(object);
            rewrite_type_list(object);
            move_requirements(object);
            distribute_over_branches(object);
        }
        transform_subschemas(self, schema);
        if let Some(object) = schema.as_object_mut() {
            rewrite_null_branch(object);
            rewrite_enum(object);
            rewrite_exclusive_bounds(object);
            round_integer_bounds(object);
            move_prefix_items(object);
            move_property_names(object);
            note_unchecked(object);
            rewrite_examples(object);
            rename_tool_keywords(object);
            wrap_reference(object);
            rewrite_null(object);
        }
    }
}

/// Adds the type that `properties` and `items` imply.
fn infer_type(schema: &mut Map<String, Value>) {
    let is_other = ["type", "$ref", "allOf", "anyOf", "oneOf", "not", "enum"]
        .iter()
        .any(|keyword| schema.contains_key(*keyword));
    if is_other {
        return;
    }
    if schema.contains_key("properties")
        || matches!(schema.get("additionalProperties"), Some(Value::Object(_)))
    {
        schema.insert("type".into(), "object".into());
    } else if schema.contains_key("prefixItems") || schema.contains_key("items") {
        schema.insert("type".into(), "array".into());
    }
}

/// Gives bounds under their names in Python, such as `ge`, the names of JSON Schema. Of two bounds the tighter one applies.
pub fn rename_bounds(schema: &mut Map<String, Value>) {
    let names: Vec<String> = schema.keys().cloned().collect();
    for name in names {
        let keywords = bounds_of_python(schema, &name);
        let bound = if keywords.is_empty() { None } else { schema.remove(&name) };
        for (keyword, bound) in keywords.into_iter().zip(bound.iter().cycle()) {
            tighten(schema, keyword, bound);
        }
    }
}

/// Returns the schema that a boolean schema stands for, because OpenAPI 3.0 has no boolean schemas.
pub(super) fn expand_boolean(schema: &mut Value) {
    match schema {
        Value::Bool(true) => *schema = json!({}),
        Value::Bool(false) => *schema = json!({ "not": {} }),
        _ => {}
    }
}

/// Rewrites the boolean schemas inside a schema. A branch that allows nothing is no branch.
fn rewrite_boolean_schemas(schema: &mut Map<String, Value>) {
    for keyword in ["anyOf", "oneOf"] {
        if let Some(Value::Array(branches)) = schema.get_mut(keyword)
            && branches.iter().any(|branch| branch != &Value::Bool(false))
        {
            branches.retain(|branch| branch != &Value::Bool(false));
        }
    }
    for keyword in ["allOf", "anyOf", "oneOf", "prefixItems"] {
        if let Some(Value::Array(schemas)) = schema.get_mut(keyword) {
            schemas.iter_mut().for_each(expand_boolean);
        }
    }
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.values_mut().for_each(expand_boolean);
    }
    let is_tuple = schema.contains_key("prefixItems");
    match schema.get_mut("items") {
        Some(Value::Array(items)) => items.iter_mut().for_each(expand_boolean),
        Some(Value::Bool(false)) if !is_tuple => {
            schema.insert("maxItems".into(), 0.into());
            schema.remove("items");
        }
        Some(items) if !is_tuple => expand_boolean(items),
        _ => {}
    }
    if let Some(not) = schema.get_mut("not") {
        expand_boolean(not);
    }
}

/// Rewrites the tuples of older JSON Schemas, `items: [A, B]` with `additionalItems`, to `prefixItems` with `items`.
fn rewrite_item_lists(schema: &mut Map<String, Value>) {
    let rest = schema.remove("additionalItems");
    if !matches!(schema.get("items"), Some(Value::Array(_))) {
        return;
    }
    if let Some(items) = schema.remove("items") {
        schema.insert("prefixItems".into(), items);
    }
    if let Some(rest) = rest {
        schema.insert("items".into(), rest);
    }
}

/// Rewrites `type: [T, "null"]` to a nullable `T`, and longer lists to a union.
fn rewrite_type_list(schema: &mut Map<String, Value>) {
    let Some(Value::Array(types)) = schema.get("type").cloned() else { return };
    let (null, mut others): (Vec<Value>, Vec<Value>) = types.into_iter().partition(|kind| kind == "null");
    // If there is an enum without null, null is not allowed, whatever the list says.
    if !null.is_empty() && !others.is_empty() && lists_null(schema) {
        schema.insert("nullable".into(), Value::Bool(true));
    }
    match others.len() {
        0 => drop(schema.insert("type".into(), "null".into())),
        1 => drop(schema.insert("type".into(), others.remove(0))),
        _ => {
            schema.remove("type");
            // An integer is a number already.
            if others.iter().any(|kind| kind == "number") {
                others.retain(|kind| kind != "integer");
            }
            let mut branches: Vec<Value> = others.into_iter().map(|kind| json!({ "type": kind })).collect();
            for (keywords, kinds) in ASSERTIONS {
                for keyword in *keywords {
                    let Some(value) = schema.remove(*keyword) else { continue };
                    for branch in branches.iter_mut().filter(|branch| applies(kinds, branch)) {
                        branch[*keyword] = value.clone();
                    }
                }
            }
            schema.insert("anyOf".into(), Value::Array(branches));
        }
    }
}

/// Returns true unless an enum excludes null.
fn lists_null(schema: &Map<String, Value>) -> bool {
    let values = schema.get("enum").and_then(Value::as_array);
    values.is_none_or(|values| values.contains(&Value::Null))
}

/// Keywords that limit the values of some types.
pub(super) const ASSERTIONS: &[(&[&str], &[&str])] = &[
    (&["minLength", "maxLength", "pattern", "format"], &["string"]),
    (&["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"], &["integer", "number"]),
    (&["items", "prefixItems", "minItems", "maxItems", "uniqueItems"], &["array"]),
    (
        &[
            "properties",
            "required",
            "additionalProperties",
            "minProperties",
            "maxProperties",
            "propertyNames",
        ],
        &["object"],
    ),
];

/// Returns true if a keyword of these types can limit values of `branch`.
pub(super) fn applies(kinds: &[&str], branch: &Value) -> bool {
    match branch.get("type") {
        Some(Value::String(kind)) => kinds.contains(&kind.as_str()),
        Some(Value::Array(types)) => {
            types.iter().any(|kind| kind.as_str().is_some_and(|kind| kinds.contains(&kind)))
        }
        _ => branch.get("const").or(branch.pointer("/enum/0")).is_none(),
    }
}

/// Returns true if `value` has a JSON type.
pub(super) fn is_of_type(value: &Value, kind: &str) -> bool {
    match value {
        Value::Null => kind == "null",
        Value::Bool(_) => kind == "boolean",
        Value::Number(number) => {
            kind == "number"
                || kind == "integer" && number.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        Value::String(_) => kind == "string",
        Value::Array(_) => kind == "array",
        Value::Object(_) => kind == "object",
    }
}

/// Notes that a keyword of this schema has no effect on its type, for the report.
pub(super) fn ignore(schema: &mut Map<String, Value>, keyword: &str) {
    let ignored = schema.entry(IGNORED).or_insert_with(|| json!([]));
    if let Value::Array(ignored) = ignored
        && !ignored.contains(&json!(keyword))
    {
        ignored.push(keyword.into());
    }
}

/// Rewrites `anyOf: [T, null]` to a nullable `T`. A union of more branches keeps the others.
fn rewrite_null_branch(schema: &mut Map<String, Value>) {
    for keyword in ["anyOf", "oneOf"] {
        let Some(Value::Array(branches)) = schema.get_mut(keyword) else { continue };
        let before = branches.len();
        branches.retain(|branch| branch.get(NULL).is_none());
        let mut takes_null = branches.len() < before;
        for branch in branches.iter_mut().filter_map(Value::as_object_mut) {
            // `null` belongs to the union and not to one of its members.
            if branch.get("nullable") == Some(&Value::Bool(true)) && branch.len() > 1 {
                branch.remove("nullable");
                takes_null = true;
            }
        }
        let only = if branches.len() == 1 { branches.pop() } else { None };
        if branches.is_empty() && only.is_none() && before > 0 {
            schema.remove(keyword);
            schema.insert("type".into(), "null".into());
            return;
        }
        if takes_null {
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
pub(super) fn rewrite_const(schema: &mut Map<String, Value>) {
    if let Some(value) = schema.remove("const") {
        schema.insert("enum".into(), Value::Array(vec![value]));
    }
}

/// Rewrites an enum to values of one type, each once, and to a union if its values have several types.
fn rewrite_enum(schema: &mut Map<String, Value>) {
    let Some(Value::Array(listed)) = schema.remove("enum") else { return };
    let has_null = listed.contains(&Value::Null);
    let mut values: Vec<Value> = listed.into_iter().filter(|value| !value.is_null()).collect();
    let kind = schema.get("type").and_then(Value::as_str).map(str::to_owned);
    if let Some(kind) = kind {
        values.retain(|value| is_of_type(value, &kind));
        insert_enum(schema, &kind, values);
        return;
    }
    if has_null {
        schema.insert("nullable".into(), Value::Bool(true));
    }
    let numbers = if values.iter().all(|value| !value.is_number() || is_of_type(value, "integer")) {
        "integer"
    } else {
        "number"
    };
    let mut groups = ["string", numbers, "boolean", "object", "array"].into_iter().filter_map(|kind| {
        let group: Vec<Value> = values.iter().filter(|value| is_of_type(value, kind)).cloned().collect();
        (!group.is_empty()).then_some((kind, group))
    });
    let (first, rest) = (groups.next(), groups.collect::<Vec<_>>());
    match first {
        None if has_null => drop(schema.insert("type".into(), "null".into())),
        None => ignore(schema, "enum"),
        Some((kind, values)) if rest.is_empty() => {
            schema.insert("type".into(), kind.into());
            insert_enum(schema, kind, values);
        }
        Some(first) => {
            let branches = std::iter::once(first).chain(rest).map(|(kind, values)| {
                let mut branch = Map::from_iter([("type".to_owned(), kind.into())]);
                insert_enum(&mut branch, kind, values);
                Value::Object(branch)
            });
            let branches = branches.collect();
            schema.insert("anyOf".into(), Value::Array(branches));
        }
    }
}

/// Adds an enum of values of one type. `1` and `1.0` are the same value.
fn insert_enum(schema: &mut Map<String, Value>, kind: &str, values: Vec<Value>) {
    let values: Option<Vec<Value>> = match kind {
        "integer" => values.iter().map(|value| to_i64(value).map(Value::from)).collect(),
        "number" => Some(values.iter().filter_map(Value::as_f64).map(Value::from).collect()),
        "string" => Some(values),
        // Both values are any boolean.
        "boolean" if values.contains(&Value::Bool(true)) && values.contains(&Value::Bool(false)) => return,
        "boolean" => Some(values),
        _ => None,
    };
    let mut seen = HashSet::new();
    let values = values.into_iter().flatten().filter(|value| seen.insert(value.clone()));
    let values: Vec<Value> = values.collect();
    if values.is_empty() {
        return ignore(schema, "enum");
    }
    schema.insert("enum".into(), Value::Array(values));
}

#[allow(clippy::cast_possible_truncation, reason = "the number has no fraction and is in the range")]
fn to_i64(value: &Value) -> Option<i64> {
    let whole = value.as_f64().filter(|number| number.fract() == 0.0 && number.abs() < 9e18);
    value.as_i64().or_else(|| whole.map(|number| number as i64))
}

/// Rewrites `type: "null"`, which OpenAPI 3.0 does not have.
fn rewrite_null(schema: &mut Map<String, Value>) {
    if schema.get("type") == Some(&json!("null")) {
        schema.remove("type");
        schema.insert("nullable".into(), Value::Bool(true));
        schema.insert(NULL.into(), Value::Bool(true));
    }
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
///
/// Bounds beyond `i64` move to an extension.
fn round_integer_bounds(schema: &mut Map<String, Value>) {
    if schema.get("type") != Some(&json!("integer")) {
        return;
    }
    for (keyword, exclusive, inwards) in
        [("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1)]
    {
        let Some(bound) = schema.get(keyword).cloned() else { continue };
        let is_exclusive = schema.get(exclusive) == Some(&Value::Bool(true));
        let Some((whole, is_rounded)) = round_inwards(&bound, inwards) else { continue };
        if whole == if inwards > 0 { i128::MIN } else { i128::MAX } {
            // No type has room for what is beyond it.
            schema.remove(keyword);
            schema.remove(exclusive);
            ignore(schema, keyword);
            continue;
        }
        if is_rounded {
            // The bound itself was no integer, so the next one is allowed.
            schema.remove(exclusive);
        }
        if let Ok(whole) = i64::try_from(whole) {
            schema.insert(keyword.into(), json!(whole));
            continue;
        }
        schema.remove(keyword);
        schema.remove(exclusive);
        let inclusive = if is_exclusive && !is_rounded { whole.saturating_add(inwards) } else { whole };
        if let Ok(inclusive) = i64::try_from(inclusive) {
            schema.insert(keyword.into(), json!(inclusive));
            continue;
        }
        let wide = schema.entry(WIDE_BOUNDS).or_insert_with(|| json!({}));
        wide[keyword] = inclusive.to_string().into();
    }
    let step = schema.get("multipleOf").filter(|step| step.is_f64()).and_then(Value::as_f64);
    if let Some(step) = step {
        schema.remove("multipleOf");
        #[allow(clippy::cast_possible_truncation, reason = "a step beyond i64 is left out below")]
        if step.fract() == 0.0 && step.abs() < 9e18 {
            schema.insert("multipleOf".into(), json!(step as i64));
        } else if step.recip().fract() != 0.0 {
            ignore(schema, "multipleOf");
        }
    }
}

/// Rounds a bound to the next integer in the direction of the allowed values. The second value is true if it had a
/// fraction.
#[allow(clippy::cast_possible_truncation, reason = "such bounds saturate, and are beyond every integer type")]
fn round_inwards(bound: &Value, inwards: i128) -> Option<(i128, bool)> {
    if let Some(whole) = bound.as_i64().map(i128::from).or(bound.as_u64().map(i128::from)) {
        return Some((whole, false));
    }
    let bound = bound.as_f64()?;
    let whole = if inwards > 0 { bound.ceil() } else { bound.floor() };
    // 2^64 is what the largest u64 becomes as a float.
    Some((whole as i128, bound.fract() != 0.0))
}

/// Moves the items of a tuple to extensions, because OpenAPI 3.0 has no tuples. `items` then allows any of them.
fn move_prefix_items(schema: &mut Map<String, Value>) {
    let Some(Value::Array(items)) = schema.remove("prefixItems") else { return };
    let mut rest = schema.remove("items").unwrap_or(Value::Bool(true));
    if rest == Value::Bool(false) {
        let most = schema
            .get("maxItems")
            .and_then(Value::as_u64)
            .map_or(items.len() as u64, |max| max.min(items.len() as u64));
        schema.insert("maxItems".into(), most.into());
    } else {
        expand_boolean(&mut rest);
        schema.insert(REST_ITEMS.into(), rest);
    }
    let mut kinds: Vec<Value> = Vec::new();
    for item in &items {
        if !kinds.contains(item) {
            kinds.push(item.clone());
        }
    }
    let any = match kinds.len() {
        0 => json!({}),
        1 => kinds.remove(0),
        _ => json!({ "anyOf": kinds }),
    };
    schema.insert("items".into(), any);
    schema.insert(PREFIX_ITEMS.into(), Value::Array(items));
}

/// Moves the schema of the names of properties to an extension, because OpenAPI 3.0 has none. It is for objects without
/// described properties.
fn move_property_names(schema: &mut Map<String, Value>) {
    if !has_properties(schema)
        && let Some(mut names) = schema.remove("propertyNames")
    {
        expand_boolean(&mut names);
        if let Value::Object(names) = &mut names
            && ["type", "enum", "$ref", "not"].iter().all(|keyword| !names.contains_key(*keyword))
        {
            // Every name is a string.
            names.insert("type".into(), "string".into());
        }
        schema.insert(PROPERTY_NAMES.into(), names);
    }
}

/// Returns true if an object describes properties one by one.
fn has_properties(schema: &Map<String, Value>) -> bool {
    schema.get("properties").and_then(Value::as_object).is_some_and(|properties| !properties.is_empty())
}

/// Keywords that restrict values, and have no effect on types.
const UNCHECKED: &[&str] = &[
    "contains",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "maxContains",
    "minContains",
    "patternProperties",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Notes the keywords of a schema that restrict its values further than its type does.
fn note_unchecked(schema: &mut Map<String, Value>) {
    let mut found: Vec<&str> = UNCHECKED.iter().copied().filter(|key| schema.contains_key(*key)).collect();
    // Alone, it is an untyped schema. Beside a type, it would make one of it too.
    let is_typed = ["type", "properties", "enum", "anyOf", "oneOf", "allOf", "$ref"];
    let has_others = !found.is_empty() || is_typed.iter().any(|key| schema.contains_key(*key));
    if has_others && schema.remove("not").is_some() {
        found.push("not");
    }
    if has_properties(schema) {
        found.extend(["minProperties", "maxProperties"].into_iter().filter(|key| schema.contains_key(*key)));
    }
    found.into_iter().for_each(|keyword| ignore(schema, keyword));
}

/// Rewrites a list of `examples` to one `example`, and an extension with all of them.
fn rewrite_examples(schema: &mut Map<String, Value>) {
    let Some(Value::Array(examples)) = schema.remove("examples") else { return };
    if let Some(first) = examples.first() {
        schema.entry("example").or_insert_with(|| first.clone());
    }
    schema.insert("x-examples".into(), Value::Array(examples));
}

/// Renames the keywords of fal's own tools to extensions, so that nothing is lost. Limits of files join those of
/// `x-fal`, which newer documents have instead. A number of pixels is an area.
fn rename_tool_keywords(schema: &mut Map<String, Value>) {
    for key in FILE_LIMITS {
        let Some(value) = schema.remove(*key) else { continue };
        let limits = schema.entry("x-fal").or_insert_with(|| json!({}));
        if let Some(limits) = limits.as_object_mut() {
            limits.entry(*key).or_insert(value);
        }
    }
    if let Some(Value::Object(limits)) = schema.get_mut("x-fal") {
        for (key, area) in [("min_pixels", "min_area"), ("max_pixels", "max_area")] {
            let Some(value) = limits.remove(key) else { continue };
            limits.entry(area).or_insert(value);
        }
    }
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
        let assertions = ASSERTIONS.iter().flat_map(|(keywords, _)| *keywords).chain(&["enum"]);
        let beside: Vec<&str> = assertions
            .copied()
            .filter(|keyword| schema.contains_key(*keyword) && *keyword != "format")
            .collect();
        beside.into_iter().for_each(|keyword| ignore(schema, keyword));
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
    fn values_of_an_enum_are_listed_once() {
        check(json!({ "enum": [1, 2, 1.0, 1] }), json!({ "type": "integer", "enum": [1, 2] }));
        check(json!({ "enum": [0.5, 2, 2.0] }), json!({ "type": "number", "enum": [0.5, 2.0] }));
        check(json!({ "enum": [true, true] }), json!({ "type": "boolean", "enum": [true] }));
        check(json!({ "enum": [true, false, true] }), json!({ "type": "boolean" }));
        check(json!({ "enum": ["a", "b", "a"] }), json!({ "type": "string", "enum": ["a", "b"] }));
    }

    #[test]
    fn bounds_of_integers_are_rounded() {
        check(
            json!({ "type": "integer", "exclusiveMinimum": 0.0, "maximum": 14142.5, "multipleOf": 2.0 }),
            json!({ "type": "integer", "minimum": 0, "exclusiveMinimum": true, "maximum": 14142, "multipleOf": 2 }),
        );
    }

    #[test]
    fn bounds_that_no_integer_type_has_room_for_are_noted() {
        check(
            json!({ "type": "integer", "minimum": -1.7e308, "maximum": 5 }),
            json!({ "type": "integer", "maximum": 5, IGNORED: ["minimum"] }),
        );
    }

    #[test]
    fn fractions_that_bound_integers_allow_the_integer_next_to_them() {
        check(
            json!({ "type": "integer", "exclusiveMinimum": 0.5, "exclusiveMaximum": 3.5 }),
            json!({ "type": "integer", "minimum": 1, "maximum": 3 }),
        );
    }

    #[test]
    fn bounds_under_their_names_in_python_are_bounds_of_the_types_that_have_them() {
        check(
            json!({ "type": "integer", "ge": 1, "lt": 9, "min": 3, "multiple_of": 2 }),
            json!({ "type": "integer", "minimum": 3, "maximum": 9, "exclusiveMaximum": true, "multipleOf": 2 }),
        );
        check(
            json!({ "anyOf": [{ "type": "object" }, { "type": "number" }], "ge": -4, "le": 4 }),
            json!({ "anyOf": [{ "type": "object" }, { "type": "number", "minimum": -4, "maximum": 4 }] }),
        );
        check(
            json!({ "anyOf": [{ "type": "string" }, { "type": "array", "items": {} }], "min_length": 2, "ge": 1 }),
            json!({ "anyOf": [{ "type": "string", "minLength": 2 }, { "type": "array", "items": {}, "minItems": 2 }],
                "ge": 1 }),
        );
        check(
            json!({ "type": "string", "regex": "^a", "max_length": 3, "min": 1 }),
            json!({ "type": "string", "pattern": "^a", "maxLength": 3, "min": 1 }),
        );
        check(
            json!({ "type": "object", "properties": { "min": { "type": "integer" }, "ge": {} } }),
            json!({ "type": "object", "properties": { "min": { "type": "integer" }, "ge": {} } }),
        );
    }

    #[test]
    fn boolean_schemas_are_rewritten() {
        check(
            json!({ "type": "object", "properties": { "a": true, "b": false }, "additionalProperties": false }),
            json!({ "type": "object", "properties": { "a": {}, "b": { "not": {} } }, "additionalProperties": false }),
        );
        check(json!({ "type": "array", "items": true }), json!({ "type": "array", "items": {} }));
        check(json!({ "type": "array", "items": false }), json!({ "type": "array", "maxItems": 0 }));
        check(
            json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }, false] }),
            json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }] }),
        );
    }

    #[test]
    fn limits_of_files_join_those_of_their_extension() {
        check(
            json!({ "type": "string", "max_pixels": 9, "max_fps": 30, "x-fal": { "max_fps": 24, "min_pixels": 4 } }),
            json!({ "type": "string", "x-fal": { "max_fps": 24, "max_area": 9, "min_area": 4 } }),
        );
    }

    #[test]
    fn tuples_of_older_schemas_are_rewritten() {
        check(
            json!({ "type": "array", "items": [{ "type": "string" }, true], "additionalItems": false }),
            json!({ "type": "array", "maxItems": 2, "items": { "anyOf": [{ "type": "string" }, {}] },
                PREFIX_ITEMS: [{ "type": "string" }, {}] }),
        );
    }

    #[test]
    fn a_list_of_types_keeps_the_rules_of_each() {
        check(
            json!({ "type": ["string", "integer", "null"], "maxLength": 3, "minimum": 1, "title": "T" }),
            json!({ "nullable": true, "title": "T", "anyOf": [
                { "type": "string", "maxLength": 3 }, { "type": "integer", "minimum": 1 }] }),
        );
        check(json!({ "type": ["null"] }), json!({ "nullable": true, NULL: true }));
    }

    #[test]
    fn tuples_and_examples_move_to_extensions() {
        check(
            json!({ "type": "array", "prefixItems": [{ "type": "number" }, { "type": "number" }], "minItems": 2 }),
            json!({ "type": "array", "minItems": 2, REST_ITEMS: {}, "items": { "type": "number" },
                PREFIX_ITEMS: [{ "type": "number" }, { "type": "number" }] }),
        );
        check(
            json!({ "type": "string", "examples": ["a", "b"] }),
            json!({ "type": "string", "example": "a", "x-examples": ["a", "b"] }),
        );
    }
}
