//! Contradictions of a new document: bounds that exclude every value, and a default outside of its bounds. What was
//! committed is kept until somebody decides about them, because code with such bounds accepts no value at all.

use serde_json::{Map, Value};

/// The keys of bounds of numbers, of texts and of lists.
const BOUNDS: [&[&str]; 3] = [
    &["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
    &["minLength", "maxLength"],
    &["minItems", "maxItems"],
];

/// Keys that hold values in place of schemas.
pub(super) const VALUES: &[&str] = &["default", "enum", "const", "example", "examples"];

/// Gives contradictory schemas of a document their committed bounds, or none, and adds a note about each.
pub(super) fn keep_committed(openapi: &mut Value, committed: Option<&Value>, notes: &mut Vec<String>) {
    let pointer = "/components/schemas";
    let committed = committed.and_then(|document| document["openapi"].pointer(pointer));
    if let Some(schemas) = openapi.pointer_mut(pointer) {
        visit(schemas, committed, &format!("/openapi{pointer}"), notes);
    }
}

fn visit(schema: &mut Value, committed: Option<&Value>, at: &str, notes: &mut Vec<String>) {
    match schema {
        Value::Object(object) => {
            let inner = object.iter_mut();
            for (key, inner) in inner.filter(|(key, inner)| has_schemas(inner) && !is_value(key, inner)) {
                let committed = committed.and_then(|committed| committed.get(key));
                visit(inner, committed, &format!("{at}/{key}"), notes);
            }
            let committed = committed.and_then(Value::as_object);
            keep_bounds(object, committed, at, notes);
            keep_default(object, committed, at, notes);
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                let committed = committed.and_then(|committed| committed.get(index));
                visit(item, committed, &format!("{at}/{index}"), notes);
            }
        }
        _ => {}
    }
}

