//! Decoding responses, with the path of a value that does not fit its type.

use std::borrow::Cow;

use http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::{Error, ErrorKind, Result, json_text::without_mark, transport::Response};

impl Response {
    /// Decodes the body as `T`. The response `204 No Content` is null.
    ///
    /// # Errors
    ///
    /// `Decode` with the path of the first value that does not fit, and the body.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T> {
        let is_null = self.status == StatusCode::NO_CONTENT && self.body.is_empty();
        let body: &[u8] = if is_null { b"null" } else { without_mark(&self.body) };
        serde_json::from_slice(body).map_err(|cause| self.decode_error(cause))
    }

    pub(crate) fn decode_error(&self, cause: serde_json::Error) -> Error {
        let path = error_path(&self.body, &cause);
        let failure = Error::parse_success(&self.body);
        let (words, error_type) = failure.unwrap_or_default();
        let message = if let Some(words) = words {
            format!("the answer is a success, but says: {words}")
        } else if self.body.is_empty() {
            "the answer is empty".to_owned()
        } else if path == "." {
            format!("the answer is not what the endpoint promises: {cause}")
        } else {
            format!("the answer is not what the endpoint promises: {path}: {cause}")
        };
        let error = Error::new(ErrorKind::Decode { path }, message).with_source(cause);
        let error = error.with_error_type(error_type).with_response(self.status, self.body.clone());
        error.with_headers(&self.headers).with_request_id(self.request_id()).hide(&self.secrets)
    }
}

/// Returns the path of the value at which decoding `json` failed with `cause`, such as `images[0].url`, or `.` for the
/// whole.
///
/// Parses the text before the error once more, as any JSON. Decoding `T` itself with `serde_path_to_error` would be
/// simpler, but it compiles the decoding code of every output a second time: 120 kB for each model in a debug build.
pub(crate) fn error_path(json: &[u8], cause: &serde_json::Error) -> String {
    let json = if cause.is_eof() { Cow::Borrowed(json) } else { cut_within_value(json, cause) };
    let mut deserializer = serde_json::Deserializer::from_slice(&json);
    let Err(error) = serde_path_to_error::deserialize::<_, Value>(&mut deserializer) else {
        return ".".to_owned();
    };
    let path = error.path();
    let text = path.to_string();
    match path.iter().next_back() {
        // The name of a field broke off, so the error is in the object that has the field.
        Some(Segment::Unknown) => match text.strip_suffix('?').unwrap_or(&text) {
            "" => ".".to_owned(),
            object => object.trim_end_matches('.').to_owned(),
        },
        _ => text,
    }
}

