//! Reading answers, and saying where one is not what was promised.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::{Error, ErrorKind, Result, transport::Response};

impl Response {
    /// Reads the body as `T`. The error says where it is not one, and keeps the body.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|cause| self.unreadable(cause))
    }

    pub(crate) fn unreadable(&self, cause: serde_json::Error) -> Error {
        let path = place(&self.body, &cause);
        let message = if self.body.is_empty() {
            "the answer is empty".to_owned()
        } else if path == "." {
            format!("the answer is not what the endpoint promises: {cause}")
        } else {
            format!("the answer is not what the endpoint promises: {path}: {cause}")
        };
        let error = Error::new(ErrorKind::Decode { path }, message).with_source(cause);
        error.with_response(self.status, self.body.clone()).with_request_id(self.request_id())
    }
}

/// Where in `json` it was refused, such as `images[0].url`; `.` for the whole.
///
/// What comes before that place is read once more, as any JSON. A reader of the type itself that keeps track of where
/// it is would be a second one to compile for each type that an app reads.
pub(crate) fn place(json: &[u8], cause: &serde_json::Error) -> String {
    let json = if cause.is_eof() { Cow::Borrowed(json) } else { unfinished(json, cause) };
    let mut reader = serde_json::Deserializer::from_slice(&json);
    let Err(error) = serde_path_to_error::deserialize::<_, Value>(&mut reader) else { return ".".to_owned() };
    let path = error.path();
    let text = path.to_string();
    match path.iter().next_back() {
        // The name of a field that was not read to its end: the place is what has the field.
        Some(Segment::Unknown) => match text.strip_suffix('?').unwrap_or(&text) {
            "" => ".".to_owned(),
            has_field => has_field.trim_end_matches('.').to_owned(),
        },
        _ => text,
    }
}

/// What had been read when a value was refused, changed so that reading it fails within that value.
fn unfinished<'a>(json: &'a [u8], cause: &serde_json::Error) -> Cow<'a, [u8]> {
    // Nothing says where.
    let Some(lines) = cause.line().checked_sub(1) else { return Cow::Borrowed(b"null") };
    let lines = json.split_inclusive(|byte| *byte == b'\n').take(lines);
    let read = lines.map(<[u8]>::len).sum::<usize>() + cause.column();
    let read = json.get(..read).unwrap_or(json);
    match read {
        [unfinished @ .., b'"' | b'}' | b']'] => Cow::Borrowed(unfinished),
        // A number, `true`, `false`, `null`, or nothing of the value yet: a text that does not end takes its place.
        _ => {
            let is_of_value = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
            let end = read.iter().rposition(|byte| !is_of_value(byte)).map_or(0, |before| before + 1);
            Cow::Owned([read.get(..end).unwrap_or_default(), b"\""].concat())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Output {
        images: Vec<Image>,
        seed: Option<u32>,
        safe: Option<bool>,
        sizes: Option<BTreeMap<String, (u32, u32)>>,
        mode: Option<Mode>,
    }

    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    struct Image {
        url: String,
        width: Option<f64>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "lowercase")]
    #[expect(dead_code, reason = "only whether it can be read matters")]
    enum Mode {
        Fast,
        Slow { steps: u8 },
    }

    /// The same place that a reader finds which keeps track of it.
    #[test]
    fn the_place_is_where_it_was_refused() {
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
            assert_eq!(place(json.as_bytes(), &cause), expected, "{json}: {cause}");
            let mut tracked = serde_json::Deserializer::from_str(json);
            let error = serde_path_to_error::deserialize::<_, Output>(&mut tracked).unwrap_err();
            let tracked = error.path().to_string();
            assert_eq!(tracked.trim_end_matches(".?").replace('?', "."), expected, "{json}: {cause}");
        }
    }

    /// What a reader that keeps track of it finds otherwise: the list, or no more than the enum.
    #[test]
    fn the_place_may_be_nearer() {
        for (json, expected) in [
            (r#"{"images":[],"sizes":{"a":[1,2,3]}}"#, "sizes.a[2]"),
            (r#"{"images":[],"mode":"quick"}"#, "mode"),
            (r#"{"images":[],"mode":{"slow":{"steps":256}}}"#, "mode.slow.steps"),
            (r#"{"images":[],"mode":7}"#, "mode"),
        ] {
            let cause = serde_json::from_str::<Output>(json).unwrap_err();
            assert_eq!(place(json.as_bytes(), &cause), expected, "{json}: {cause}");
        }
    }

    #[test]
    fn what_follows_an_answer_has_no_place() {
        let json = br#"{"images":[]} trailing"#;
        let cause = serde_json::from_slice::<Output>(json).unwrap_err();
        assert_eq!(place(json, &cause), ".");
    }
}
