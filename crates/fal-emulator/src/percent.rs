//! Percent-encoding of paths and of the user in a URL.

/// Decodes `%40` and the like. Anything else stays as it is.
pub(crate) fn decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let code = others.get(..2).filter(|code| code.iter().all(u8::is_ascii_hexdigit));
        let code = code.and_then(|hex| std::str::from_utf8(hex).ok());
        match code.filter(|_| *first == b'%').and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = others.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn only_codes_are_decoded() {
        assert_eq!(decode("a%40b%c3%A4%"), "a@b\u{e4}%".as_bytes());
        assert_eq!(decode("%zz%+1%2"), b"%zz%+1%2");
    }
}
