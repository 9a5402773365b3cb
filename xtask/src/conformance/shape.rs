//! The shape of a request, without the values that differ between runs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Headers of the connection rather than the request.
const CONNECTION_HEADERS: [&str; 8] = [
    "connection",
    "content-length",
    "host",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-version",
    "transfer-encoding",
    "upgrade",
];

/// A request, with placeholders for ids, tokens and counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Method, host and path, by which requests of two clients are compared with each other.
    pub(super) line: String,
    /// The query, the headers by their names, and the body.
    pub(super) parts: BTreeMap<String, String>,
    /// `false` if the parts of an upload are listed in another order than that of their numbers.
    pub(super) lists_parts_in_order: bool,
}

impl Shape {
    /// Parses a line of the emulator's file of requests. Returns `None` for requests that the scripts send themselves to
    /// check results.
    pub(super) fn read(entry: &Value) -> Option<Self> {
        let text = |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default();
        let path = text("path");
        if text("kind") == "media" || path.ends_with("/.well-known/jwks.json") {
            return None;
        }
        let headers = entry.get("headers")?.as_object()?;
        let header = |name: &str| headers.get(name).and_then(Value::as_str);
        // The emulator adds a prefix for the service to the path.
        let path = path.get(1..)?.find('/').and_then(|end| path.get(end + 1..)).unwrap_or("/");
        let line = format!("{} https://{}{}", text("method"), header("host")?, template(path));
        let mut parts = BTreeMap::new();
        for (name, value) in headers {
            let value = value.as_str().unwrap_or_default();
            match name.as_str() {
                name if CONNECTION_HEADERS.contains(&name) => continue,
                "user-agent" => parts.insert(name.clone(), "{name}".to_owned()),
                _ => parts.insert(
                    name.clone(),
                    serde_json::from_str(value).map_or_else(|_| redact(value), |json| body(&json)),
                ),
            };
        }
        if !text("query").is_empty() {
            let mut query: Vec<String> = text("query").split('&').map(redact).collect();
            query.sort_unstable();
            parts.insert("query".to_owned(), query.join("&"));
        }
        let content = match entry.get("json") {
            Some(json) => Some(body(json)),
            // The scripts upload different bytes.
            None => (!text("text").is_empty() || entry.get("base64").or(entry.get("bytes")).is_some())
                .then(|| "{bytes}".to_owned()),
        };
        parts.extend(content.map(|content| ("body".to_owned(), content)));
        let listed = entry.pointer("/json/parts").and_then(Value::as_array).into_iter().flatten();
        let lists_parts_in_order =
            listed.map(|part| part.get("partNumber").and_then(Value::as_u64)).is_sorted();
        Some(Self { line, parts, lists_parts_in_order })
    }
}

