//! Headers and bodies as JSON, for the lists of requests.

use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

/// Adds a body as JSON, text or Base64. Of a body of more than `limit` bytes, only the length is given.
pub(super) fn add_body(entry: &mut Value, body: &[u8], limit: usize) {
    let (name, body) = if body.len() > limit {
        ("bytes", json!(body.len()))
    } else {
        match (serde_json::from_slice::<Value>(body), std::str::from_utf8(body)) {
            (Ok(body), _) => ("json", body),
            (Err(_), Ok(text)) => ("text", json!(text)),
            _ => ("base64", json!(STANDARD.encode(body))),
        }
    };
    entry[name] = body;
}

/// Returns headers as JSON. Of a key, only the scheme is shown, such as `Key` or `Bearer`.
pub(super) fn headers_json(headers: &HeaderMap) -> Map<String, Value> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), json!(header_text(value)))).collect()
}

/// Returns a header as text, without the key.
pub(super) fn header_text(value: &HeaderValue) -> String {
    match value.to_str() {
        Ok(text) if value.is_sensitive() => text.split(' ').next().unwrap_or_default().to_owned(),
        _ => String::from_utf8_lossy(value.as_bytes()).into_owned(),
    }
}
