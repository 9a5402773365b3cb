//! The bodies of failed calls, in all of fal's forms.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{FieldError, cut_json, xml};
use crate::json_text::without_mark;

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
        let body = without_mark(body);
        match serde_json::from_slice(body) {
            Ok(Value::Object(object)) => Self::from_object(&object),
            Ok(Value::Array(list)) if list.iter().any(|entry| entry.get("loc").is_some()) => {
                Self::from_details(&list)
            }
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
        let text = text.trim();
        if text.is_empty() {
            return Self::default();
        }
        if !text.starts_with('<') {
            return Self::from_message(text);
        }
        if let Some((code, message)) = xml::parse_error(text) {
            return Self { message: message.or_else(|| code.clone()), error_type: code, ..Self::default() };
        }
        let message = match xml::element(text, "title") {
            Some(title) => format!("an HTML page titled `{title}`"),
            None if text.starts_with("<?xml") => "an XML document".to_owned(),
            None => "an HTML page".to_owned(),
        };
        Self { is_unreadable: true, ..Self::from_message(message) }
    }

    fn from_message(text: impl Into<String>) -> Self {
        Self { message: Some(text.into()), ..Self::default() }
    }

    /// Reads a list of refused parameters.
    fn from_details(list: &[Value]) -> Self {
        let fields: Vec<_> = list.iter().map(parse_detail).collect();
        Self { message: (!fields.is_empty()).then(|| join(&fields)), fields, ..Self::default() }
    }

    fn from_object(object: &Map<String, Value>) -> Self {
        let given = |key: &&str| object.get(*key).filter(|value| !is_blank(value));
        let mut parsed = match ["detail", "error"].iter().find_map(given) {
            Some(Value::String(text)) => {
                // Realtime: {"type": "x-fal-error", "error": "TIMEOUT", "reason": "no inputs"}
                let more = first_text(object, &["reason", "error_description", "message"]);
                let more = more.filter(|more| !text.contains(more.as_str()));
                Self::from_message(more.map_or_else(|| text.clone(), |more| format!("{text}: {more}")))
            }
            Some(Value::Array(list)) => Self::from_details(list),
            // An error inside of an error, as gateways pass it on.
            Some(Value::Object(inner)) => {
                let parsed = Self::from_object(inner);
                let error_type = first_text(inner, &["type", "error_type", "code"]).or(parsed.error_type);
                Self { error_type, ..parsed }
            }
            _ => Self { message: first_text(object, MESSAGES), ..Self::default() },
        };
        if let Some(Value::Array(list)) = object.get("errors")
            && parsed.fields.is_empty()
        {
            parsed.fields = list.iter().filter_map(parse_field).collect();
            parsed.message = parsed.message.or_else(|| join_texts(list));
        }
        let seconds = object.get("retry_after").and_then(number);
        parsed.retry_after =
            seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()).or(parsed.retry_after);
        parsed.request_id = first_text(object, &["request_id"]).or(parsed.request_id);
        if let Some(error_type) = first_text(object, &["error_type"]) {
            parsed.error_type = Some(error_type);
        }
        if parsed.message.is_none() && parsed.fields.is_empty() && !object.is_empty() {
            parsed.message = Some(Value::Object(object.clone()).to_string());
        }
        parsed
    }
}

/// Names of the message in objects of every service.
const MESSAGES: &[&str] = &["message", "msg", "Message", "error_message", "title", "status"];

/// Returns true for a value that says nothing.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        _ => false,
    }
}

/// Returns a number, also one that is written as text.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
}

/// Returns the messages in a list of errors that name no parameter.
fn join_texts(list: &[Value]) -> Option<String> {
    let text = |entry: &Value| match entry {
        Value::String(text) => Some(text.clone()),
        entry => first_text(entry.as_object()?, &["detail", "message", "msg", "title"]),
    };
    let texts: Vec<_> = list.iter().filter_map(text).collect();
    (!texts.is_empty()).then(|| texts.join("; "))
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
    let text = |key: &&str| object.get(*key).filter(|value| !is_blank(value))?.as_str();
    keys.iter().find_map(text).map(str::to_owned)
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
            (b"\xef\xbb\xbf{\"detail\":\"with a mark\"}", Some("with a mark"), None),
            (br#"{"detail":"","error":" ","message":"m"}"#, Some("m"), None),
            (br#"{"detail":42}"#, Some(r#"{"detail":42}"#), None),
            (br#"{"detail":{"detail":{"error":{"message":"deep","code":"c"}}}}"#, Some("deep"), Some("c")),
            (br#"{"statusCode":404,"error":"Not Found","message":"Cannot GET /"}"#, Some("Not Found: Cannot GET /"), None),
            (br#"{"error":"invalid_token","error_description":"expired"}"#, Some("invalid_token: expired"), None),
            (br#"{"type":"about:blank","title":"Forbidden","status":403}"#, Some("Forbidden"), None),
            (br#"{"Message":"of a gateway"}"#, Some("of a gateway"), None),
            (br#"{"errors":["a",{"message":"b"},{"detail":"c"},null,7]}"#, Some("a; b; c"), None),
            (br#"{"errors":[]}"#, Some(r#"{"errors":[]}"#), None),
            (br#"{"detail":[{"loc":["body","a"],"msg":"no","type":"t"}]}"#, Some("body.a: no"), None),
            (b"<!doctype html><HTML><TITLE lang='en'>Bad &amp; broken</TITLE>", Some("an HTML page titled `Bad & broken`"), None),
            (b"<?xml version='1.0'?><failure/>", Some("an XML document"), None),
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
    fn fields_are_found_below_other_errors_and_without_an_object() {
        let list = r#"[{"loc":["body","seed"],"msg":"no","type":"t"}]"#;
        for body in [
            list.to_owned(),
            format!(r#"{{"detail":{list}}}"#),
            format!(r#"{{"error":{{"message":"refused","detail":{list}}}}}"#),
            format!(r#"{{"detail":{{"detail":{list},"request_id":"r"}}}}"#),
        ] {
            let read = ErrorBody::parse(body.as_bytes());
            assert_eq!((read.fields.len(), read.fields[0].path.as_str()), (1, "body.seed"), "{body}");
        }
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
        let read = ErrorBody::parse(br#"{"error":{"detail":"m","retry_after":"1.5"}}"#);
        assert_eq!(read.retry_after, Some(Duration::from_millis(1500)));
    }

    #[test]
    fn deeply_nested_body_is_kept_as_text() {
        let body = "[".repeat(100_000);
        assert_eq!(ErrorBody::parse(body.as_bytes()).message.as_deref(), Some(body.as_str()));
    }
}
