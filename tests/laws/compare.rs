//! Compares an instance with the result of reading and writing it.

use std::collections::HashSet;

use serde_json::{Number, Value};

use crate::schema::{matching_branches, properties};

/// The direction of an instance: inputs keep fields that their schema does not name, outputs may drop them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    Input,
    Output,
}

/// Describes the first relevant difference between `before` and `after`, with its JSON pointer.
pub(crate) fn first_difference(
    direction: Direction,
    schema: &Value,
    before: &Value,
    after: &Value,
) -> Option<String> {
    walk(direction, schema, before, after, direction == Direction::Input, "").err()
}

/// Returns `before` without the null fields that `after` lacks, for a reply that is null where its schema has no null.
pub(crate) fn without_dropped_nulls(before: &Value, after: &Value) -> Value {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            let kept = before.iter().filter(|(name, value)| !value.is_null() || after.contains_key(*name));
            let after = |name: &String| after.get(name).unwrap_or(&Value::Null);
            kept.map(|(name, value)| (name.clone(), without_dropped_nulls(value, after(name)))).collect()
        }
        (Value::Array(before), Value::Array(after)) => {
            before.iter().zip(after).map(|(before, after)| without_dropped_nulls(before, after)).collect()
        }
        _ => before.clone(),
    }
}

/// Compares two values. With `keep_unknown`, fields that the schema does not name must be kept.
fn walk(
    direction: Direction,
    schema: &Value,
    before: &Value,
    after: &Value,
    keep_unknown: bool,
    pointer: &str,
) -> Result<(), String> {
    // A value that fits several members must keep the fields of each of them.
    let candidates = matching_branches(schema, before);
    let described: HashSet<&str> =
        candidates.iter().flat_map(|branch| properties(branch)).map(|(name, _)| name.as_str()).collect();
    for branch in if candidates.is_empty() { vec![schema] } else { candidates } {
        // No value is valid here: a member of a union that does not have this field, or the end of a tree that was cut.
        if *branch == Value::Bool(false) {
            continue;
        }
        compare_branch(direction, branch, before, after, keep_unknown, pointer, &described)?;
    }
    Ok(())
}

fn compare_branch(
    direction: Direction,
    schema: &Value,
    before: &Value,
    after: &Value,
    keep_unknown: bool,
    pointer: &str,
    described: &HashSet<&str>,
) -> Result<(), String> {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            if let Some(name) = new.keys().find(|name| !old.contains_key(*name)) {
                return Err(format!("`{pointer}/{}` was added", escape(name)));
            }
            // An object without properties is a map, whose entries are data.
            let free = schema.get("properties").is_none()
                || !matches!(schema.get("additionalProperties"), None | Some(Value::Bool(false)));
            for (name, old) in old {
                let property =
                    properties(schema).find(|(known, _)| *known == name).map(|(_, property)| property);
                let pointer = format!("{pointer}/{}", escape(name));
                match (property, new.get(name)) {
                    (Some(property), Some(new)) => walk(direction, property, old, new, false, &pointer)?,
                    // Compared as the property of another member that the value fits.
                    (None, Some(_)) if !keep_unknown && !free && described.contains(name.as_str()) => {}
                    // What may be dropped as a whole may be kept in part.
                    (None, Some(new)) if !keep_unknown && !free => {
                        if !is_part(new, old) {
                            return Err(format!("`{pointer}` was {old} and is {new}"));
                        }
                    }
                    (None, Some(new)) => {
                        let values = schema.get("additionalProperties").unwrap_or(&Value::Null);
                        // A described value is like that of a property.
                        walk(direction, values, old, new, !values.is_object(), &pointer)?;
                    }
                    (None, None) if !keep_unknown && !free => {}
                    (_, None) => return Err(format!("`{pointer}` was dropped")),
                }
            }
            Ok(())
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            old.iter().zip(new).enumerate().try_for_each(|(index, (old, new))| {
                let first = schema.get("prefixItems").and_then(|first| first.get(index));
                let items = first.or_else(|| schema.get("items")).unwrap_or(&Value::Null);
                walk(direction, items, old, new, false, &format!("{pointer}/{index}"))
            })
        }
        (Value::Number(old), Value::Number(new)) if same(old, new) => Ok(()),
        (old, new) if old == new => Ok(()),
        (old, new) => Err(format!("`{pointer}` was {old} and is {new}")),
    }
}

