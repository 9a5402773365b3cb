//! Arguments against their schema, with every mistake in words for the language model that wrote them.

use serde_json::{Map, Value};

use super::schema::required;
use crate::Violation;

/// Removes null where it stands for an optional argument that is left out.
pub(super) fn drop_nulls(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(object) => {
            let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
                // One of several forms: that of the object.
                let forms = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
                if let Some(form) = forms.into_iter().find(|form| form.get("properties").is_some()) {
                    drop_nulls(form, value);
                }
                return;
            };
            let required = schema.as_object().map(required).unwrap_or_default();
            object.retain(|name, value| {
                !value.is_null() || required.contains(&name.as_str()) || !properties.contains_key(name)
            });
            for (name, value) in object {
                if let Some(property) = properties.get(name) {
                    drop_nulls(property, value);
                }
            }
        }
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                items.iter_mut().for_each(|item| drop_nulls(schema, item));
            }
        }
        _ => {}
    }
}

/// Adds every mistake in `value` to `found`.
pub(super) fn check(schema: &Value, value: &Value, path: &str, found: &mut Vec<Violation>) {
    let Some(schema) = schema.as_object() else { return };
    let mut refuse = |message: String| found.push(Violation::new(path, message, value.clone()));
    if let Some(forms) = schema.get("anyOf").and_then(Value::as_array) {
        let mistakes = forms.iter().map(|form| {
            let mut found = Vec::new();
            check(form, value, path, &mut found);
            found
        });
        let mistakes: Vec<Vec<Violation>> = mistakes.collect();
        if mistakes.iter().any(Vec::is_empty) {
            return;
        }
        // The form of the same kind says more than that there is another kind.
        let is_same_kind = |form: &&Value| is_of_type(form.get("type"), value);
        let same: Vec<&Value> = forms.iter().filter(is_same_kind).collect();
        match (same.as_slice(), forms.iter().position(|form| is_same_kind(&form))) {
            ([_], Some(index)) => found.extend(mistakes.into_iter().nth(index).unwrap_or_default()),
            _ => {
                let forms: Vec<String> = forms.iter().map(describe).collect();
                refuse(format!("must be {}, not {}", forms.join(", or "), shown(value)));
            }
        }
        return;
    }
    if !is_of_type(schema.get("type"), value) {
        refuse(format!("must be {}, not {}", describe(&Value::Object(schema.clone())), shown(value)));
        return;
    }
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array)
        && !allowed.iter().any(|allowed| is_same(allowed, value))
    {
        refuse(format!("must be {}, not {}", list(allowed), shown(value)));
        return;
    }
    if let Some(constant) = schema.get("const")
        && !is_same(constant, value)
    {
        refuse(format!("must be {constant}, not {}", shown(value)));
        return;
    }
    if let Some(message) = broken_bound(schema, value) {
        refuse(message);
    }
    match value {
        Value::Object(object) => check_object(schema, object, path, found),
        Value::Array(items) => {
            if let Some(schema) = schema.get("items") {
                for (index, item) in items.iter().enumerate() {
                    check(schema, item, &format!("{path}.{index}"), found);
                }
            }
        }
        _ => {}
    }
}

fn check_object(
    schema: &Map<String, Value>,
    object: &Map<String, Value>,
    path: &str,
    found: &mut Vec<Violation>,
) {
    let empty = Map::new();
    let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&empty);
    for name in required(schema).into_iter().filter(|name| !object.contains_key(*name)) {
        let description =
            properties.get(name).map_or(String::new(), |property| format!(": {}", describe(property)));
        found.push(Violation::new(
            format!("{path}.{name}"),
            format!("is required{description}"),
            Value::Null,
        ));
    }
    for (name, value) in object {
        let path = format!("{path}.{name}");
        match (properties.get(name), schema.get("additionalProperties")) {
            (Some(property), _) => check(property, value, &path, found),
            (None, Some(Value::Bool(false))) => {
                let message = match similar(name, properties.keys()) {
                    Some(known) => format!("there is no argument `{name}`; did you mean `{known}`?"),
                    None => {
                        let known: Vec<String> = properties.keys().map(|name| format!("`{name}`")).collect();
                        format!("there is no argument `{name}`; the arguments are {}", known.join(", "))
                    }
                };
                found.push(Violation::new(path, message, value.clone()));
            }
            (None, Some(other)) => check(other, value, &path, found),
            (None, None) => {}
        }
    }
}

