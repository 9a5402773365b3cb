//! Query strings.

/// The value of a parameter, its escapes undone.
pub(super) fn value(query: &str, name: &str) -> Option<String> {
    values(query, name).next()
}

/// All values of a parameter that may be repeated.
pub(super) fn values(query: &str, name: &str) -> impl Iterator<Item = String> {
    query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .filter(move |(key, _)| unescaped(key) == name)
        .map(|(_, value)| unescaped(value))
}

fn unescaped(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escape = (byte == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escape {
            Some(escaped) => {
                plain.push(escaped);
                at += 3;
            }
            None => {
                plain.push(if byte == b'+' { b' ' } else { byte });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_undone_and_broken_ones_kept() {
        let query = "a=1&endpoint_id=x%2Fy&endpoint_id=p+q&b=100%&c=%zz&d=%é";
        assert_eq!(value(query, "a").as_deref(), Some("1"));
        assert_eq!(values(query, "endpoint_id").collect::<Vec<_>>(), ["x/y", "p q"]);
        assert_eq!(value(query, "b").as_deref(), Some("100%"));
        assert_eq!(value(query, "c").as_deref(), Some("%zz"));
        assert_eq!(value(query, "d").as_deref(), Some("%é"));
        assert_eq!(value(query, "e"), None);
    }
}
