//! The bodies of failed calls, in all of fal's forms.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{FieldError, cut_json, xml};

/// The parsed body of a failed call.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ErrorBody {
    pub(super) message: Option<String>,
    pub(super) error_type: Option<String>,
    pub(super) fields: Vec<FieldError>,
    pub(super) retry_after: Option<Duration>,
    pub(super) request_id: Option<String>,
    /// `true` for an HTML page and for bytes that are not text, whose message is no word of the service.
    pub(super) is_unreadable: bool,
}

impl ErrorBody {
    pub(super) fn parse(body: &[u8]) -> Self {
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Self::from_object(&object),
            Ok(Value::Null) => Self::default(),
            Ok(Value::String(text)) => Self::from_message(text),
            Ok(other) => Self::from_message(other.to_string()),
            Err(_) => Self::from_cut_json(body).unwrap_or_else(|| Self::from_text(body)),
        }
    }

    /// Parses a body that says what is wrong, as the body of a failed call does, though its status is a success.
    pub(super) fn parse_success(body: &[u8]) -> Option<Self> {
        let Ok(Value::Object(object)) = serde_json::from_slice(body) else { return None };
        let has = |key: &str| object.get(key).is_some_and(|value| !value.is_null());
        (has("detail") || has("error")).then(|| Self::from_object(&object))
    }

    /// Parses JSON that broke off or has an error, if the rest of it says what is wrong.
    fn from_cut_json(body: &[u8]) -> Option<Self> {
        if !body.trim_ascii_start().starts_with(b"{") {
            return None;
        }
        let Some(Value::Object(object)) = cut_json::parse_prefix(body) else { return None };
        ["detail", "error", "errors", "message", "msg"]
            .iter()
            .any(|key| object.contains_key(*key))
            .then(|| Self::from_object(&object))
    }

    /// Reads a body that is not JSON: text, XML of a store for files, a page of a proxy, or something else.
    fn from_text(body: &[u8]) -> Self {
        let Ok(text) = std::str::from_utf8(body) else {
            let message = Some(format!("{} bytes that are not text", body.len()));
            return Self { message, is_unreadable: true, ..Self::default() };
        };
        let text = text.trim_start_matches('\u{feff}').trim();
        if text.is_empty() {
            return Self::default();
        }
        if !text.starts_with('<') {
            return Self::from_message(text);
        }
        if let Some((code, message)) = xml::parse_error(text) {
            return Self { message: message.or_else(|| code.clone()), error_type: code, ..Self::default() };
        }
        let title = text.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>"));
        let message = match title {
            Some((title, _)) => format!("an HTML page titled `{}`", title.trim()),
            None => "an HTML page".to_owned(),
        };
        Self { is_unreadable: true, ..Self::from_message(message) }
    }

    fn from_message(text: impl Into<String>) -> Self {
        Self { message: Some(text.into()), ..Self::default() }
    }

    fn from_object(object: &Map<String, Value>) -> Self {
        let given = |key: &str| object.get(key).filter(|value| !value.is_null());
        let mut parsed = match given("detail").or_else(|| given("error")) {
            Some(Value::String(text)) => match object.get("reason").and_then(Value::as_str) {
                // Realtime: {"type": "x-fal-error", "error": "TIMEOUT", "reason": "no inputs"}
                Some(reason) => Self::from_message(format!("{text}: {reason}")),
                None => Self::from_message(text),
            },
            Some(Value::Array(list)) => {
                let fields: Vec<_> = list.iter().map(parse_detail).collect();
                Self { message: (!fields.is_empty()).then(|| join(&fields)), fields, ..Self::default() }
            }
            Some(Value::Object(inner)) => {
                let text = first_text(inner, &["message", "msg", "detail", "error"]);
                let message = text.unwrap_or_else(|| Value::Object(inner.clone()).to_string());
                Self {
                    error_type: first_text(inner, &["type", "error_type", "code"]),
                    ..Self::from_message(message)
                }
            }
            _ => Self { message: first_text(object, &["message", "msg", "status"]), ..Self::default() },
        };
        if let Some(Value::Array(list)) = object.get("errors")
            && parsed.fields.is_empty()
        {
            parsed.fields = list.iter().filter_map(parse_field).collect();
        }
        let seconds = object.get("retry_after").and_then(Value::as_f64);
        parsed.retry_after = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let inner = object.get("error").and_then(Value::as_object);
        let id = |object| first_text(object, &["request_id"]);
        parsed.request_id = id(object).or_else(|| inner.and_then(id));
        if let Some(error_type) = first_text(object, &["error_type"]) {
            parsed.error_type = Some(error_type);
        }
        if parsed.message.is_none() && parsed.fields.is_empty() && !object.is_empty() {
            parsed.message = Some(Value::Object(object.clone()).to_string());
        }
        parsed
    }
}

/// Parses an entry of pydantic's form: `{"loc": ["body", "num_images"], "msg", "type", "input", "ctx"}`.
fn parse_detail(entry: &Value) -> FieldError {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    let path = match entry.get("loc") {
        Some(Value::Array(parts)) => parts.iter().map(text_or_json).collect::<Vec<_>>().join("."),
        Some(other) => text_or_json(other),
        None => "body".to_owned(),
    };
    FieldError {
        path,
        message: text("msg").or_else(|| text("message")).unwrap_or_else(|| text_or_json(entry)),
        error_type: text("type").unwrap_or_else(|| "value_error".to_owned()),
        input: entry.get("input").cloned(),
        ctx: entry.get("ctx").cloned(),
    }
}