fn has_schemas(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

/// Returns true for a value that is no schema. A parameter may have the name of the key, and has a type then.
fn is_value(key: &str, inner: &Value) -> bool {
    VALUES.contains(&key) && !is_schema(inner)
}

fn is_schema(value: &Value) -> bool {
    ["type", "anyOf", "oneOf", "allOf", "$ref"].iter().any(|key| value.get(key).is_some())
}

/// Keeps the bounds if the new ones exclude every value.
fn keep_bounds(
    schema: &mut Map<String, Value>,
    committed: Option<&Map<String, Value>>,
    at: &str,
    notes: &mut Vec<String>,
) {
    if !schema.get("type").is_some_and(Value::is_string) {
        return;
    }
    fal_codegen::normalize::rename_bounds(schema);
    for keys in BOUNDS.into_iter().filter(|keys| excludes_everything(schema, keys)).collect::<Vec<_>>() {
        let stated = describe(schema, keys);
        let committed = committed.filter(|committed| {
            committed.get("type") == schema.get("type")
                && keys.iter().any(|key| committed.contains_key(*key))
                && !excludes_everything(committed, keys)
        });
        take(schema, committed, keys);
        let kept = committed.map_or_else(
            || "it has no bounds".to_owned(),
            |committed| format!("the committed bounds ({}) are kept", describe(committed, keys)),
        );
        notes.push(format!("{at}: {stated} exclude every value, so {kept}; ask fal which values it accepts"));
    }
}

/// Keeps the default and the bounds if the new default is outside of the new bounds.
fn keep_default(
    schema: &mut Map<String, Value>,
    committed: Option<&Map<String, Value>>,
    at: &str,
    notes: &mut Vec<String>,
) {
    let Some(default) = schema.get("default").cloned().filter(|default| refuses(schema, default)) else {
        return;
    };
    let was_odd_before = committed.is_some_and(|committed| facts(committed) == facts(schema));
    if was_odd_before {
        return;
    }
    let bounds: Vec<String> = parts(schema)
        .flat_map(|part| BOUNDS.map(|keys| describe(part, keys)))
        .filter(|text| !text.is_empty())
        .collect();
    let kept = match committed.filter(|committed| types(committed) == types(schema)) {
        Some(committed) => {
            take_all(schema, committed);
            "the committed default and bounds are kept"
        }
        None => "the code has no default",
    };
    let bounds = bounds.join(", ");
    notes.push(format!("{at}: the default {default} is outside of its bounds ({bounds}), so {kept}; ask fal which of them is right"));
}

/// Returns the schema and the members of its unions.
fn parts(schema: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    let members = ["anyOf", "oneOf"].into_iter().filter_map(|key| schema.get(key)?.as_array()).flatten();
    std::iter::once(schema).chain(members.filter_map(Value::as_object))
}

fn types(schema: &Map<String, Value>) -> Vec<Option<&Value>> {
    parts(schema).map(|part| part.get("type")).collect()
}

/// Returns the default and all bounds of a schema and of the members of its unions.
fn facts(schema: &Map<String, Value>) -> (Option<&Value>, Vec<Option<&Value>>) {
    let bounds = parts(schema).flat_map(|part| BOUNDS.concat().into_iter().map(|key| part.get(key)));
    (schema.get("default"), bounds.collect())
}

/// Takes the default and all bounds of a schema with the same types.
fn take_all(schema: &mut Map<String, Value>, committed: &Map<String, Value>) {
    take(schema, Some(committed), &["default"]);
    BOUNDS.iter().for_each(|keys| take(schema, Some(committed), keys));
    for key in ["anyOf", "oneOf"] {
        let members = schema.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten();
        let others = committed.get(key).and_then(Value::as_array).into_iter().flatten();
        for (member, other) in members.zip(others) {
            if let (Some(member), Some(other)) = (member.as_object_mut(), other.as_object()) {
                BOUNDS.iter().for_each(|keys| take(member, Some(other), keys));
            }
        }
    }
}

/// Gives some keys their committed values, or removes them.
fn take(schema: &mut Map<String, Value>, committed: Option<&Map<String, Value>>, keys: &[&str]) {
    for &key in keys {
        match committed.and_then(|committed| committed.get(key)) {
            Some(value) => drop(schema.insert(key.to_owned(), value.clone())),
            None => drop(schema.remove(key)),
        }
    }
}

/// Returns the bounds in words, such as `minimum 1, maximum 0`.
fn describe(schema: &Map<String, Value>, keys: &[&str]) -> String {
    let stated = keys.iter().filter_map(|&key| Some(format!("{key} {}", schema.get(key)?)));
    stated.collect::<Vec<_>>().join(", ")
}

fn excludes_everything(schema: &Map<String, Value>, keys: &[&str]) -> bool {
    let range = Range::read(schema, keys);
    range.least > range.most || range.least == range.most && range.is_open()
}

/// Returns true if a value is of a type of a schema, but inside the bounds of none.
fn refuses(schema: &Map<String, Value>, value: &Value) -> bool {
    let verdicts: Vec<Verdict> = parts(schema).map(|part| judge(part, value)).collect();
    verdicts.contains(&Verdict::Outside) && !verdicts.contains(&Verdict::Inside)
}

#[derive(PartialEq, Eq)]
enum Verdict {
    /// A value of the type and inside its bounds, or of a type that is defined elsewhere.
    Inside,
    Outside,
    OtherType,
}

fn judge(schema: &Map<String, Value>, value: &Value) -> Verdict {
    let is_union = schema.contains_key("anyOf") || schema.contains_key("oneOf");
    let (keys, number) = match (schema.get("type").and_then(Value::as_str), value) {
        (None, _) if is_union => return Verdict::OtherType,
        (None, _) => return Verdict::Inside,
        (Some("integer" | "number"), Value::Number(number)) => (BOUNDS[0], number.as_f64()),
        (Some("string"), Value::String(text)) => (BOUNDS[1], Some(text.chars().count() as f64)),
        (Some("array"), Value::Array(items)) => (BOUNDS[2], Some(items.len() as f64)),
        _ => return Verdict::OtherType,
    };
    let range = Range::read(schema, keys);
    match number.is_none_or(|number| range.contains(number)) {
        true => Verdict::Inside,
        false => Verdict::Outside,
    }
}

/// The bounds of a number or a length.
struct Range {
    least: f64,
    most: f64,
    above_least: bool,
    below_most: bool,
}

impl Range {
    /// Reads bounds. `exclusiveMinimum` and `exclusiveMaximum` are numbers, or flags in older documents.
    fn read(schema: &Map<String, Value>, keys: &[&str]) -> Self {
        let number = |key: &str| keys.contains(&key).then(|| schema.get(key)?.as_f64()).flatten();
        let is_flag = |key: &str| keys.contains(&key) && schema.get(key) == Some(&Value::Bool(true));
        let first = |names: [&str; 3]| names.into_iter().find_map(number);
        let mut range = Self {
            least: first(["minimum", "minLength", "minItems"]).unwrap_or(f64::NEG_INFINITY),
            most: first(["maximum", "maxLength", "maxItems"]).unwrap_or(f64::INFINITY),
            above_least: is_flag("exclusiveMinimum"),
            below_most: is_flag("exclusiveMaximum"),
        };
        if let Some(least) = number("exclusiveMinimum").filter(|least| *least >= range.least) {
            (range.least, range.above_least) = (least, true);
        }
        if let Some(most) = number("exclusiveMaximum").filter(|most| *most <= range.most) {
            (range.most, range.below_most) = (most, true);
        }
        range
    }

    fn is_open(&self) -> bool {
        self.above_least || self.below_most
    }

    fn contains(&self, number: f64) -> bool {
        let is_above = if self.above_least { number > self.least } else { number >= self.least };
        let is_below = if self.below_most { number < self.most } else { number <= self.most };
        is_above && is_below
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    /// Returns the property `x` of a document after a change, and the notes about it.
    fn kept(committed: Option<Value>, new: Value) -> (Value, Vec<String>) {
        let openapi = |schema: Value| json!({ "components": { "schemas": { "Input": { "properties": { "x": schema } } } } });
        let committed = committed.map(|schema| json!({ "openapi": openapi(schema) }));
        let (mut document, mut notes) = (openapi(new), Vec::new());
        keep_committed(&mut document, committed.as_ref(), &mut notes);
        (document["components"]["schemas"]["Input"]["properties"]["x"].clone(), notes)
    }

    #[test]
    fn bounds_that_exclude_every_value_are_not_taken() {
        let old = json!({ "type": "number", "minimum": 0, "maximum": 1, "default": 0.5 });
        for (key, value) in [("minimum", json!(2)), ("exclusiveMinimum", json!(1)), ("maximum", json!(-1))] {
            let mut new = old.clone();
            new[key] = value;
            let (schema, notes) = kept(Some(old.clone()), new);
            assert_eq!(schema, old, "{key}");
            assert_eq!(notes.len(), 1, "{notes:?}");
        }
        let impossible = json!({ "type": "number", "minimum": 1, "maximum": 0, "default": 0.5 });
        let open = json!({ "type": "number", "default": 0.5 });
        let note = "/openapi/components/schemas/Input/properties/x: minimum 1, maximum 0 exclude every value, so it \
                    has no bounds; ask fal which values it accepts";
        for committed in [None, Some(open.clone()), Some(impossible.clone())] {
            assert_eq!(kept(committed, impossible.clone()), (open.clone(), vec![note.to_owned()]));
        }
        // Python's names of bounds, a text, a list, and a member of a union.
        for (new, expected) in [
            (json!({ "type": "integer", "ge": 3, "le": 2 }), json!({ "type": "integer" })),
            (json!({ "type": "string", "minLength": 3, "maxLength": 2 }), json!({ "type": "string" })),
            (json!({ "type": "array", "minItems": 3, "maxItems": 2 }), json!({ "type": "array" })),
            (
                json!({ "anyOf": [{ "type": "integer", "minimum": 3, "maximum": 2 }, { "type": "null" }] }),
                json!({ "anyOf": [{ "type": "integer" }, { "type": "null" }] }),
            ),
        ] {
            assert_eq!(kept(None, new).0, expected);
        }
        let point = json!({ "type": "integer", "minimum": 3, "maximum": 3 });
        assert_eq!(kept(None, point.clone()), (point, Vec::new()));
    }

    #[test]
    fn default_outside_of_its_new_bounds_changes_nothing() {
        let plain =
            |minimum: u64, default: u64| json!({ "type": "integer", "minimum": minimum, "default": default });
        let (schema, notes) = kept(Some(plain(1, 28)), plain(30, 28));
        assert_eq!(schema, plain(1, 28));
        assert!(
            notes[0].contains("the default 28 is outside of its bounds (minimum 30), so the committed default and bounds are kept"),
            "{notes:?}"
        );
        let union = |minimum: u64, default: u64| json!({ "anyOf": [{ "type": "integer", "minimum": minimum }, { "type": "null" }], "default": default });
        assert_eq!(kept(Some(union(1, 28)), union(30, 28)).0, union(1, 28));
        assert_eq!(kept(Some(union(1, 28)), union(1, 0)).0, union(1, 28));
        // A document that was always odd is nothing new, and a new one keeps its facts.
        assert_eq!(kept(Some(plain(30, 28)), plain(30, 28)), (plain(30, 28), Vec::new()));
        let (schema, notes) = kept(None, plain(30, 28));
        assert_eq!((schema, notes.len()), (plain(30, 28), 1));
        // Consistent changes are taken.
        assert_eq!(kept(Some(plain(1, 28)), plain(30, 40)), (plain(30, 40), Vec::new()));
        let either =
            json!({ "anyOf": [{ "type": "integer", "minimum": 1 }, { "$ref": "#/x" }], "default": 0 });
        assert_eq!(kept(None, either.clone()), (either, Vec::new()));
    }

    #[test]
    fn parameter_named_like_a_key_of_values_is_a_schema_and_values_are_none() {
        let wrapped = json!({ "default": { "type": "integer", "minimum": 3, "maximum": 2 } });
        let object =
            json!({ "type": "object", "properties": wrapped, "default": { "minimum": 3, "maximum": 2 } });
        let (schema, notes) = kept(None, object);
        assert_eq!(schema["properties"]["default"], json!({ "type": "integer" }));
        assert_eq!(schema["default"], json!({ "minimum": 3, "maximum": 2 }));
        assert_eq!(notes.len(), 1);
    }
}