/// A keyword, the comparison of a measure with its bound, and the words for it.
type Bound = (&'static str, fn(f64, f64) -> bool, &'static str);

/// Returns the message about the first bound that a value breaks.
#[allow(clippy::cast_precision_loss, reason = "lengths are small")]
fn broken_bound(schema: &Map<String, Value>, value: &Value) -> Option<String> {
    let (measure, unit) = match value {
        Value::Number(number) => (number.as_f64()?, ""),
        Value::String(text) => (text.chars().count() as f64, " characters"),
        Value::Array(items) => (items.len() as f64, " items"),
        _ => return None,
    };
    let names: &[Bound] = match value {
        Value::Number(_) => &[
            ("minimum", |value, bound| value >= bound, "must be at least"),
            ("exclusiveMinimum", |value, bound| value > bound, "must be more than"),
            ("maximum", |value, bound| value <= bound, "must be at most"),
            ("exclusiveMaximum", |value, bound| value < bound, "must be less than"),
        ],
        Value::String(_) => &[
            ("minLength", |value, bound| value >= bound, "must have at least"),
            ("maxLength", |value, bound| value <= bound, "must have at most"),
        ],
        _ => &[
            ("minItems", |value, bound| value >= bound, "must have at least"),
            ("maxItems", |value, bound| value <= bound, "must have at most"),
        ],
    };
    names.iter().find_map(|(keyword, holds, words)| {
        let bound = schema.get(*keyword)?;
        let is_broken = !holds(measure, bound.as_f64()?);
        is_broken.then(|| {
            let given = if unit.is_empty() { value.to_string() } else { measure.to_string() };
            format!("{words} {bound}{unit}, not {given}")
        })
    })
}

/// Returns true if a value has a type, which may be a list of several.
fn is_of_type(of: Option<&Value>, value: &Value) -> bool {
    match of {
        Some(Value::String(name)) => match name.as_str() {
            "string" => value.is_string(),
            "integer" => value.as_f64().is_some_and(|value| value.fract() == 0.0),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            "null" => value.is_null(),
            _ => true,
        },
        Some(Value::Array(names)) => names.iter().any(|name| is_of_type(Some(name), value)),
        _ => true,
    }
}

/// Returns the kind of value that a schema wants, in words.
fn describe(schema: &Value) -> String {
    if let Some(allowed) = schema.get("enum").and_then(Value::as_array) {
        return list(allowed);
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => "text".to_owned(),
        Some("integer") => "an integer".to_owned(),
        Some("number") => "a number".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("array") => "a list".to_owned(),
        Some("null") => "null".to_owned(),
        Some("object") => match schema.get("properties").and_then(Value::as_object) {
            Some(properties) => {
                let names: Vec<String> = properties.keys().map(|name| format!("`{name}`")).collect();
                format!("an object with {}", names.join(", "))
            }
            None => "an object".to_owned(),
        },
        _ => "another value".to_owned(),
    }
}

fn list(allowed: &[Value]) -> String {
    let allowed: Vec<String> = allowed.iter().map(Value::to_string).collect();
    match allowed.as_slice() {
        [one] => one.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
        [] => "nothing".to_owned(),
    }
}

/// Returns a value as JSON of at most about 80 characters.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Returns true if two values are the same in JSON, which has one number type.
fn is_same(left: &Value, right: &Value) -> bool {
    left == right || left.is_number() && left.as_f64() == right.as_f64()
}

/// Returns the known name that a wrong one was probably meant to be.
fn similar<'a>(name: &str, known: impl Iterator<Item = &'a String>) -> Option<&'a String> {
    let is_part = |known: &String| {
        name.len() >= 3 && (known.contains(name) || name.contains(known.as_str()))
            || distance(name, known) <= 2
    };
    known.filter(|known| is_part(known)).min_by_key(|known| distance(name, known))
}

/// Returns the number of characters to insert, remove or replace to make one text of another.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, left) in left.chars().enumerate() {
        let mut previous = index;
        let mut current = vec![index + 1];
        for (position, (above, right)) in row.iter().skip(1).zip(&right).enumerate() {
            let replaced = previous + usize::from(left != *right);
            previous = *above;
            current.push(replaced.min(above + 1).min(current.get(position).copied().unwrap_or_default() + 1));
        }
        row = current;
    }
    row.last().copied().unwrap_or_default()
}
