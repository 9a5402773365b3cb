//! `X-Fal-Tags`: `key=value` pairs behind commas. The service drops a bad pair without a word, so pairs are
//! checked here.

use http::HeaderValue;

pub(super) const HEADER: &str = "x-fal-tags";

const MAX_PAIRS: usize = 10;
const MAX_KEY: usize = 64;
const MAX_VALUE: usize = 256;
/// Of all keys and values together.
const MAX_BYTES: usize = 1024;

/// The header with one more pair, or why there cannot be one.
pub(super) fn with(
    header: Option<&HeaderValue>,
    key: &str,
    value: &str,
) -> Result<HeaderValue, &'static str> {
    let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
    let of_key = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"._-".contains(&byte);
    if !(1..=MAX_KEY).contains(&key.len()) || !key.bytes().all(of_key) {
        return Err("its key must have 1 to 64 of a-z, 0-9, `.`, `_` and `-`");
    }
    if key.starts_with("fal.") {
        return Err("keys that begin with `fal.` are fal's own");
    }
    let of_value = |byte: u8| (byte.is_ascii_graphic() || byte == b' ') && byte != b',';
    if !(1..=MAX_VALUE).contains(&value.len()) || !value.bytes().all(of_value) {
        return Err("its value must have 1 to 256 printable ASCII characters and no comma");
    }
    let given = header.and_then(|header| header.to_str().ok()).unwrap_or_default();
    let pairs = given.split(',').filter(|pair| !pair.is_empty());
    let (count, bytes) = pairs.fold((1, key.len() + value.len()), |(count, bytes), pair| {
        (count + 1, bytes + pair.len() - 1) // The `=` does not count.
    });
    if count > MAX_PAIRS || bytes > MAX_BYTES {
        return Err("a request has at most 10 tags, and 1024 bytes of them");
    }
    let comma = if given.is_empty() { "" } else { "," };
    HeaderValue::try_from(format!("{given}{comma}{key}={value}")).map_err(|_| "it cannot be sent")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_checked_and_counted() {
        let mut header = None;
        for nth in 0..MAX_PAIRS {
            header = Some(with(header.as_ref(), &format!(" K{nth}"), " a=b c ").unwrap());
        }
        assert!(header.as_ref().unwrap().to_str().unwrap().starts_with("k0=a=b c,k1=a=b c,"));
        assert!(with(header.as_ref(), "one", "more").is_err());
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
            assert!(with(None, key, value).is_err(), "{key} {value}");
        }
        let full = "x".repeat(256);
        let header = (0..3).fold(None, |header: Option<HeaderValue>, nth| {
            Some(with(header.as_ref(), &nth.to_string(), &full).unwrap())
        });
        assert!(with(header.as_ref(), "3", &full).is_err());
    }
}
