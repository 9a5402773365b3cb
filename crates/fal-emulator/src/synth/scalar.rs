//! Generates and checks numbers and texts by the keywords of a schema.

use serde_json::{Value, json};

use super::pattern;
use crate::media::minimal_files;

/// Returns true if a scalar satisfies the keywords of a schema.
pub(super) fn satisfies(schema: &Value, value: &Value) -> bool {
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
    let has_type = match schema.get("type").and_then(Value::as_str) {
        None => true,
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("number") => value.is_number(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some(_) => value.is_null(),
    };
    let allowed = schema.get("enum").and_then(Value::as_array);
    let in_bounds = value.as_f64().is_none_or(|number| {
        limit("minimum").is_none_or(|bound| number >= bound)
            && limit("maximum").is_none_or(|bound| number <= bound)
            && limit("exclusiveMinimum").is_none_or(|bound| number > bound)
            && limit("exclusiveMaximum").is_none_or(|bound| number < bound)
            && limit("multipleOf").is_none_or(|step| number % step == 0.0)
    });
    let has_length = value.as_str().is_none_or(|text| {
        let length = text.chars().count() as f64;
        limit("minLength").is_none_or(|bound| length >= bound)
            && limit("maxLength").is_none_or(|bound| length <= bound)
            && pattern::matches(schema, text)
    });
    has_type
        && in_bounds
        && has_length
        && allowed.is_none_or(|allowed| allowed.contains(value))
        && schema.get("const").is_none_or(|only| only == value)
}

/// Returns the number within the bounds of a schema that is closest to `wanted`.
pub(super) fn make_number(schema: &Value, wanted: f64) -> Value {
    let limit = |name: &str| schema.get(name).and_then(Value::as_f64);
    let whole = schema.get("type").and_then(Value::as_str) == Some("integer");
    let step = limit("multipleOf").unwrap_or(if whole { 1.0 } else { 0.0 });
    let nudge = if step > 0.0 { step } else { 1e-3 };
    let mut number = wanted;
    if let Some(high) = limit("maximum").or(limit("exclusiveMaximum").map(|high| high - nudge)) {
        number = number.min(high);
    }
    let low = limit("minimum").or(limit("exclusiveMinimum").map(|low| low + nudge));
    if let Some(low) = low {
        number = number.max(low);
    }
    if step > 0.0 {
        number = (number / step).floor() * step;
        if low.is_some_and(|low| number < low) {
            number += step;
        }
    }
    if whole { json!(number as i64) } else { json!(number) }
}

/// The longest text that is made, in characters.
const MAX_TEXT: usize = 100_000;

/// Returns a text for the field `name`, of a length that the schema allows, and that matches its `pattern` if that is not too
/// complicated.
pub(super) fn make_text(schema: &Value, name: &str) -> Value {
    let length = |bound: &str| {
        schema.get(bound).and_then(Value::as_u64).and_then(|length| usize::try_from(length).ok())
    };
    if let Some(text) = pattern::make_text(schema, length("minLength").unwrap_or(0).min(MAX_TEXT)) {
        return Value::String(text);
    }
    let mut text = default_text(schema, name);
    let missing = length("minLength").unwrap_or(0).min(MAX_TEXT).saturating_sub(text.chars().count());
    text.push_str(&".".repeat(missing));
    Value::String(text.chars().take(length("maxLength").unwrap_or(usize::MAX)).collect())
}

fn default_text(schema: &Value, name: &str) -> String {
    match schema.get("format").and_then(Value::as_str) {
        Some("uuid") => return uuid::Uuid::nil().to_string(),
        Some("uuid4") => return uuid::Builder::from_random_bytes([0; 16]).into_uuid().to_string(),
        Some("duration") => return "PT1S".to_owned(),
        Some("time") => return "00:00:00Z".to_owned(),
        Some("uri") => return "https://example.com/".to_owned(),
        Some("date-time") => return "2026-01-01T00:00:00Z".to_owned(),
        Some("date") => return "2026-01-01".to_owned(),
        Some("binary" | "byte" | "base64") => return "ZmFsLWVtdWxhdG9y".to_owned(),
        _ => {}
    }
    match name {
        "svg_content" | "svg" => minimal_files::svg(),
        "content_type" | "media_type" | "mime_type" => "application/octet-stream".to_owned(),
        "file_name" | "filenames" => "output.bin".to_owned(),
        "language" | "language_code" | "target_lang" | "lang" => "en".to_owned(),
        "finish_reason" => "stop".to_owned(),
        "speaker" | "speaker_id" => "SPEAKER_00".to_owned(),
        "role" => "assistant".to_owned(),
        "color" => "#6c5ce7".to_owned(),
        "aspect_ratio" => "16:9".to_owned(),
        _ if name.ends_with("b64") || name.ends_with("base64") => "ZmFsLWVtdWxhdG9y".to_owned(),
        _ if name.ends_with("_id") || name == "id" => format!("emulated-{}", name.replace('_', "-")),
        "" => "Synthesized by fal-emulator.".to_owned(),
        _ => format!("Synthesized by fal-emulator: {}.", name.replace('_', " ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validate::Format;

    #[test]
    fn numbers_stay_within_their_bounds() {
        for (schema, expected) in [
            (json!({"type": "integer"}), json!(7)),
            (json!({"type": "integer", "minimum": 10}), json!(10)),
            (json!({"type": "integer", "maximum": 3}), json!(3)),
            (json!({"type": "integer", "exclusiveMaximum": 3}), json!(2)),
            (json!({"type": "integer", "multipleOf": 4}), json!(4)),
            (json!({"type": "integer", "multipleOf": 4, "minimum": 5}), json!(8)),
            (json!({"type": "number", "maximum": 0.5}), json!(0.5)),
        ] {
            let made = make_number(&schema, 7.0);
            assert_eq!(made, expected, "{schema}");
            assert!(satisfies(&schema, &made), "{schema}");
        }
    }

    #[test]
    fn texts_name_their_field_if_they_have_one() {
        let text = json!({"type": "string"});
        assert_eq!(make_text(&text, "short_answer"), json!("Synthesized by fal-emulator: short answer."));
        assert_eq!(make_text(&text, ""), json!("Synthesized by fal-emulator."));
    }

    #[test]
    fn texts_stay_within_their_bounds() {
        let exact = json!({"type": "string", "minLength": 3, "maxLength": 3});
        assert_eq!(make_text(&exact, "answer").as_str().unwrap().len(), 3);
        let long = json!({"type": "string", "minLength": 90});
        assert!(satisfies(&long, &make_text(&long, "answer")));
    }

    #[test]
    fn texts_are_in_their_format_and_match_their_pattern() {
        for format in ["date-time", "date", "time", "duration", "uuid", "uuid4", "uri"] {
            let schema = json!({"type": "string", "format": format});
            let made = make_text(&schema, "answer");
            let is_good =
                Format::checks().all(|(name, check)| name != format || check(made.as_str().unwrap()));
            assert!(is_good, "{format}: {made}");
        }
        let schema = json!({"type": "string", "pattern": r"^[A-Z]{2}-\d+$"});
        assert_eq!(make_text(&schema, "sku"), json!("AA-0"));
        assert!(satisfies(&schema, &json!("AB-1")) && !satisfies(&schema, &json!("AB")));
    }

    #[test]
    fn values_that_violate_a_keyword_are_rejected() {
        assert!(!satisfies(&json!({"type": "integer"}), &json!(1.5)));
        assert!(!satisfies(&json!({"enum": ["a"]}), &json!("b")));
        assert!(!satisfies(&json!({"maxLength": 1}), &json!("ab")));
        assert!(!satisfies(&json!({"const": 1}), &json!(2)));
        assert!(satisfies(&json!({"type": "number", "minimum": 1}), &json!(1)));
    }
}
