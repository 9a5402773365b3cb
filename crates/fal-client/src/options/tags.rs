//! `X-Fal-Tags`: `key=value` pairs separated by commas. The service silently drops an invalid pair, so pairs are
//! checked here.

use http::HeaderValue;

pub(super) const HEADER: &str = "x-fal-tags";

const MAX_PAIRS: usize = 10;
const MAX_KEY: usize = 64;
const MAX_VALUE: usize = 256;
/// The limit of all keys and values together.
const MAX_BYTES: usize = 1024;

/// Appends a pair to the header; fails with the reason why the pair is invalid.
pub(super) fn append(
    header: Option<&HeaderValue>,
    key: &str,
    value: &str,
) -> Result<HeaderValue, &'static str> {
    let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
    let is_key_byte = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if !(1..=MAX_KEY).contains(&key.len()) || !key.bytes().all(is_key_byte) {
        return Err("its key must have 1 to 64 of a-z, 0-9, `.`, `_` and `-`");
    }
    if key.starts_with("fal.") {
        return Err("keys that begin with `fal.` are fal's own");
    }
    let is_value_byte = |byte: u8| (byte.is_ascii_graphic() || byte == b' ') && byte != b',';
    if !(1..=MAX_VALUE).contains(&value.len()) || !value.bytes().all(is_value_byte) {
        return Err("its value must have 1 to 256 printable ASCII characters and no comma");
    }
    let existing = header.and_then(|header| header.to_str().ok()).unwrap_or_default();
    let pairs = existing.split(',').filter(|pair| !pair.is_empty());
    let (count, bytes) = pairs.fold((1, key.len() + value.len()), |(count, bytes), pair| {
        (count + 1, bytes + pair.len() - 1) // The `=` does not count.
    });
    if count > MAX_PAIRS || bytes > MAX_BYTES {
        return Err("a request has at most 10 tags, and 1024 bytes of them");
    }
    let comma = if existing.is_empty() { "" } else { "," };
    HeaderValue::try_from(format!("{existing}{comma}{key}={value}")).map_err(|_| "it cannot be sent")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_and_surplus_pairs_are_refused() {
        let mut header = None;
        for nth in 0..MAX_PAIRS {
            header = Some(append(header.as_ref(), &format!(" K{nth}"), " a=b c ").unwrap());
        }
        assert!(header.as_ref().unwrap().to_str().unwrap().starts_with("k0=a=b c,k1=a=b c,"));
        assert!(append(header.as_ref(), "one", "more").is_err());
        let long = "x".repeat(257);
        for (key, value) in [
            ("", "x"),
            ("a b", "x"),
            ("fal.a", "x"),
            ("ä", "x"),
            ("a", ""),
            ("a", "x,y"),
            ("a", &long),
            ("a", "x\ny"),
        ] {
            assert!(append(None, key, value).is_err(), "{key} {value}");
        }
        let full = "x".repeat(256);
        let header = (0..3).fold(None, |header: Option<HeaderValue>, nth| {
            Some(append(header.as_ref(), &nth.to_string(), &full).unwrap())
        });
        assert!(append(header.as_ref(), "3", &full).is_err());
    }
}