/// Replaces ids, numbers of parts and names of files in a path by placeholders.
fn template(path: &str) -> String {
    let segments = path.split('/').map(|segment| {
        let is_number = !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
        match segment {
            _ if is_number => "{n}".to_owned(),
            _ if segment.contains('.') => "{file}".to_owned(),
            _ => redact(segment),
        }
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Replaces ids and tokens in a text by placeholders.
fn redact(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = |is: fn(char) -> bool| rest.find(|c| !is(c)).unwrap_or(rest.len());
        let word = end(|c| c.is_ascii_alphanumeric() || c == '-');
        // JSON Web Tokens, and the header that each begins with.
        let token = end(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
        let (length, text) = if rest.starts_with("eyJ") {
            (token, "{token}")
        } else if is_id(&rest[..word]) {
            (word, "{id}")
        } else {
            let length = word.max(first.len_utf8());
            (length, &rest[..length])
        };
        out.push_str(text);
        rest = &rest[length..];
    }
    out
}

/// Returns true for ids, times and ports: hexadecimal words with at least five decimal digits.
fn is_id(word: &str) -> bool {
    let is_hexadecimal = word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_hexadecimal && word.bytes().filter(u8::is_ascii_digit).count() >= 5
}

/// Writes JSON with placeholders, and with each distinct item of a list once.
fn body(json: &Value) -> String {
    match json {
        Value::String(text) => format!("{:?}", redact(text)),
        Value::Array(items) => {
            let items: BTreeSet<String> = items.iter().map(body).collect();
            format!("[{}]", items.into_iter().collect::<Vec<_>>().join(","))
        }
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| match name.as_str() {
                "partNumber" => format!("{name:?}:{{n}}"),
                _ => format!("{name:?}:{}", body(value)),
            };
            let fields: BTreeSet<String> = fields.iter().map(field).collect();
            format!("{{{}}}", fields.into_iter().collect::<Vec<_>>().join(","))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shape(entry: &Value) -> Shape {
        Shape::read(entry).unwrap()
    }

    fn entry(path: &str, headers: Value) -> Value {
        let mut headers = headers;
        headers["host"] = json!("queue.fal.run");
        json!({"kind": "status", "method": "GET", "path": path, "query": "", "headers": headers, "text": ""})
    }

    #[test]
    fn ids_tokens_and_numbers_are_ignored() {
        let status = |id: &str| entry(&format!("/queue/acme/app/requests/{id}/status"), json!({}));
        let one = shape(&status("2c4735cd-a69a-422b-8409-d4c4cbf00e01"));
        assert_eq!(one.line, "GET https://queue.fal.run/acme/app/requests/{id}/status");
        assert_eq!(one, shape(&status("bf9f46f7-a72d-4353-a209-997766e5a7f1")));
        let part = entry("/cdn/files/b/dd8b1198fe4c454199b87af64228d2c4/big.bin/multipart/7", json!({}));
        assert_eq!(shape(&part).line, "GET https://queue.fal.run/files/b/{id}/{file}/multipart/{n}");
        let mut socket = entry("/run/acme/app", json!({}));
        socket["query"] = json!("max_buffering=5&fal_jwt_token=eyJhbGci.eyJhbGxv_d2.abc-d");
        assert_eq!(shape(&socket).parts["query"], "fal_jwt_token={token}&max_buffering=5");
        socket["query"] = json!("fal_webhook=http%3A%2F%2F127.0.0.1%3A40123%2Fhook%3Fa%3Db+c");
        assert_eq!(shape(&socket).parts["query"], "fal_webhook=http%3A%2F%2F127.0.0.1%{id}%2Fhook%3Fa%3Db+c");
        let mut complete = entry("/cdn/files", json!({}));
        complete["json"] = json!({"parts": [{"partNumber": 1, "etag": "\"ccd5a0bdd9f9a078\""}, {"etag": "\"12345\"", "partNumber": 2}]});
        assert_eq!(shape(&complete).parts["body"], r#"{"parts":[{"etag":"\"{id}\"","partNumber":{n}}]}"#);
        assert!(shape(&complete).lists_parts_in_order);
        complete["json"]["parts"][0]["partNumber"] = json!(3);
        assert!(!shape(&complete).lists_parts_in_order);
    }

    #[test]
    fn headers_and_bodies_are_compared() {
        let headers = |timeout: &str| json!({"x-fal-request-start-timeout": timeout, "user-agent": timeout, "content-length": timeout});
        let (one, other) = (entry("/run/acme/app", headers("30")), entry("/run/acme/app", headers("31")));
        assert_ne!(shape(&one), shape(&other));
        assert_eq!(shape(&one).parts["x-fal-request-start-timeout"], "30");
        assert_eq!((&*shape(&one).parts["user-agent"], shape(&one).parts.len()), ("{name}", 2));
        let order = |json: &str| shape(&entry("/run/a", json!({"x-fal-object-lifecycle": json}))).parts;
        assert_eq!(order(r#"{"a": 1, "b":2}"#), order(r#"{"b":2,"a":1}"#));
        assert_ne!(order(r#"{"a": 1}"#), order(r#"{"a": 1.5}"#));
        let mut bytes = one.clone();
        bytes["text"] = json!("x");
        assert_eq!(shape(&bytes).parts["body"], "{bytes}");
        bytes["json"] = json!({"seed": 7, "name": "fal-cdn-v3"});
        assert_eq!(shape(&bytes).parts["body"], r#"{"name":"fal-cdn-v3","seed":7}"#);
    }

    #[test]
    fn requests_of_the_scripts_themselves_are_left_out() {
        let mut fetched = entry("/cdn/files/b/1/cat.png", json!({}));
        fetched["kind"] = json!("media");
        assert_eq!(Shape::read(&fetched), None);
        assert_eq!(Shape::read(&entry("/rest/.well-known/jwks.json", json!({}))), None);
        assert_eq!(Shape::read(&json!({})), None);
    }
}