/// Parses an entry of the form that some apps use: `{"field": "num_images", "message": "…"}`.
fn parse_field(entry: &Value) -> Option<FieldError> {
    let field = entry.get("field")?.as_str()?;
    Some(FieldError { path: format!("body.{field}"), ..parse_detail(entry) })
}

fn text_or_json(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn join(fields: &[FieldError]) -> String {
    let lines: Vec<_> = fields.iter().map(|field| format!("{}: {}", field.path, field.message)).collect();
    lines.join("; ")
}

fn first_text(object: &Map<String, Value>, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| object.get(*key)?.as_str()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_of_body_has_a_message() {
        let table: &[(&[u8], Option<&str>, Option<&str>)] = &[
            (b"", None, None),
            (b"null", None, None),
            (b"{}", None, None),
            (b"\"plain\"", Some("plain"), None),
            (b"[1]", Some("[1]"), None),
            (br#"{"detail":"Path /x not found"}"#, Some("Path /x not found"), None),
            (
                br#"{"detail":"no runner","error_type":"runner_scheduling_failure"}"#,
                Some("no runner"),
                Some("runner_scheduling_failure"),
            ),
            (br#"{"detail":{"message":"inner","type":"t"}}"#, Some("inner"), Some("t")),
            (br#"{"detail":{"x":1}}"#, Some(r#"{"x":1}"#), None),
            (br#"{"detail":null,"message":"m"}"#, Some("m"), None),
            (br#"{"detail":[]}"#, Some(r#"{"detail":[]}"#), None),
            (br#"{"status":"ALREADY_COMPLETED"}"#, Some("ALREADY_COMPLETED"), None),
            (
                br#"{"error":{"type":"validation_error","message":"bad cursor"}}"#,
                Some("bad cursor"),
                Some("validation_error"),
            ),
            (
                br#"{"type":"x-fal-error","error":"TIMEOUT","reason":"no inputs"}"#,
                Some("TIMEOUT: no inputs"),
                None,
            ),
            (b"Internal Server Error", Some("Internal Server Error"), None),
            (
                b"<html><head><title>502 Bad Gateway</title></head>nginx</html>",
                Some("an HTML page titled `502 Bad Gateway`"),
                None,
            ),
            (b"<html>", Some("an HTML page"), None),
            (b"\xff\xfe\x00", Some("3 bytes that are not text"), None),
            (br#"{"detail": "cut"#, Some("cut"), None),
            (br#"{"detail":{"message":"m","type":"t","input":[1,"#, Some("m"), Some("t")),
            (br#"{"detail":"m","error_type":"t","x":NaN}"#, Some("m"), Some("t")),
            (b"{\"detail\":\"m\xff\",\"error_type\":\"t\"}", Some("m\u{fffd}"), Some("t")),
            (br#"{"cut": 1"#, Some(r#"{"cut": 1"#), None),
            (br#"{"detail":null,"error":"e"}"#, Some("e"), None),
            (
                b"\xef\xbb\xbf<?xml version='1.0'?><Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
                Some("Request has expired"),
                Some("AccessDenied"),
            ),
            (b"<Error><Code>NoSuchKey</Code></Error>", Some("NoSuchKey"), Some("NoSuchKey")),
        ];
        for (body, message, error_type) in table {
            let read = ErrorBody::parse(body);
            let shown = String::from_utf8_lossy(body);
            assert_eq!(read.message.as_deref(), *message, "{shown}");
            assert_eq!(read.error_type.as_deref(), *error_type, "{shown}");
        }
    }

    #[test]
    fn detail_lists_become_fields() {
        let body = json!({"detail": [
            {"loc": ["body", "loras", 0, "path"], "msg": "no", "type": "missing", "input": {"a": 1}, "ctx": {"le": 4}},
            {"loc": "weird"},
            "text",
            null,
        ]});
        let read = ErrorBody::parse(body.to_string().as_bytes());
        let paths: Vec<_> = read.fields.iter().map(|field| field.path.as_str()).collect();
        assert_eq!(paths, ["body.loras.0.path", "weird", "body", "body"]);
        assert_eq!(read.fields[0].error_type, "missing");
        assert_eq!(read.fields[0].input, Some(json!({"a": 1})));
        assert_eq!(read.fields[0].ctx, Some(json!({"le": 4})));
        assert_eq!(read.fields[2].message, "text");
        assert!(read.message.unwrap().starts_with("body.loras.0.path: no; "));
    }

    #[test]
    fn error_lists_become_fields() {
        let body = br#"{"detail":"invalid","errors":[{"field":"seed","message":"too big"},{"other":1},3]}"#;
        let read = ErrorBody::parse(body);
        assert_eq!(read.message.as_deref(), Some("invalid"));
        assert_eq!(read.fields.len(), 1);
        assert_eq!((read.fields[0].path.as_str(), read.fields[0].message.as_str()), ("body.seed", "too big"));
    }

    #[test]
    fn retry_time_and_request_id_are_parsed() {
        let read =
            ErrorBody::parse(br#"{"detail":"Rate limit exceeded","retry_after":60,"request_id":"r1"}"#);
        assert_eq!(
            (read.retry_after, read.request_id.as_deref()),
            (Some(Duration::from_secs(60)), Some("r1"))
        );
        let read = ErrorBody::parse(br#"{"error":{"message":"m","request_id":"r2"},"retry_after":-1}"#);
        assert_eq!((read.retry_after, read.request_id.as_deref()), (None, Some("r2")));
    }

    #[test]
    fn deeply_nested_body_is_kept_as_text() {
        let body = "[".repeat(100_000);
        assert_eq!(ErrorBody::parse(body.as_bytes()).message.as_deref(), Some(body.as_str()));
    }
}
