//! What may differ between an instance and what is written after reading it.

use serde_json::{Number, Value};

use crate::schema::{branches, meant, properties};

/// Where an instance comes from, which decides what happens to fields that its schema does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Side {
    Input,
    Output,
}

/// The first difference that matters between `before` and `after`, as a JSON pointer and a reason.
pub(crate) fn lost(side: Side, schema: &Value, before: &Value, after: &Value) -> Option<String> {
    walk(side, schema, before, after, side == Side::Input, "").err()
}

/// `keep`: fields that the schema does not name are to be kept.
fn walk(
    side: Side,
    schema: &Value,
    before: &Value,
    after: &Value,
    keep: bool,
    at: &str,
) -> Result<(), String> {
    let candidates = meant(schema, before);
    let mut result = Ok(());
    for branch in if candidates.is_empty() { vec![schema] } else { candidates } {
        result = one(side, branch, before, after, keep, at);
        if result.is_ok() {
            break;
        }
    }
    result
}

fn one(
    side: Side,
    schema: &Value,
    before: &Value,
    after: &Value,
    keep: bool,
    at: &str,
) -> Result<(), String> {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            if let Some(name) = new.keys().find(|name| !old.contains_key(*name)) {
                return Err(format!("`{at}/{name}` came from nowhere"));
            }
            // Without properties an object is a map, and a map is data.
            let free = schema.get("properties").is_none()
                || !matches!(schema.get("additionalProperties"), None | Some(Value::Bool(false)));
            for (name, old) in old {
                let property =
                    properties(schema).find(|(known, _)| *known == name).map(|(_, property)| property);
                let at = format!("{at}/{name}");
                match (property, new.get(name)) {
                    (Some(property), Some(new)) => walk(side, property, old, new, false, &at)?,
                    (Some(property), None)
                        if old.is_null() && (side == Side::Output || null_is_absent(property)) => {}
                    (None, Some(new)) => {
                        let values = schema.get("additionalProperties").unwrap_or(&Value::Null);
                        walk(side, values, old, new, true, &at)?;
                    }
                    (None, None) if !keep && !free => {}
                    (_, None) => return Err(format!("`{at}` is gone")),
                }
            }
            Ok(())
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            old.iter().zip(new).enumerate().try_for_each(|(index, (old, new))| {
                let first = schema.get("prefixItems").and_then(|first| first.get(index));
                let items = first.or_else(|| schema.get("items")).unwrap_or(&Value::Null);
                walk(side, items, old, new, false, &format!("{at}/{index}"))
            })
        }
        (Value::Number(old), Value::Number(new)) if same(old, new) => Ok(()),
        (old, new) if old == new => Ok(()),
        (old, new) => Err(format!("`{at}` was {old} and is {new}")),
    }
}

/// JSON has one number type: 2 is 2.0.
fn same(old: &Number, new: &Number) -> bool {
    match (old.as_i64(), new.as_i64()) {
        (Some(old), Some(new)) => old == new,
        _ => old.as_f64() == new.as_f64(),
    }
}

/// Whether a service takes `null` for a property as it takes the property left out: it can be null, and
/// being left out does not stand for something else.
fn null_is_absent(property: &Value) -> bool {
    let has_null = branches(property).iter().any(|branch| branch["type"] == "null");
    has_null && property.get("default").is_none_or(Value::is_null)
}

#[test]
fn what_may_be_lost_and_what_may_not() {
    let schema = serde_json::json!({ "type": "object", "properties": {
        "seed": { "anyOf": [{ "type": "integer" }, { "type": "null" }] },
        "steps": { "anyOf": [{ "type": "integer" }, { "type": "null" }], "default": 4 },
        "size": { "type": "object", "properties": { "width": { "type": "integer" } } },
    } });
    let lost = |side, before: &str, after: &str| {
        let [before, after] = [before, after].map(|text| serde_json::from_str::<Value>(text).unwrap());
        lost(side, &schema, &before, &after)
    };
    for (before, after) in [
        (r#"{"seed":2.0}"#, r#"{"seed":2}"#),
        (r#"{"seed":null}"#, "{}"),
        (r#"{"size":{"width":1,"new":2}}"#, r#"{"size":{"width":1}}"#),
    ] {
        assert_eq!(lost(Side::Input, before, after), None);
    }
    for (before, after, reason) in [
        (r#"{"steps":null}"#, "{}", "`/steps` is gone"),
        (r#"{"new":1}"#, "{}", "`/new` is gone"),
        ("{}", r#"{"steps":4}"#, "`/steps` came from nowhere"),
        (r#"{"size":{"width":1}}"#, r#"{"size":{"width":2}}"#, "`/size/width` was 1 and is 2"),
    ] {
        assert_eq!(lost(Side::Input, before, after).as_deref(), Some(reason));
    }
    assert_eq!(lost(Side::Output, r#"{"steps":null,"new":1}"#, "{}"), None);
}
