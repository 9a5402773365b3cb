//! Digests of inputs, by which they are compared.

use std::fmt;

use serde_json::{Number, Value};

/// The digest of a JSON value: equal for values that differ only in the order of keys, in spaces and in the form of
/// numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Digest(u64);

/// The largest number up to which every whole number has a float.
const MAX_SAFE: f64 = 9_007_199_254_740_992.0;

impl Digest {
    /// Returns the digest of JSON text, or `None` for other text.
    pub(crate) fn from_json(json: &[u8]) -> Option<Self> {
        Some(Self::from_value(&serde_json::from_slice(json).ok()?))
    }

    pub(crate) fn from_value(value: &Value) -> Self {
        let mut hash = Fnv::new();
        add_value(&mut hash, value);
        Self(hash.finish())
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        u64::from_str_radix(text, 16).ok().map(Self)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The FNV-1a hash. It is short and the same in every version of this crate, and inputs are mixed up by mistake only, so
/// that a cryptographic hash is not needed.
pub(crate) struct Fnv(u64);

impl Fnv {
    pub(crate) fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(crate) fn finish(&self) -> u64 {
        self.0
    }

    pub(crate) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    /// Adds text with its length, so that its end is known.
    fn add_text(&mut self, text: &str) {
        self.add(&text.len().to_le_bytes());
        self.add(text.as_bytes());
    }
}

fn add_value(hash: &mut Fnv, value: &Value) {
    match value {
        Value::Null => hash.add(b"n"),
        Value::Bool(value) => hash.add(if *value { b"t" } else { b"f" }),
        Value::Number(number) => {
            hash.add(b"#");
            hash.add_text(&canonical(number));
        }
        Value::String(text) => {
            hash.add(b"\"");
            hash.add_text(text);
        }
        Value::Array(items) => {
            hash.add(b"[");
            for item in items {
                add_value(hash, item);
            }
            hash.add(b"]");
        }
        Value::Object(object) => {
            let mut members: Vec<_> = object.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            hash.add(b"{");
            for (name, value) in members {
                hash.add_text(name);
                add_value(hash, value);
            }
            hash.add(b"}");
        }
    }
}

/// Prints a number, with `7.0` as `7`: a service may read and write it as either.
fn canonical(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < MAX_SAFE => {
            format!("{:.0}", float + 0.0)
        }
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(json: &str) -> Digest {
        Digest::from_json(json.as_bytes()).unwrap()
    }

    #[test]
    fn the_hash_is_fnv1a() {
        let mut hash = Fnv::new();
        hash.add(b"foobar");
        assert_eq!(hash.finish(), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn order_spaces_and_forms_of_numbers_do_not_count() {
        let first = digest(r#"{"a": 1, "b": [1.5, "x", null, true], "c": {"d": 0}}"#);
        for same in [
            r#"{"b":[1.5,"x",null,true],"c":{"d":0},"a":1}"#,
            r#"{"a":1.0,"b":[1.50,"\u0078",null,true],"c":{"d":-0.0}}"#,
            r#"{"a":1e0,"b":[15e-1,"x",null,true],"c":{"d":0.0}}"#,
        ] {
            assert_eq!(digest(same), first, "{same}");
        }
        assert_eq!(Digest::parse(&first.to_string()), Some(first));
        assert_eq!(Digest::from_json(b"prompt=cat"), None);
    }

    #[test]
    fn different_values_have_different_digests() {
        let values = [
            "null",
            "true",
            "false",
            "0",
            "1",
            "-1",
            "0.5",
            "\"\"",
            "\"0\"",
            "\"null\"",
            "[]",
            "[[]]",
            "[[],[]]",
            "{}",
            "[0]",
            "[0,1]",
            "[1,0]",
            "[\"ab\"]",
            "[\"a\",\"b\"]",
            "{\"a\":1}",
            "{\"a\":\"1\"}",
            "{\"a\":null}",
            "{\"b\":1}",
            "{\"a\":{\"b\":1}}",
            "{\"a\":1,\"b\":1}",
            "9007199254740993",
            "9007199254740992",
            "18446744073709551615",
        ];
        let digests: std::collections::HashSet<_> = values.iter().map(|value| digest(value)).collect();
        assert_eq!(digests.len(), values.len());
    }
}
