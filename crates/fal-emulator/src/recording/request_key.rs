//! The parts of a request that decide which recorded reply it gets.

use axum::http::{HeaderMap, Method, Uri, header};
use serde_json::{Map, Value};

use super::exchange::{RecordedBody, RecordedRequest};
use super::secrets::is_secret_parameter;
use crate::hex::sha256;
use crate::hosts;
use crate::realtime::codec;

/// The largest binary message whose members are compared, in bytes. Of larger ones, the bytes are.
const MAX_COMPARED: usize = 1 << 20;

/// The target of a request at fal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) path: String,
    pub(super) query: String,
}

impl Target {
    /// Determines the target of a request that came under one of fal's names, or under a path prefix of the emulator.
    /// Returns `None` for paths of the emulator itself.
    pub(super) fn from_request(uri: &Uri, headers: &HeaderMap) -> Option<Self> {
        let host = fal_host(headers);
        let (path, query) = (uri.path(), uri.query().unwrap_or_default());
        let (host, path) = match host {
            Some(host) => {
                let prefix = hosts::service_prefix(&host)?;
                (host, path.strip_prefix(prefix)?.to_owned())
            }
            None => {
                let (host, prefix) = hosts::default_host(path)?;
                (host.to_owned(), path.strip_prefix(prefix)?.to_owned())
            }
        };
        let path = if path.is_empty() { "/".to_owned() } else { path };
        Some(Self { host, path, query: query.to_owned() })
    }
}

/// Returns the name of fal under which a request came.
pub(super) fn fal_host(headers: &HeaderMap) -> Option<String> {
    let host = headers.get(header::HOST)?.to_str().ok()?;
    let name = host.split(':').next()?.trim_end_matches('.').to_ascii_lowercase();
    hosts::is_fal_name(&name).then_some(name)
}

/// The parts of a request that decide which reply it gets: the method, the URL without tokens, signatures and the address
/// of a webhook, the range, and the content, where the order of JSON members does not matter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct RequestKey {
    pub(super) method: String,
    pub(super) host: &'static str,
    pub(super) other_host: Option<String>,
    pub(super) path: String,
    pub(super) query: Vec<String>,
    pub(super) range: Option<String>,
    pub(super) body: KeyBody,
}

/// The content of a request, in the form in which it is compared.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum KeyBody {
    Json(String),
    Text(String),
    /// The SHA-256 of content that is large or no text.
    Digest(String),
}

impl RequestKey {
    pub(super) fn new(method: &Method, target: &Target, headers: &HeaderMap, body: KeyBody) -> Self {
        let range = headers.get(header::RANGE).and_then(|range| range.to_str().ok()).map(str::to_owned);
        Self::from_parts(method.as_str(), &target.host, &target.path, &target.query, range, body)
    }

    pub(super) fn of_recorded(request: &RecordedRequest) -> Self {
        let body = match &request.body {
            RecordedBody::Text(text) => KeyBody::of_text(text, &request.path),
            RecordedBody::File { sha256, .. } => KeyBody::Digest(sha256.clone()),
        };
        let RecordedRequest { method, host, path, query, range, .. } = request;
        Self::from_parts(method, host, path, query, range.clone(), body)
    }

    fn from_parts(
        method: &str,
        host: &str,
        path: &str,
        query: &str,
        range: Option<String>,
        body: KeyBody,
    ) -> Self {
        let mut query: Vec<String> = query
            .split('&')
            .filter(|pair| {
                let name = pair.split('=').next().unwrap_or_default();
                !pair.is_empty() && name != "fal_webhook" && !is_secret_parameter(name)
            })
            .map(str::to_owned)
            .collect();
        query.sort();
        let known = canonical_host(host);
        Self {
            method: method.to_owned(),
            host: known.unwrap_or_default(),
            other_host: known.is_none().then(|| host.to_owned()),
            path: path.trim_end_matches('/').to_owned(),
            query,
            range,
            body,
        }
    }

    /// Returns true if the requests differ in their content alone.
    pub(super) fn has_target_of(&self, other: &Self) -> bool {
        (&self.method, self.host, &self.other_host, &self.path, &self.query, &self.range)
            == (&other.method, other.host, &other.other_host, &other.path, &other.query, &other.range)
    }

    /// Returns true if a repetition of the request asks for the same again, and does not make another call.
    pub(super) fn is_question(&self) -> bool {
        matches!(self.method.as_str(), "GET" | "HEAD" | "OPTIONS")
    }

    /// Describes the target in a line: `POST https://fal.run/fal-ai/flux/dev`.
    pub(super) fn describe(&self) -> String {
        format!("{} https{}", self.method, self.describe_url())
    }

    /// Describes the target of a WebSocket: `WebSocket wss://fal.run/fal-ai/fast-lcm-diffusion/realtime`.
    pub(super) fn describe_web_socket(&self) -> String {
        format!("WebSocket wss{}", self.describe_url())
    }

    /// Returns the URL after its scheme.
    fn describe_url(&self) -> String {
        let host = self.other_host.as_deref().unwrap_or(self.host);
        let mark = if self.query.is_empty() { "" } else { "?" };
        let path = if self.path.is_empty() { "/" } else { &self.path };
        format!("://{host}{path}{mark}{}", self.query.join("&"))
    }
}

