//! A request that the emulator received.

use std::time::SystemTime;

use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use serde_json::{Value, json};

use super::json_parts::{add_body, headers_json};
use super::recorded_response::RecordedResponse;
use super::request_kind::RequestKind;
use crate::clock::format_iso8601;

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
    /// The time at which the request arrived, by the clock of the machine.
    pub received_at: SystemTime,
    /// The scope of the request, if it belongs to one.
    pub scope: Option<String>,
    /// The response, once it has ended. `None` before that.
    pub response: Option<RecordedResponse>,
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
            "headers": headers_json(&self.headers),
            "time": format_iso8601(self.received_at),
            "scope": self.scope,
        });
        add_body(&mut entry, &self.body, limit);
        entry
    }

    /// Returns the request and its response as JSON, without its key. The response is null before its end.
    pub(crate) fn to_json_with_response(&self) -> Value {
        let mut entry = self.to_json();
        entry["response"] = self.response.as_ref().map_or(Value::Null, RecordedResponse::to_json);
        entry
    }
}

#[cfg(test)]
pub(super) mod tests {
    use axum::http::HeaderValue;

    use super::*;

    /// Returns a request with a key.
    pub(in super::super) fn request(kind: RequestKind, path: &str, body: Vec<u8>) -> Request {
        let mut key = HeaderValue::from_static("Key id:secret");
        key.set_sensitive(true);
        Request {
            kind,
            endpoint: Some("acme/app".to_owned()),
            request_id: None,
            method: Method::POST,
            path: path.to_owned(),
            query: String::new(),
            headers: HeaderMap::from_iter([(axum::http::header::AUTHORIZATION, key)]),
            body: Bytes::from(body),
            received_at: SystemTime::UNIX_EPOCH,
            scope: None,
            response: None,
        }
    }
}