/// Returns true if `part` is `whole` without some of its fields.
fn is_part(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            part.iter().all(|(name, part)| whole.get(name).is_some_and(|whole| is_part(part, whole)))
        }
        (Value::Array(part), Value::Array(whole)) => {
            part.len() == whole.len() && part.iter().zip(whole).all(|(part, whole)| is_part(part, whole))
        }
        (Value::Number(part), Value::Number(whole)) => same(part, whole),
        (part, whole) => part == whole,
    }
}

/// Returns a name as it is written in a JSON pointer.
fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// Compares by value, because `2` and `2.0` are the same number in JSON.
fn same(old: &Number, new: &Number) -> bool {
    match (old.as_i128(), new.as_i128()) {
        (Some(old), Some(new)) => old == new,
        _ => old.as_f64() == new.as_f64(),
    }
}

#[test]
fn only_irrelevant_differences_are_ignored() {
    let schema = serde_json::json!({ "type": "object", "properties": {
        "seed": { "anyOf": [{ "type": "integer" }, { "type": "null" }] },
        "steps": { "anyOf": [{ "type": "integer" }, { "type": "null" }], "default": 4 },
        "size": { "type": "object", "properties": { "width": { "type": "integer" } } },
    } });
    let difference = |direction, before: &str, after: &str| {
        let [before, after] = [before, after].map(|text| serde_json::from_str::<Value>(text).unwrap());
        first_difference(direction, &schema, &before, &after)
    };
    for (before, after) in
        [(r#"{"seed":2.0}"#, r#"{"seed":2}"#), (r#"{"size":{"width":1,"new":2}}"#, r#"{"size":{"width":1}}"#)]
    {
        assert_eq!(difference(Direction::Input, before, after), None);
    }
    for (before, after, reason) in [
        (r#"{"steps":null}"#, "{}", "`/steps` was dropped"),
        (r#"{"seed":null}"#, "{}", "`/seed` was dropped"),
        (r#"{"new":1}"#, "{}", "`/new` was dropped"),
        ("{}", r#"{"steps":4}"#, "`/steps` was added"),
        (r#"{"size":{"width":1}}"#, r#"{"size":{"width":2}}"#, "`/size/width` was 1 and is 2"),
    ] {
        assert_eq!(difference(Direction::Input, before, after).as_deref(), Some(reason));
    }
    for after in ["{}", r#"{"new":[{}]}"#] {
        assert_eq!(difference(Direction::Output, r#"{"new":[{"a":1}]}"#, after), None, "{after}");
    }
    assert!(difference(Direction::Output, r#"{"new":[{"a":1}]}"#, r#"{"new":[{"a":2}]}"#).is_some());
    let union = serde_json::json!({ "anyOf": [
        { "type": "array", "prefixItems": [{ "type": "object", "properties": {} }], "items": { "type": "integer" } },
        { "type": "object", "additionalProperties": { "type": "number" } },
        { "type": "object", "properties": { "a": { "type": "object", "properties": {} } } },
    ] });
    for (before, after) in [(r#"[{"new":1},2]"#, "[{},2]"), (r#"{"a":{"new":1}}"#, r#"{"a":{}}"#)] {
        let [before, after] = [before, after].map(|text| serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(first_difference(Direction::Input, &union, &before, &after), None, "{before}");
    }
    let [before, after] = [serde_json::json!([{ "a": null, "b": null }]), serde_json::json!([{ "b": null }])];
    assert_eq!(without_dropped_nulls(&before, &after), after);
    let dropped = difference(Direction::Output, r#"{"steps":null}"#, "{}");
    assert_eq!(dropped.as_deref(), Some("`/steps` was dropped"));
}
