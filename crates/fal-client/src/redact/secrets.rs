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

/// The number of times that an escape may be escaped itself. Four times are 15 backslashes.
const MAX_ESCAPES: usize = 15;

/// The number of forms of secrets that a client remembers. A provider of keys may return a new one for every request.
const MAX_REMEMBERED: usize = 96;

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
        let mut secrets = lock(&self.0);
        if secrets.0.iter().any(|known| known.text == secret) {
            return;
        }
        // The newest come first, and a whole key comes before its parts.
        let mut new = parts(secret);
        new.extend(secrets.0.iter().take(MAX_REMEMBERED).cloned());
        *secrets = Secrets(new.into());
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
    let half = whole.get(id..).unwrap_or_default();
    if half.len() >= MIN_LENGTH {
        let hexadecimal = half.bytes().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let base64 = (0..3).map(|before| (base64_after(before, half), (MIN_LENGTH * 8).div_ceil(6)));
        let forms = [(half.to_owned(), MIN_LENGTH), (hexadecimal, MIN_LENGTH * 2)].into_iter().chain(base64);
        parts.extend(forms.map(|(text, enough)| Secret { text, enough }));
    }
    parts.retain(|part| part.text.len() >= MIN_LENGTH);
    parts
}

/// Returns the characters of base64 that stand for `secret` alone, after a number of other bytes: `Key id:` and the like.
fn base64_after(before: usize, secret: &str) -> String {
    let bytes = [&b"\0\0"[..before.min(2)], secret.as_bytes()].concat();
    let (start, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
    STANDARD_NO_PAD.encode(bytes).get(start..end).unwrap_or_default().to_owned()
}

impl Secret {
    /// Returns the place of this secret, or of its beginning, in `text`, in any notation of [`length_of`].
    fn find_in(&self, text: &str) -> Option<Range<usize>> {
        let (secret, text) = (self.text.as_bytes(), text.as_bytes());
        (0..text.len()).find_map(|start| {
            let mut end = start;
            let follows = |byte: &&u8| match text.get(end..).and_then(|text| length_of(**byte, text)) {
                Some(length) => {
                    end += length;
                    true
                }
                None => false,
            };
            let count = secret.iter().take_while(follows).count();
            (count >= self.enough.min(secret.len())).then_some(start..end)
        })
    }
}

/// Returns the length of `byte` at the start of `text`: as it is, percent-encoded, or escaped as in JSON or HTML, also
/// if that was done several times.
///
/// Capitals do not count, nor does it matter which alphabet of base64 is used.
fn length_of(byte: u8, text: &[u8]) -> Option<usize> {
    let fold = |byte: u8| match byte {
        b'-' => b'+',
        b'_' => b'/',
        byte => byte.to_ascii_lowercase(),
    };
    let is_number = |digits: Range<usize>, radix| {
        let digits = text.get(digits).and_then(|digits| std::str::from_utf8(digits).ok());
        digits.and_then(|digits| u32::from_str_radix(digits, radix).ok()) == Some(byte.into())
    };
    match text {
        [first, ..] if fold(*first) == fold(byte) => Some(1),
        [b'%', rest @ ..] => {
            let again = rest.chunks_exact(2).take(MAX_ESCAPES).take_while(|digits| *digits == b"25");
            let start = 1 + 2 * again.count();
            is_number(start..start + 2, 16).then_some(start + 2)
        }
        [b'\\', ..] => {
            let start = text.iter().take(MAX_ESCAPES).take_while(|byte| **byte == b'\\').count();
            match text.get(start)? {
                b'u' if is_number(start + 1..start + 5, 16) => Some(start + 5),
                b'x' if is_number(start + 1..start + 3, 16) => Some(start + 3),
                next => (*next == byte).then_some(start + 1),
            }
        }
        [b'&', b'#', rest @ ..] => {
            const MAX_DIGITS: usize = 6;
            let end = 2 + rest.iter().take(MAX_DIGITS + 2).position(|end| *end == b';')?;
            let is_hexadecimal = rest.first().is_some_and(|radix| radix.eq_ignore_ascii_case(&b'x'));
            let is_same = if is_hexadecimal { is_number(3..end, 16) } else { is_number(2..end, 10) };
            is_same.then_some(end + 1)
        }
        _ => None,
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
    use base64::engine::general_purpose::URL_SAFE;
    use serde_json::json;

    use super::*;

    #[test]
    fn key_and_its_secret_half_are_hidden_wherever_they_are() {
        let store = SecretStore::default();
        store.remember_header(&HeaderValue::from_static("Key leak-id:LEAK-SECRET"));
        store.remember_header(&HeaderValue::from_static("Bearer another-token"));
        let secrets = store.get();
        assert_eq!(secrets.hide("leak-id:LEAK-SECRET, another-token, leak-id"), "***, ***, leak-id");
        assert_eq!(secrets.hide("leak-id:LEAK-SEC"), "***");
        assert_eq!(secrets.hide("LEAK-S and LEAK-"), "*** and LEAK-");
        let mut value = json!({"a": ["x LEAK-SECRET"], "LEAK-SECRET": {"b": "another-token"}, "c": 1});
        secrets.remove_from_json(&mut value);
        assert_eq!(value, json!({"a": ["x ***"], "***": {"b": "***"}, "c": 1}));
    }

    #[test]
    fn key_is_hidden_in_every_notation() {
        let key = "leak-id:Le/ak+\"SECRET-0";
        let store = SecretStore::default();
        store.remember(key);
        let secrets = store.get();
        let encode = |encode: fn(char) -> String| key.chars().map(encode).collect::<String>();
        let percent_all = encode(|letter| format!("%{:02X}", u32::from(letter)));
        let percent_some = encode(|letter| match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' => letter.to_string(),
            _ => format!("%{:02x}", u32::from(letter)),
        });
        let json = serde_json::to_string(key).unwrap();
        let basic = |before: &str| STANDARD_NO_PAD.encode(format!("{before}{key}"));
        for written in [
            key.to_uppercase(),
            percent_some.replace('%', "%25"),
            percent_some,
            percent_all.replace('%', "%2525"),
            percent_all,
            encode(|letter| format!("\\u{:04x}", u32::from(letter))),
            encode(|letter| format!("\\x{:02x}", u32::from(letter))),
            encode(|letter| format!("&#{};", u32::from(letter))),
            encode(|letter| format!("&#x{:X};", u32::from(letter))),
            json.replace('/', "\\/"),
            serde_json::to_string(&json).unwrap(),
            format!("{key:?}"),
            key.bytes().map(|byte| format!("{byte:02X}")).collect(),
            basic(""),
            basic("Key "),
            basic("user:"),
            basic("ab").replace('+', "-").replace('/', "_"),
            URL_SAFE.encode(key),
        ] {
            let hidden = secrets.hide(&written);
            assert!(hidden.contains("***") && hidden.len() < 60, "{written} is {hidden}");
            let rest = hidden.replace("***", "");
            assert!(!rest.contains("SECRET") && !rest.contains("ak"), "{written} is {hidden}");
        }
        for other in ["leak-id", "%", "\\", "&#", "&#x;", "%25%25", "\\u", "Le/ak", "%4c%65%2f", ""] {
            assert_eq!(secrets.hide(other), other);
        }
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
        assert!(secrets.0.len() < 110 && secrets.hide("token-999") == "***");
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