impl KeyBody {
    /// Returns the comparable form of a binary message, which may be MessagePack.
    pub(super) fn of_binary(bytes: &[u8]) -> Self {
        // A large message holds a file, and would be kept in memory with each member as text.
        match bytes.len() <= MAX_COMPARED {
            true => codec::decode_msgpack(bytes).ok(),
            false => None,
        }
        .map_or_else(|| Self::Digest(sha256(bytes)), |value| Self::Json(sorted_text(value)))
    }

    /// Returns the comparable form of a text that is sent to a path.
    pub(super) fn of_text(text: &str, path: &str) -> Self {
        match serde_json::from_str::<Value>(text) {
            Ok(mut value) => {
                // Clients name uploads by the time.
                if path.contains("/upload/initiate")
                    && let Some(object) = value.as_object_mut()
                {
                    object.remove("file_name");
                }
                Self::Json(sorted_text(value))
            }
            Err(_) => Self::Text(text.to_owned()),
        }
    }

    /// Names the members in which two JSON texts differ, at most three.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let (Self::Json(own), Self::Json(other)) = (self, other) else { return Vec::new() };
        let parse = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
        let (own, other) = (parse(own), parse(other));
        let mut names: Vec<String> = own
            .iter()
            .filter(|(name, value)| other.get(*name) != Some(value))
            .map(|(name, _)| name.clone())
            .collect();
        names.extend(other.keys().filter(|name| !own.contains_key(*name)).cloned());
        names.truncate(3);
        names
    }
}

/// Writes a value with the members of all objects sorted, whatever features the JSON library was built with.
fn sorted_text(mut value: Value) -> String {
    value.sort_all_objects();
    value.to_string()
}

/// Returns the first of the names under which fal serves the same. `None` for names that serve for themselves.
fn canonical_host(host: &str) -> Option<&'static str> {
    const SAME: [(&str, &str); 8] = [
        ("fal.run", "fal.run"),
        ("falrun.com", "fal.run"),
        ("queue.fal.run", "queue.fal.run"),
        ("queue.falrun.com", "queue.fal.run"),
        ("rest.fal.ai", "rest.fal.ai"),
        ("rest.alpha.fal.ai", "rest.fal.ai"),
        ("fal.ai", "fal.ai"),
        ("www.fal.ai", "fal.ai"),
    ];
    SAME.iter().find(|(name, _)| *name == host).map(|(_, first)| *first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(method: &str, host: &str, path: &str, query: &str, body: &str) -> RequestKey {
        RequestKey::from_parts(method, host, path, query, None, KeyBody::of_text(body, path))
    }

    #[test]
    fn what_does_not_matter_is_not_compared() {
        let first = key(
            "POST",
            "fal.run",
            "/a/b",
            "x=1&fal_webhook=http://h:1&y=2",
            r#"{"a": 1, "b": {"c": 2, "d": 3}}"#,
        );
        let same = key("POST", "falrun.com", "/a/b/", "y=2&x=1&sig=q", r#"{"b":{"d":3,"c":2},"a":1}"#);
        assert_eq!(first, same);
        for other in [
            key("PUT", "fal.run", "/a/b", "x=1&y=2", r#"{"a": 1, "b": {"c": 2, "d": 3}}"#),
            key("POST", "queue.fal.run", "/a/b", "x=1&y=2", r#"{"a": 1, "b": {"c": 2, "d": 3}}"#),
            key("POST", "fal.run", "/a/c", "x=1&y=2", r#"{"a": 1, "b": {"c": 2, "d": 3}}"#),
            key("POST", "fal.run", "/a/b", "x=1", r#"{"a": 1, "b": {"c": 2, "d": 3}}"#),
            key("POST", "fal.run", "/a/b", "x=1&y=2", r#"{"a": 1, "b": {"c": 2, "d": [3]}}"#),
        ] {
            assert_ne!(first, other);
        }
        let upload = |name: &str| {
            key(
                "POST",
                "rest.fal.ai",
                "/storage/upload/initiate",
                "",
                &format!(r#"{{"file_name": "{name}", "n": 1}}"#),
            )
        };
        assert_eq!(upload("1.png"), upload("2.png"));
        let other = key("POST", "fal.run", "/a/b", "x=1&y=2", r#"{"a": 2, "e": 0, "b": {"c": 2, "d": 3}}"#);
        assert!(first.has_target_of(&other));
        assert_eq!(first.body.differences(&other.body), ["a", "e"]);
        assert_eq!(first.describe(), "POST https://fal.run/a/b?x=1&y=2");
    }

    #[test]
    fn targets_are_found_under_names_and_under_prefixes() {
        let target = |host: &str, uri: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            let found = Target::from_request(&uri.parse().unwrap(), &headers)?;
            Some(format!("{} {} {}", found.host, found.path, found.query))
        };
        assert_eq!(target("queue.fal.run:443", "/queue/a/b?x=1").as_deref(), Some("queue.fal.run /a/b x=1"));
        assert_eq!(target("v3b.fal.media", "/cdn/files/x").as_deref(), Some("v3b.fal.media /files/x "));
        assert_eq!(target("127.0.0.1:1", "/run/a/b").as_deref(), Some("fal.run /a/b "));
        assert_eq!(target("localhost", "/cdn/files/x").as_deref(), Some("v3.fal.media /files/x "));
        assert_eq!(target("localhost", "/api/openapi/x").as_deref(), Some("fal.ai /api/openapi/x "));
        for own in ["/", "/_emulator/requests", "/health", "/runs/a"] {
            assert_eq!(target("localhost", own), None, "{own}");
        }
    }
}