/// Returns `json` up to the position of `cause`, cut so that parsing it ends within the value that did not fit.
fn cut_within_value<'a>(json: &'a [u8], cause: &serde_json::Error) -> Cow<'a, [u8]> {
    // Line 0 is no position.
    let Some(lines) = cause.line().checked_sub(1) else { return Cow::Borrowed(b"null") };
    let lines = json.split_inclusive(|byte| *byte == b'\n').take(lines);
    let position = lines.map(<[u8]>::len).sum::<usize>() + cause.column();
    let parsed = json.get(..position).unwrap_or(json);
    match parsed {
        [open @ .., b'"' | b'}' | b']'] => Cow::Borrowed(open),
        // A number, `true`, `false`, `null`, or nothing of the value yet: replaced by a string without an end.
        _ => {
            let is_of_value = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
            let end = parsed.iter().rposition(|byte| !is_of_value(byte)).map_or(0, |before| before + 1);
            Cow::Owned([parsed.get(..end).unwrap_or_default(), b"\""].concat())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only decoding matters")]
    struct Output {
        images: Vec<Image>,
        seed: Option<u32>,
        safe: Option<bool>,
        sizes: Option<BTreeMap<String, (u32, u32)>>,
        mode: Option<Mode>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only decoding matters")]
    struct Image {
        url: String,
        width: Option<f64>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    #[expect(dead_code, reason = "only decoding matters")]
    enum Mode {
        Fast,
        Slow { steps: u8 },
    }

    fn response(status: StatusCode) -> Response {
        let (headers, body, secrets) = Default::default();
        Response { status, headers, body, secrets }
    }

    #[test]
    fn a_response_without_content_is_null() {
        let mut response = response(StatusCode::NO_CONTENT);
        assert_eq!(response.json::<()>().ok(), Some(()));
        assert!(response.json::<Output>().is_err());
        response.body = "\u{feff}{\"images\":[]}".into();
        assert!(response.json::<Output>().unwrap().images.is_empty());
    }

    #[test]
    fn an_empty_response_of_another_status_is_an_error() {
        let error = response(StatusCode::OK).json::<()>().unwrap_err();
        assert!(error.to_string().contains("the answer is empty"), "{error}");
    }

    /// Compares with the path that `serde_path_to_error` finds when it decodes the type itself.
    #[test]
    fn path_is_that_of_the_value_that_does_not_fit() {
        let table = [
            (r#"{"images":[{"url":7}]}"#, "images[0].url"),
            (r#"{"images":[{}]}"#, "images[0]"),
            (r#"{"images":[{"url":"u"},{"url":"v","width":15}, {"width": 15}]}"#, "images[2]"),
            (r#"{"images":[{"url":"u","width":"wide"}]}"#, "images[0].width"),
            ("{\n \"images\" : [\n {\"url\": null }\n]}", "images[0].url"),
            ("{\n \"images\" : [\n {\"url\": [1] }\n]}", "images[0].url"),
            ("{\n \"images\" : [\n {\"url\": {\"a\":1} }\n]}", "images[0].url"),
            (r#"{"images":["u"]}"#, "images[0]"),
            (r#"{"images":[1,2]}"#, "images[0]"),
            (r#"{"images":[true]}"#, "images[0]"),
            (r#"{"images":{"url":"u"}}"#, "images"),
            (r#"{"images":[],"seed":-1}"#, "seed"),
            (r#"{"images":[],"seed":1.5e3,"safe":true}"#, "seed"),
            (r#"{"images":[],"seed":99999999999,"safe":true}"#, "seed"),
            (r#"{"images":[],"seed": "7"}"#, "seed"),
            (r#"{"images":[],"safe": 1}"#, "safe"),
            (r#"{"images":[],"sizes":{"a":[1,2],"b\"c":[1,true]}}"#, "sizes.b\"c[1]"),
            (r#"{"images":[],"sizes":{"a":[1]}}"#, "sizes.a"),
            (r#"{"images":[],"sizes":{"a":[]}}"#, "sizes.a"),
            (r#"{"images":[],"sizes":[]}"#, "sizes"),
            (r#"{"seed":1}"#, "."),
            (r#"{"images":[],"seed":1,"seed":2}"#, "."),
            ("[]", "."),
            ("7", "."),
            ("null", "."),
            ("\"images\"", "."),
            ("{}", "."),
            ("", "."),
            (r#"{"images":[{"url":"u"#, "images[0].url"),
            (r#"{"images":[{"url":"u\q"}]}"#, "images[0].url"),
            (r#"{"images":[{"url":nope}]}"#, "images[0].url"),
            (r#"{"images":[{"url" "u"}]}"#, "images[0]"),
            (r#"{"images":[{"#, "images[0]"),
            (r#"{"images":[],}"#, "."),
        ];
        for (json, expected) in table {
            let cause = serde_json::from_str::<Output>(json).unwrap_err();
            assert_eq!(error_path(json.as_bytes(), &cause), expected, "{json}: {cause}");
            let mut tracked = serde_json::Deserializer::from_str(json);
            let error = serde_path_to_error::deserialize::<_, Output>(&mut tracked).unwrap_err();
            let tracked = error.path().to_string();
            assert_eq!(tracked.trim_end_matches(".?").replace('?', "."), expected, "{json}: {cause}");
        }
    }

    /// `serde_path_to_error` stops at the list here, or at the enum.
    #[test]
    fn path_may_be_more_precise_than_that_of_the_type() {
        for (json, expected) in [
            (r#"{"images":[],"sizes":{"a":[1,2,3]}}"#, "sizes.a[2]"),
            (r#"{"images":[],"mode":"quick"}"#, "mode"),
            (r#"{"images":[],"mode":{"slow":{"steps":256}}}"#, "mode.slow.steps"),
            (r#"{"images":[],"mode":7}"#, "mode"),
        ] {
            let cause = serde_json::from_str::<Output>(json).unwrap_err();
            assert_eq!(error_path(json.as_bytes(), &cause), expected, "{json}: {cause}");
        }
    }

    #[test]
    fn trailing_text_has_no_path() {
        let json = br#"{"images":[]} trailing"#;
        let cause = serde_json::from_slice::<Output>(json).unwrap_err();
        assert_eq!(error_path(json, &cause), ".");
    }
}
