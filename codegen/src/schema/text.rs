//! Parses the text of a document or an overlay, which is JSON or YAML.

use serde_json::Value;
use serde_saphyr::{budget, options};

use crate::error::Error;

/// The maximum depth of a document in YAML. A stack of 2 MB holds twice as much in a debug build.
const MAX_DEPTH: usize = 64;

/// Parses JSON or YAML. Text that begins as JSON does is JSON.
///
/// # Errors
///
/// Fails if the text is neither, or if a document in YAML is too large once its aliases are replaced.
pub(crate) fn parse(file: &str, text: &str) -> Result<Value, Error> {
    // Some editors write a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.trim_start().chars().next() {
        Some('<') => Err(Error::new(file, "not JSON or YAML")
            .with_help("this is a page of HTML; download the document itself")),
        Some('{' | '[') | None => serde_json::from_str(text).map_err(|error| {
            Error::new(file, format!("not JSON: {error}"))
                .with_help("download the document again; it may be cut short")
        }),
        Some(_) => parse_yaml(file, text),
    }
}

fn parse_yaml(file: &str, text: &str) -> Result<Value, Error> {
    let options = options! {
        // A document has one meaning in YAML 1.2: `no` and `0755` are strings.
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        with_snippet: false,
        budget: budget! { max_depth: MAX_DEPTH, max_documents: 1 },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        Error::new(file, format!("not YAML: {}", error.to_string().replace('\n', " ")))
            .with_help("correct the document at this place, or give it as JSON")
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn message(text: &str) -> String {
        parse("x", text).unwrap_err().to_string()
    }

    #[test]
    fn yaml_is_read_as_the_json_that_it_stands_for() {
        let text = "# An app\n\
                    openapi: 3.1.0\n\
                    info: {title: 'x', version: \"1\"}\n\
                    responses:\n  200: &ok\n    description: >\n      two\n      lines\n  201: *ok\n\
                    values: [no, true, 0755, 1.5, 18446744073709551615, null, 2024-01-01, ~]\n";
        let ok = json!({ "description": "two lines\n" });
        assert_eq!(
            parse("x", text),
            Ok(json!({
                "openapi": "3.1.0",
                "info": { "title": "x", "version": "1" },
                "responses": { "200": ok, "201": ok },
                "values": ["no", true, "0755", 1.5, u64::MAX, null, "2024-01-01", null],
            }))
        );
        assert_eq!(parse("x", "---\n{\"a\": 1}\n"), Ok(json!({ "a": 1 })));
    }

    #[test]
    fn the_order_of_the_properties_is_kept() {
        let value = parse("x", "b: 1\na: 2\n").unwrap();
        assert_eq!(value.to_string(), r#"{"b":1,"a":2}"#);
    }

    #[test]
    fn the_place_of_an_error_is_named() {
        assert!(message("a: 1\nb: [1\n").contains("line 2"));
        assert!(message("a: 1\na: 2\n").contains("line 2"));
        assert!(message("{\"a\": ").starts_with("x: not JSON: EOF"));
        assert!(message("a: 1\n---\nb: 2\n").contains("not YAML"));
    }

    #[test]
    fn text_of_another_kind_is_refused_with_what_to_do_about_it() {
        assert!(message("<!doctype html>").contains("a page of HTML"));
        for cut in ["", "{", "[1,"] {
            assert!(message(cut).contains("download the document again"), "{cut}");
        }
    }

    #[test]
    fn aliases_that_multiply_are_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let inner = vec![format!("*a{}", level - 1); 10].join(", ");
            text += &format!("a{level}: &a{level} [{inner}]\n");
        }
        assert!(message(&text).contains("not YAML"));
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert!(message(&format!("a: {}", "[".repeat(100_000))).contains("not YAML"));
        let deep: String = (0..1000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        assert!(message(&deep).contains("not YAML"));
    }
}
