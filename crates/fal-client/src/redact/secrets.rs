//! The secrets that a client sends, so that a service that echoes them does not put them into a log.

use std::{
    borrow::Cow,
    ops::Range,
    sync::{Arc, Mutex},
};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::{HIDDEN, redact, rewrite};
use crate::sync::lock;

/// The shortest text that is hidden wherever it occurs. Shorter ones are parts of ordinary words.
const MIN_LENGTH: usize = 6;

/// The number of secrets that a client remembers. A provider of keys may return a new one for every request.
const MAX_REMEMBERED: usize = 32;

/// Texts that are never printed: the keys and tokens of a client, and their parts. Cloning is cheap.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<[Secret]>);

#[derive(Clone, PartialEq)]
struct Secret {
    text: String,
    /// The number of first bytes that are hidden even if the rest does not follow, because a text may break off.
    enough: usize,
}

/// The secrets of a client, which become more when a provider returns another key.
#[derive(Default)]
pub(crate) struct SecretStore(Mutex<Secrets>);

impl SecretStore {
    /// Remembers the secret of an `Authorization` header.
    pub(crate) fn remember_header(&self, authorization: &HeaderValue) {
        if let Ok(text) = authorization.to_str() {
            self.remember(text.split_once(' ').map_or(text, |(_, secret)| secret));
        }
    }

    /// Remembers a key or a token.
    pub(crate) fn remember(&self, secret: &str) {
        let mut new = parts(secret);
        let mut secrets = lock(&self.0);
        new.retain(|part| !secrets.0.contains(part));
        if !new.is_empty() {
            // The newest come first, and a whole key comes before its parts.
            new.extend(secrets.0.iter().take(MAX_REMEMBERED).cloned());
            *secrets = Secrets(new.into());
        }
    }

    pub(crate) fn get(&self) -> Secrets {
        lock(&self.0).clone()
    }
}

/// Returns the texts by which a key or a token is known, the longest first.
fn parts(whole: &str) -> Vec<Secret> {
    let id = whole.find(':').map_or(0, |colon| colon + 1);
    // The id alone is no secret.
    let mut parts = vec![Secret { text: whole.to_owned(), enough: id + MIN_LENGTH }];
    if id > 0 {
        parts.push(Secret { text: whole.get(id..).unwrap_or_default().to_owned(), enough: MIN_LENGTH });
    }
    let encode = |part: &Secret| Secret {
        text: STANDARD_NO_PAD.encode(&part.text),
        enough: (part.enough * 4).div_ceil(3),
    };
    let encoded: Vec<_> = parts.iter().map(encode).collect();
    parts.extend(encoded);
    parts.retain(|part| part.text.len() >= MIN_LENGTH);
    parts
}

impl Secret {
    /// Returns the place of this secret, or of its beginning, in `text`.
    fn find_in(&self, text: &str) -> Option<Range<usize>> {
        let beginning = self.text.get(..self.enough).unwrap_or(&self.text);
        let start = text.find(beginning)?;
        let rest = text.get(start..)?.bytes();
        Some(start..start + self.text.bytes().zip(rest).take_while(|(secret, text)| secret == text).count())
    }
}

impl Secrets {
    /// Returns `text` without these secrets.
    pub(crate) fn hide<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for secret in self.0.iter() {
            rewrite(&mut text, |text, from| {
                let found = secret.find_in(text.get(from..)?)?;
                Some((from + found.start..from + found.end, HIDDEN.to_owned()))
            });
        }
        text
    }

    /// Returns true if `text` has none of these secrets, and nothing that looks like one.
    pub(crate) fn allows(&self, text: &str) -> bool {
        matches!(self.hide(text), Cow::Borrowed(_)) && matches!(redact(text), Cow::Borrowed(_))
    }

    /// Removes these secrets from `text`.
    pub(crate) fn remove_from(&self, text: &mut String) {
        if let Cow::Owned(hidden) = self.hide(text) {
            *text = hidden;
        }
    }

    /// Removes these secrets from every text in `value`.
    pub(crate) fn remove_from_json(&self, value: &mut Value) {
        match value {
            Value::String(text) => self.remove_from(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.remove_from_json(item)),
            Value::Object(object) => {
                if object.keys().any(|key| matches!(self.hide(key), Cow::Owned(_))) {
                    let entries = std::mem::take(object).into_iter();
                    *object = entries.map(|(key, value)| (self.hide(&key).into_owned(), value)).collect();
                }
                object.values_mut().for_each(|value| self.remove_from_json(value));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Marks headers as sensitive that hold a secret, so that they are not printed.
    pub(crate) fn mark_in(&self, headers: &mut HeaderMap) {
        for value in headers.values_mut() {
            if !value.to_str().is_ok_and(|text| self.allows(text)) {
                value.set_sensitive(true);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn key_and_its_secret_half_are_hidden_wherever_they_are() {
        let store = SecretStore::default();
        store.remember_header(&HeaderValue::from_static("Key leak-id:LEAK-SECRET"));
        store.remember_header(&HeaderValue::from_static("Bearer another-token"));
        let secrets = store.get();
        let text = "leak-id:LEAK-SECRET, leak-id%3ALEAK-SECRET, another-token, TEVBSy1TRUNSRVQ=, leak-id";
        assert_eq!(secrets.hide(text), "***, leak-id%3A***, ***, ***=, leak-id");
        assert_eq!(secrets.hide("leak-id:LEAK-SEC"), "***");
        assert_eq!(secrets.hide("LEAK-S and LEAK-"), "*** and LEAK-");
        let mut value = json!({"a": ["x LEAK-SECRET"], "LEAK-SECRET": {"b": "another-token"}, "c": 1});
        secrets.remove_from_json(&mut value);
        assert_eq!(value, json!({"a": ["x ***"], "***": {"b": "***"}, "c": 1}));
    }

    #[test]
    fn short_parts_are_not_searched_for() {
        let store = SecretStore::default();
        store.remember_header(&HeaderValue::from_static("Key test:key"));
        assert_eq!(store.get().hide("the key is test:key"), "the key is ***");
    }

    #[test]
    fn number_of_remembered_secrets_is_bounded() {
        let store = SecretStore::default();
        for number in 0..1000 {
            store.remember_header(&HeaderValue::try_from(format!("Bearer token-{number}")).unwrap());
        }
        let secrets = store.get();
        assert!(secrets.0.len() < 40 && secrets.hide("token-999") == "***");
    }

    #[test]
    fn headers_with_a_secret_are_not_printed() {
        let store = SecretStore::default();
        store.remember_header(&HeaderValue::from_static("Key leak-id:LEAK-SECRET"));
        let mut headers: HeaderMap = [
            ("x-echo", "got LEAK-SECRET"),
            ("location", "https://h/x?X-Amz-Signature=abc"),
            ("server", "nginx"),
        ]
        .into_iter()
        .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
        .collect();
        store.get().mark_in(&mut headers);
        let shown = format!("{headers:?}");
        assert!(!shown.contains("LEAK") && !shown.contains("abc") && shown.contains("nginx"), "{shown}");
    }
}
