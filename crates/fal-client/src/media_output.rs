//! Outputs that are not JSON, as the JSON that stands for them.

use http::{HeaderMap, header};
use serde::de::IgnoredAny;
use serde_json::{Value, json};

use crate::storage::data_uri;

/// Returns the JSON text of an output that is not JSON. `None` for JSON, for an empty body, and for an HTML page, which
/// is a proxy's rather than a model's.
///
/// | type | JSON |
/// |---|---|
/// | a text | a string |
/// | lines of JSON | a list |
/// | anything else, such as a picture | `{"url": "data:…", "content_type": "…"}`, as files of outputs are |
pub(crate) fn to_json(headers: &HeaderMap, body: &[u8]) -> Option<Vec<u8>> {
    let content_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if media_type.eq_ignore_ascii_case("application/json") {
        return None;
    }
    let media_type = media_type.to_ascii_lowercase();
    let first = body.trim_ascii().first()?;
    // Some apps and stores do not say that their JSON is JSON.
    let is_json = || b"{[\"".contains(first) && serde_json::from_slice::<IgnoredAny>(body).is_ok();
    let value: Value = match media_type.as_str() {
        "" | "text/html" | "application/xhtml+xml" | "text/event-stream" => return None,
        "application/x-ndjson" | "application/ndjson" | "application/jsonl" | "application/x-jsonlines" => {
            let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
            lines.map(serde_json::from_slice::<Value>).collect::<Result<_, _>>().ok()?
        }
        other if other.contains("json") || is_json() => return None,
        text if text.starts_with("text/") => std::str::from_utf8(body).ok()?.into(),
        media_type => {
            json!({ "url": data_uri(media_type, body), "content_type": media_type })
        }
    };
    serde_json::to_vec(&value).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn convert(content_type: Option<&'static str>, body: &'static [u8]) -> Option<Value> {
        let headers = content_type.map(|value| (header::CONTENT_TYPE, HeaderValue::from_static(value)));
        let headers = HeaderMap::from_iter(headers);
        to_json(&headers, body).map(|json| serde_json::from_slice(&json).unwrap())
    }

    #[test]
    fn text_lines_and_media_become_json() {
        let table: [(&str, &[u8], Value); 8] = [
            ("text/plain; charset=utf-8", b"a cat\n", json!("a cat\n")),
            ("text/plain", b"42", json!("42")),
            ("text/plain", b"[laughs]", json!("[laughs]")),
            ("Text/CSV", b"a,b", json!("a,b")),
            ("application/x-ndjson", b"{\"a\":1}\n\n2\r\n", json!([{"a": 1}, 2])),
            ("application/jsonl", b"{\"a\":1}", json!([{"a": 1}])),
            ("image/png", b"png", json!({"url": "data:image/png;base64,cG5n", "content_type": "image/png"})),
            (
                "application/octet-stream",
                b"{0",
                json!({"url": "data:application/octet-stream;base64,ezA=", "content_type": "application/octet-stream"}),
            ),
        ];
        for (content_type, body, expected) in table {
            assert_eq!(convert(Some(content_type), body), Some(expected), "{content_type}");
        }
    }

    #[test]
    fn json_pages_and_nothing_stay_as_they_are() {
        let table: [(Option<&'static str>, &[u8]); 10] = [
            (Some("binary/octet-stream"), b"{\"seed\": 1}"),
            (Some("application/json"), b"not json"),
            (Some("application/problem+json"), b"{}"),
            (Some("text/plain"), b"{\"seed\": 1}"),
            (Some("text/html"), b"<html>"),
            (Some("text/plain"), b" "),
            (Some("text/plain"), b"\xff"),
            (Some("image/png"), b""),
            (Some("application/x-ndjson"), b"{\"a\""),
            (None, b"text"),
        ];
        for (content_type, body) in table {
            assert_eq!(convert(content_type, body), None, "{content_type:?} {body:?}");
        }
    }
}
