//! Values from text, as the schema wants them.

use serde_json::{Value, json as object};

use crate::model::{Kind, Parameter};

/// Parses JSON.
pub(super) fn json(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("not JSON: {error}"))
}

/// Converts the text of a parameter. A text that fits nothing stays a text, which the check of the input then refuses.
pub(super) fn from_text(text: &str, parameter: Option<&Parameter>) -> Result<Value, String> {
    let Some(parameter) = parameter else {
        return Ok(serde_json::from_str(text).unwrap_or_else(|_| text.into()));
    };
    if matches!(text.trim_start().as_bytes().first(), Some(b'{' | b'[')) && holds_json(&parameter.kind) {
        return json(text);
    }
    if parameter.kind.takes_files() && !text.contains("://") && std::path::Path::new(text).is_file() {
        return Err(format!("`{text}` is a local file; write {}=@{text} to upload it", parameter.name));
    }
    Ok(convert(text, &parameter.kind).unwrap_or_else(|| text.into()))
}

/// Returns true if an object or a list is a value.
fn holds_json(kind: &Kind) -> bool {
    match kind {
        Kind::List(_) | Kind::Object(_) | Kind::Json => true,
        Kind::Union(kinds) => kinds.iter().any(holds_json),
        _ => false,
    }
}

fn convert(text: &str, kind: &Kind) -> Option<Value> {
    match kind {
        Kind::Text | Kind::File(_) => Some(text.into()),
        Kind::Integer => {
            text.parse::<i64>().map(Value::from).or_else(|_| text.parse::<u64>().map(Value::from)).ok()
        }
        Kind::Number => text.parse::<i64>().map(Value::from).ok().or_else(|| number(text)),
        Kind::Boolean => match text {
            "true" | "yes" | "on" => Some(true.into()),
            "false" | "no" | "off" => Some(false.into()),
            _ => None,
        },
        Kind::Choice(values) => {
            values.iter().find(|value| crate::model::parameter::value_text(value) == text).cloned()
        }
        Kind::List(items) => convert(text, items),
        Kind::Object(parts) => size(text, parts),
        // A text takes everything, so it comes last.
        Kind::Union(kinds) => {
            let (texts, others): (Vec<_>, Vec<_>) = kinds.iter().partition(|kind| matches!(kind, Kind::Text));
            others.into_iter().chain(texts).find_map(|kind| convert(text, kind))
        }
        Kind::Json => serde_json::from_str(text).ok(),
    }
}

fn number(text: &str) -> Option<Value> {
    let number: f64 = text.parse().ok()?;
    serde_json::Number::from_f64(number).map(Value::Number)
}

/// Converts `1024x768` to an object with a width and a height.
fn size(text: &str, parts: &[Parameter]) -> Option<Value> {
    let has = |name: &str| parts.iter().any(|part| part.name == name);
    let (width, height) = text.split_once('x').filter(|_| has("width") && has("height"))?;
    let (width, height): (u32, u32) = (width.parse().ok()?, height.parse().ok()?);
    Some(object!({"width": width, "height": height}))
}
