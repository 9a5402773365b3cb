//! The file to which each request is written.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Mutex;

use super::request::Request;
use crate::private_files;
use crate::sync::lock;

/// The longest body that is written, in bytes. Of a longer one, only the length is written.
const MAX_BODY: usize = 1 << 20;

/// A file of requests in JSON Lines, without their keys.
#[derive(Debug)]
pub(crate) struct RequestFile(Mutex<File>);

impl RequestFile {
    /// Creates the file, or empties it if it exists.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        private_files::create(path).map(|file| Self(Mutex::new(file)))
    }

    /// Appends a request. A failure is logged.
    pub(super) fn write(&self, request: &Request) {
        let mut line = request.to_json_with_body_limit(MAX_BODY).to_string();
        line.push('\n');
        // A single write, so that a concurrent reader sees whole lines only.
        if let Err(error) = lock(&self.0).write_all(line.as_bytes()) {
            tracing::warn!(%error, "cannot write a request to the file of requests");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::RequestKind;
    use super::super::request::tests::request;
    use super::*;

    #[test]
    fn each_request_is_a_line_without_its_key_and_a_long_body_is_a_length() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("requests.jsonl");
        std::fs::write(&path, "of an earlier run").unwrap();
        let file = RequestFile::create(&path).unwrap();
        for body in [br#"{"n": 1}"#.to_vec(), b"a\nb".to_vec(), vec![0xff], vec![b' '; MAX_BODY + 1]] {
            file.write(&request(RequestKind::Run, "/run/acme/app", body));
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains("secret"), "{text}");
        let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let written = |line: usize, name: &str| lines[line][name].clone();
        assert_eq!(written(0, "headers"), json!({"authorization": "Key"}));
        assert_eq!((written(0, "kind"), written(0, "json")), (json!("run"), json!({"n": 1})));
        assert_eq!(written(0, "time"), json!("1970-01-01T00:00:00.000000+00:00"));
        assert_eq!((written(1, "text"), written(2, "base64")), (json!("a\nb"), json!("/w==")));
        assert_eq!(
            (written(3, "bytes"), written(3, "text"), lines.len()),
            (json!(MAX_BODY + 1), Value::Null, 4)
        );
    }
}
