//! Removal of keys, tokens and signatures from what is stored.

use std::sync::Mutex;

use serde_json::Value;

use crate::sync::lock;

/// The text in place of a secret.
const REDACTED: &str = "redacted";
/// The shortest text that is removed wherever it occurs. A shorter one could be a part of anything.
const MIN_LENGTH: usize = 8;
/// The largest number of tokens that are remembered.
const MAX_TOKENS: usize = 10_000;

/// The secrets of a recording.
#[derive(Default)]
pub(super) struct Secrets {
    known: Mutex<Vec<String>>,
}

impl Secrets {
    /// Creates the secrets of a user with this key: the key, and its secret part alone.
    pub(super) fn of_key(key: &str) -> Self {
        let secrets = Self::default();
        secrets.add(key);
        if let Some((_, secret)) = key.split_once(':') {
            secrets.add(secret);
        }
        secrets
    }

    /// Remembers a secret, which is removed from everything that is stored from now on.
    pub(super) fn add(&self, secret: &str) {
        let mut known = lock(&self.known);
        if secret.len() >= MIN_LENGTH && known.len() < MAX_TOKENS && !known.iter().any(|own| own == secret) {
            known.push(secret.to_owned());
            // A key is removed before a part of it.
            known.sort_by_key(|own| std::cmp::Reverse(own.len()));
        }
    }

    /// Remembers the token in the reply of a service for tokens: the whole JSON text, or its member `token`.
    pub(super) fn add_token_reply(&self, body: &[u8]) {
        let reply: Value = serde_json::from_slice(body).unwrap_or_default();
        let token = reply.as_str().or_else(|| reply.get("token")?.as_str());
        if let Some(token) = token {
            self.add(token);
        }
    }

    /// Returns the text without secrets: without those that are known, and without the signatures of URLs.
    pub(super) fn redact(&self, text: &str) -> String {
        let mut text = redact_parameters(text);
        for secret in lock(&self.known).iter() {
            if text.contains(secret.as_str()) {
                text = text.replace(secret.as_str(), REDACTED);
            }
        }
        text
    }

    /// Returns true if bytes contain a known secret.
    pub(super) fn occur_in(&self, bytes: &[u8]) -> bool {
        lock(&self.known).iter().any(|secret| {
            bytes.len() >= secret.len()
                && bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
        })
    }

    /// Returns the length of the longest known secret.
    pub(super) fn longest(&self) -> usize {
        lock(&self.known).first().map_or(0, String::len)
    }
}

/// Returns true for a parameter of a URL that grants access, or that says until when.
pub(super) fn is_secret_parameter(name: &str) -> bool {
    const NAMES: [&str; 11] = [
        "fal_jwt_token",
        "identity",
        "token",
        "signature",
        "sig",
        "expires",
        "policy",
        "key-pair-id",
        "googleaccessid",
        "awsaccesskeyid",
        "se",
    ];
    let name = name.to_ascii_lowercase();
    NAMES.contains(&name.as_str()) || name.starts_with("x-amz-") || name.starts_with("x-goog-")
}

/// Replaces the values of secret parameters in all URLs of a text, also where `&` is written as in JSON.
fn redact_parameters(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(found) = rest.find(['?', '&', '\\']) {
        let (before, from) = rest.split_at(found);
        clean.push_str(before);
        let mark =
            ["\\u0026", "?", "&", "\\"].into_iter().find(|mark| from.starts_with(mark)).unwrap_or("\\");
        clean.push_str(mark);
        rest = &from[mark.len()..];
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '-' && letter != '_');
        let (name, value) = rest.split_at(end.unwrap_or(rest.len()));
        if mark != "\\" && value.starts_with('=') && is_secret_parameter(name) {
            let value = &value[1..];
            let ends = |letter: char| {
                letter.is_whitespace() || matches!(letter, '&' | '"' | '\'' | '\\' | '#' | '<' | '>' | ')')
            };
            let end = value.find(ends).unwrap_or(value.len());
            clean.push_str(name);
            clean.push('=');
            clean.push_str(REDACTED);
            rest = &value[end..];
        }
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_tokens_and_signatures_are_removed() {
        let secrets = Secrets::of_key("my-key-id:very-secret-part");
        secrets.add_token_reply(br#""eyJhbGciOi.token.x""#);
        secrets.add_token_reply(br#"{"token": "cdn-token-1234"}"#);
        for (text, clean) in [
            ("Key my-key-id:very-secret-part!", "Key redacted!"),
            ("only very-secret-part here", "only redacted here"),
            ("a cdn-token-1234 b eyJhbGciOi.token.x", "a redacted b redacted"),
            (
                r#"{"u":"https://h/p?X-Amz-Signature=ab12&x=1\u0026sig=q%3D&y=2"}"#,
                r#"{"u":"https://h/p?X-Amz-Signature=redacted&x=1\u0026sig=redacted&y=2"}"#,
            ),
            ("fal_jwt_token=kept because it is no URL", "fal_jwt_token=kept because it is no URL"),
            ("?fal_jwt_token=abc", "?fal_jwt_token=redacted"),
            ("C:\\users & ? \\\" signature", "C:\\users & ? \\\" signature"),
        ] {
            assert_eq!(secrets.redact(text), clean);
        }
        assert!(secrets.occur_in(b"\xff\xfevery-secret-part\x00") && !secrets.occur_in(b"very-secret"));
        assert_eq!(Secrets::of_key("a:b").redact("a:b"), "a:b", "three letters could be a part of anything");
    }
}
