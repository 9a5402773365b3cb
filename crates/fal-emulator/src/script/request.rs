//! A request that the emulator received.

use axum::http::{HeaderMap, Method};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::request_kind::RequestKind;

/// A request that the emulator received.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// The operation that is requested.
    pub kind: RequestKind,
    /// The endpoint that is called. For a question about a queued request, the endpoint that it was submitted to.
    pub endpoint: Option<String>,
    /// The id of the queued request that the question is about.
    pub request_id: Option<String>,
    /// The HTTP method.
    pub method: Method,
    /// The path, still percent-encoded.
    pub path: String,
    /// The query without the `?`; empty if there is none.
    pub query: String,
    /// The headers. The value of `Authorization` is marked as sensitive.
    pub headers: HeaderMap,
    /// The body; empty for an upload of more than 10 MiB that the emulator accepted.
    pub body: Bytes,
}

impl Request {
    /// Returns a header, or `None` if it is absent or not text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Parses the body as JSON. Returns null if it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Returns the method, path and query in one line: `GET /queue/acme/app?logs=1`.
    #[must_use]
    pub fn line(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{} {}{mark}{}", self.method, self.path, self.query)
    }

    /// Returns the request as JSON, without its key.
    pub(crate) fn to_json(&self) -> Value {
        self.to_json_with_body_limit(usize::MAX)
    }

    /// Returns the request as JSON, without its key. Of a body of more than `limit` bytes, only the length is given.
    pub(crate) fn to_json_with_body_limit(&self, limit: usize) -> Value {
        let mut entry = json!({
            "kind": self.kind,
            "endpoint": self.endpoint,
            "request_id": self.request_id,
            "method": self.method.as_str(),
            "path": self.path,
            "query": self.query,
            "headers": self.headers_json(),
        });
        let (name, body) = if self.body.len() > limit {
            ("bytes", json!(self.body.len()))
        } else {
            match (serde_json::from_slice::<Value>(&self.body), std::str::from_utf8(&self.body)) {
                (Ok(body), _) => ("json", body),
                (Err(_), Ok(text)) => ("text", json!(text)),
                _ => ("base64", json!(STANDARD.encode(&self.body))),
            }
        };
        entry[name] = body;
        entry
    }

    fn headers_json(&self) -> Map<String, Value> {
        let text = |value: &axum::http::HeaderValue| match value.to_str() {
            // Of a key, only the scheme is shown, such as `Key` or `Bearer`.
            Ok(text) if value.is_sensitive() => text.split(' ').next().unwrap_or_default().to_owned(),
            _ => String::from_utf8_lossy(value.as_bytes()).into_owned(),
        };
        self.headers.iter().map(|(name, value)| (name.as_str().to_owned(), json!(text(value)))).collect()
    }
}
