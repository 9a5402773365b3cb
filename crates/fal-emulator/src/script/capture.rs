//! Requests as JSON: what the admin API tells, and a file that gets each as it comes.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::record::Request;

/// The longest body that is written to the file, in bytes. Of longer ones, the length is.
const LONGEST: usize = 1 << 20;

/// A file of requests, one a line.
#[derive(Debug)]
pub(crate) struct Capture(Mutex<File>);

impl Capture {
    /// Begins the file anew.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        File::create(path).map(|file| Self(Mutex::new(file)))
    }

    pub(super) fn add(&self, request: &Request) {
        let mut entry = head(request);
        if request.body.len() > LONGEST {
            entry["bytes"] = json!(request.body.len());
        } else {
            tell_body(&mut entry, &request.body);
        }
        let mut line = entry.to_string();
        line.push('\n');
        // In one call, so that whoever reads the file meanwhile finds whole lines.
        let written = self.0.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
        if let Err(error) = written {
            tracing::warn!(%error, "a request could not be written to the file of requests");
        }
    }
}

impl Request {
    /// The request without its key, as JSON.
    pub(crate) fn told(&self) -> Value {
        let mut entry = head(self);
        tell_body(&mut entry, &self.body);
        entry
    }
}

fn head(request: &Request) -> Value {
    let mut headers = Map::new();
    for (name, value) in &request.headers {
        // Keys are not shown, only that one came, and how.
        let text = match value.to_str() {
            Ok(text) if value.is_sensitive() => text.split(' ').next().unwrap_or_default().to_owned(),
            _ => String::from_utf8_lossy(value.as_bytes()).into_owned(),
        };
        headers.insert(name.as_str().to_owned(), json!(text));
    }
    json!({
        "verb": request.verb,
        "endpoint": request.endpoint,
        "request_id": request.request_id,
        "method": request.method.as_str(),
        "path": request.path,
        "query": request.query,
        "headers": headers,
    })
}

fn tell_body(entry: &mut Value, body: &[u8]) {
    let (name, body) = match (serde_json::from_slice::<Value>(body), std::str::from_utf8(body)) {
        (Ok(body), _) => ("json", body),
        (Err(_), Ok(text)) => ("text", json!(text)),
        _ => ("base64", json!(STANDARD.encode(body))),
    };
    entry[name] = body;
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, Method, header};
    use bytes::Bytes;

    use super::super::Verb;
    use super::*;

    #[test]
    fn each_request_is_a_line_without_its_key_and_long_bodies_are_lengths() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requests.jsonl");
        std::fs::write(&path, "of an earlier run").unwrap();
        let mut key = HeaderValue::from_static("Key id:secret");
        key.set_sensitive(true);
        let request = |body: Vec<u8>| Request {
            verb: Verb::Run,
            endpoint: Some("acme/app".to_owned()),
            request_id: None,
            method: Method::POST,
            path: "/run/acme/app".to_owned(),
            query: String::new(),
            headers: HeaderMap::from_iter([(header::AUTHORIZATION, key.clone())]),
            body: Bytes::from(body),
        };
        let capture = Capture::create(&path).unwrap();
        for body in [br#"{"n": 1}"#.to_vec(), b"a\nb".to_vec(), vec![0xff], vec![b' '; LONGEST + 1]] {
            capture.add(&request(body));
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("secret"), "{text}");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let told = |at: usize, name: &str| lines[at][name].clone();
        assert_eq!(told(0, "headers"), json!({"authorization": "Key"}));
        assert_eq!((told(0, "verb"), told(0, "json")), (json!("run"), json!({"n": 1})));
        assert_eq!((told(1, "text"), told(2, "base64")), (json!("a\nb"), json!("/w==")));
        assert_eq!((told(3, "bytes"), told(3, "text"), lines.len()), (json!(LONGEST + 1), Value::Null, 4));
    }
}
