//! Recorded requests as an HTTP Archive (HAR 1.2), which browsers and HTTP tools open.

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::json_parts::header_text;
use super::recorded_response::RecordedResponse;
use super::request::Request;
use crate::clock::format_iso8601;
use crate::hosts;

/// Returns the requests, without their keys, as an HTTP Archive.
///
/// A request under one of fal's names has that name in its URL.
pub(crate) fn to_har(requests: &[Request]) -> Value {
    json!({"log": {
        "version": "1.2",
        "creator": {"name": "fal-emulator", "version": env!("CARGO_PKG_VERSION")},
        "entries": requests.iter().map(entry).collect::<Vec<_>>(),
    }})
}

fn entry(request: &Request) -> Value {
    let milliseconds =
        request.response.as_ref().map_or(0.0, |response| response.duration.as_secs_f64() * 1000.0);
    let mut entry = json!({
        "startedDateTime": format_iso8601(request.received_at),
        "time": milliseconds,
        "request": request_json(request),
        "response": response_json(request.response.as_ref()),
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
    });
    let facts = [("_kind", json!(request.kind)), ("_scope", json!(request.scope))];
    for (name, value) in facts.into_iter().filter(|(_, value)| !value.is_null()) {
        entry[name] = value;
    }
    if request.response.as_ref().is_some_and(|response| !response.is_complete) {
        entry["comment"] = json!("The response did not arrive whole");
    }
    entry
}

fn request_json(request: &Request) -> Value {
    let query: Vec<Value> = request
        .query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    let mut json = json!({
        "method": request.method.as_str(),
        "url": url(request),
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers(&request.headers),
        "queryString": query,
        "headersSize": -1,
        "bodySize": request.body.len(),
    });
    if !request.body.is_empty() {
        let text = match std::str::from_utf8(&request.body) {
            Ok(text) => json!({"mimeType": mime_type(&request.headers), "text": text}),
            Err(_) => json!({
                "mimeType": mime_type(&request.headers),
                "text": STANDARD.encode(&request.body),
                "comment": "Base64",
            }),
        };
        json["postData"] = text;
    }
    json
}

/// Returns a response. One that has not ended has the status 0, as a request without a response has in browsers.
fn response_json(response: Option<&RecordedResponse>) -> Value {
    let empty = HeaderMap::new();
    let sent = response.map_or(&empty, |response| &response.headers);
    let (status, reason) = response.map_or((0, ""), |response| {
        (response.status.as_u16(), response.status.canonical_reason().unwrap_or_default())
    });
    let size = response.map_or(0, |response| response.body_size);
    let mut content = json!({"size": size, "mimeType": mime_type(sent)});
    if let Some(response) = response.filter(|response| response.body.len() as u64 == size && size > 0) {
        match std::str::from_utf8(&response.body) {
            Ok(text) => content["text"] = json!(text),
            Err(_) => {
                content["text"] = json!(STANDARD.encode(&response.body));
                content["encoding"] = json!("base64");
            }
        }
    }
    json!({
        "status": status,
        "statusText": reason,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers(sent),
        "content": content,
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": size,
    })
}

fn headers(headers: &HeaderMap) -> Vec<Value> {
    headers.iter().map(|(name, value)| json!({"name": name.as_str(), "value": header_text(value)})).collect()
}

fn mime_type(headers: &HeaderMap) -> &str {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or("application/octet-stream")
}

/// Returns the URL that was called.
fn url(request: &Request) -> String {
    let host = request.header("host").unwrap_or("localhost");
    let name = host.split(':').next().unwrap_or_default();
    let mark = if request.query.is_empty() { "" } else { "?" };
    // The path of a request under one of fal's names got a prefix for its service.
    let (scheme, path) = match hosts::service_prefix(name) {
        Some(prefix) => ("https", request.path.strip_prefix(prefix).unwrap_or(&request.path)),
        None => ("http", request.path.as_str()),
    };
    format!("{scheme}://{host}{path}{mark}{}", request.query)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::{HeaderValue, StatusCode};
    use bytes::Bytes;

    use super::super::request::tests::request;
    use super::super::request_kind::RequestKind;
    use super::*;

    #[test]
    fn entries_have_what_was_called_and_answered_but_no_key() {
        let mut called = request(RequestKind::Run, "/run/acme/app", b"{\"n\": 1}".to_vec());
        called.headers.insert(header::HOST, HeaderValue::from_static("fal.run"));
        called.query = "a=1&b".to_owned();
        called.response = Some(RecordedResponse {
            status: StatusCode::OK,
            headers: HeaderMap::from_iter([(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            )]),
            body: Bytes::from_static(b"{}"),
            body_size: 2,
            duration: Duration::from_millis(1500),
            is_complete: true,
        });
        let pending = request(RequestKind::Upload, "/cdn/files/upload", vec![0xff]);
        let har = to_har(&[called, pending]);
        assert!(!har.to_string().contains("secret"), "{har}");
        let first = &har["log"]["entries"][0];
        assert_eq!(first["request"]["url"], "https://fal.run/acme/app?a=1&b");
        assert_eq!(first["request"]["queryString"][1], json!({"name": "b", "value": ""}));
        assert_eq!(first["request"]["postData"]["text"], "{\"n\": 1}");
        assert_eq!((&first["time"], &first["response"]["content"]["text"]), (&json!(1500.0), &json!("{}")));
        let second = &har["log"]["entries"][1];
        assert_eq!(
            (&second["response"]["status"], &second["request"]["postData"]["text"]),
            (&json!(0), &json!("/w=="))
        );
    }
}
