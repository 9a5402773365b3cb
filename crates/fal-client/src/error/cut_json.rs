//! JSON that broke off, completed as far as it goes.

use serde_json::Value;

/// Parses as much of `body` as is JSON: up to its end, or up to the first byte that makes no sense.
///
/// A text, a list or an object that has no end is closed, and a name without a value is left out.
pub(super) fn parse_prefix(body: &[u8]) -> Option<Value> {
    let text = String::from_utf8_lossy(body);
    let error = match serde_json::from_str(&text) {
        Ok(value) => return Some(value),
        Err(error) => error,
    };
    let valid = if error.is_eof() { &text } else { text.get(..offset(&text, &error)?)? };
    serde_json::from_str(&complete(valid)).ok()
}

/// Returns the position of the byte that `error` complains about.
fn offset(text: &str, error: &serde_json::Error) -> Option<usize> {
    let lines = text.split_inclusive('\n').take(error.line().checked_sub(1)?);
    let offset = lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
    (0..=offset.min(text.len())).rev().find(|offset| text.is_char_boundary(*offset))
}

/// An object or a list that has not ended.
struct Open {
    close: char,
    /// The end of its last complete value.
    end: usize,
}

/// Returns the beginning of a JSON text, cut after its last complete value or within a text, with everything closed.
fn complete(text: &str) -> String {
    let mut open: Vec<Open> = Vec::new();
    // `is_value` is false for a name in an object, which is of no use without its value.
    let (mut is_text, mut is_escaped, mut is_value, mut escape_start) = (false, false, true, 0);
    for (at, character) in text.char_indices() {
        if is_text {
            match character {
                _ if is_escaped => is_escaped = false,
                '\\' => (is_escaped, escape_start) = (true, at),
                '"' => {
                    is_text = false;
                    if let (true, Some(inner)) = (is_value, open.last_mut()) {
                        inner.end = at + 1;
                    }
                }
                _ => {}
            }
            continue;
        }
        match character {
            '"' => is_text = true,
            '{' | '[' => {
                is_value = character == '[';
                open.push(Open { close: if character == '{' { '}' } else { ']' }, end: at + 1 });
            }
            '}' | ']' => {
                open.pop();
                if let Some(outer) = open.last_mut() {
                    outer.end = at + 1;
                }
            }
            ':' => is_value = true,
            ',' => {
                if let Some(inner) = open.last_mut() {
                    inner.end = at;
                    is_value = inner.close == ']';
                }
            }
            _ => {}
        }
    }
    let mut completed = match (is_text, open.last()) {
        // Within a text that is a value: the part of it that has arrived is kept, without half an escape.
        (true, _) if is_value => {
            let is_half = is_escaped || text.get(escape_start..).is_some_and(is_half_escape);
            let end = if is_half { escape_start } else { text.len() };
            format!("{}\"", text.get(..end).unwrap_or_default())
        }
        (_, Some(inner)) => text.get(..inner.end).unwrap_or_default().to_owned(),
        (_, None) => text.to_owned(),
    };
    completed.extend(open.iter().rev().map(|inner| inner.close));
    completed
}

/// Returns true for the beginning of `\u1234`, or of two of them that are one character.
fn is_half_escape(text: &str) -> bool {
    let is_hexadecimal = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    match text.strip_prefix("\\u") {
        Some(digits) if digits.len() < 4 => is_hexadecimal(digits),
        // The first half of a pair of surrogates.
        Some(digits) => digits.len() == 4 && digits.to_ascii_lowercase().starts_with(['d']),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everything_before_the_cut_is_kept() {
        let table = [
            (r#"{"a":1,"b":[{"c":"long te"#, json!({"a": 1, "b": [{"c": "long te"}]})),
            (r#"{"a":1,"b"#, json!({"a": 1})),
            (r#"{"a":1,"b":"#, json!({"a": 1})),
            (r#"{"a":1,"#, json!({"a": 1})),
            (r#"{"a":{"#, json!({"a": {}})),
            (r#"{"a":[1,2"#, json!({"a": [1]})),
            (r#"{"a":[[1],{"b":true}"#, json!({"a": [[1], {"b": true}]})),
            (r#"{"a":["x","y\"#, json!({"a": ["x", "y"]})),
            (r#"{"a":"y\u00"#, json!({"a": "y"})),
            (r#"{"a":"y\ud83d"#, json!({"a": "y"})),
            (r#"{"a":"y\u00e9z"#, json!({"a": "yéz"})),
            (r#"{"a":1,"b":NaN,"c":2}"#, json!({"a": 1})),
            ("{\n \"a\": 1,\n \"b\": oops }", json!({"a": 1})),
            (r#""tex"#, json!("tex")),
        ];
        for (cut, expected) in table {
            assert_eq!(parse_prefix(cut.as_bytes()), Some(expected), "{cut}");
        }
    }

    #[test]
    fn every_prefix_of_an_object_is_an_object() {
        let whole = r#"{"detail":[{"loc":["body","image_urls",0],"msg":"\"no\" \u00e9 ž","type":"t","input":{"a":[1.5e3,null]}}],"request_id":"r"}"#;
        let whole_value: Value = serde_json::from_str(whole).unwrap();
        for end in 1..=whole.len() {
            let parsed =
                parse_prefix(&whole.as_bytes()[..end]).unwrap_or_else(|| panic!("{}", &whole[..end]));
            assert!(parsed.is_object(), "{parsed}");
        }
        assert_eq!(parse_prefix(whole.as_bytes()), Some(whole_value));
    }

    #[test]
    fn text_that_is_no_json_has_no_value() {
        for text in ["", "oops", "<html>", "}", "{oops"] {
            let value = parse_prefix(text.as_bytes());
            assert!(
                value.is_none_or(|value| value.as_object().is_none_or(serde_json::Map::is_empty)),
                "{text}"
            );
        }
    }
}
