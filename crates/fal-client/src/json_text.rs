//! JSON with what some servers write beside it or in it.

/// Returns a text without the mark of UTF-8 that some servers put at its beginning.
pub(crate) fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text)
}

/// Replaces the numbers that Python writes, and JSON does not have, by null.
pub(crate) fn without_constants(body: &[u8]) -> Vec<u8> {
    let (mut json, mut rest) = (Vec::with_capacity(body.len()), body);
    let (mut is_text, mut is_escaped) = (false, false);
    while let Some((byte, after)) = rest.split_first() {
        let constant = ["NaN", "Infinity", "-Infinity"].iter().find(|name| rest.starts_with(name.as_bytes()));
        if let (Some(constant), false) = (constant, is_text) {
            json.extend(b"null");
            rest = rest.get(constant.len()..).unwrap_or_default();
            continue;
        }
        is_text ^= *byte == b'"' && !is_escaped;
        is_escaped = is_text && *byte == b'\\' && !is_escaped;
        json.push(*byte);
        rest = after;
    }
    json
}
