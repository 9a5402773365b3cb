//! An answer and what came with it.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

use bytes::Bytes;
use http::HeaderMap;
use serde::de::DeserializeOwned;

use crate::{Error, ErrorKind, Result, transport::Answer};

/// Let their bearer act for the caller: not to be passed around by accident.
const SECRETS: [&str; 2] = ["x-fal-cdn-token", "set-cookie"];

/// An answer of type `T`, and what came with it.
#[derive(Clone)]
pub struct Reply<T> {
    value: T,
    request_id: String,
    raw: Bytes,
    headers: HeaderMap,
}

impl<T> Reply<T> {
    /// The id of the request, to look up in fal's dashboard; the queue's, or the `x-fal-request-id`
    /// header. Empty when the service gave none.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// The answer as it came, with the fields that `T` does not know.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// What the call costs, in the units in which the endpoint is priced (`X-Fal-Billable-Units`).
    #[must_use]
    pub fn billable_units(&self) -> Option<f64> {
        self.text("x-fal-billable-units")?.trim().parse().ok().filter(|units: &f64| units.is_finite())
    }

    /// The runner that answered (`X-Fal-Served-From`).
    #[must_use]
    pub fn served_from(&self) -> Option<&str> {
        self.text("x-fal-served-from")
    }

    /// The headers of the answer, but for those that are secrets.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The answer alone.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl<T: DeserializeOwned> Reply<T> {
    pub(crate) fn read(answer: Answer, request_id: Option<&str>) -> Result<Self> {
        let request_id = match request_id {
            Some(request_id) => request_id.to_owned(),
            None => answer.request_id().unwrap_or_default().to_owned(),
        };
        let value = answer.json().map_err(|error| {
            error.request(Some(request_id.as_str()).filter(|request_id| !request_id.is_empty()))
        })?;
        Ok(Self { value, request_id, raw: answer.body, headers: kept(answer.headers) })
    }
}

/// The headers that are surfaced.
pub(crate) fn kept(mut headers: HeaderMap) -> HeaderMap {
    for name in SECRETS {
        headers.remove(name);
    }
    headers
}

/// Without the bytes, which say the same again.
impl<T: fmt::Debug> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply")
            .field("value", &self.value)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

impl<T> Deref for Reply<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Reply<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl Answer {
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.headers.get("x-fal-request-id")?.to_str().ok()
    }

    /// Reads the body as `T`. The error says where it is not one, and keeps the body.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T> {
        // Keeping track of the path costs time that only a failure is worth.
        if let Ok(value) = serde_json::from_slice(&self.body) {
            return Ok(value);
        }
        let mut json = serde_json::Deserializer::from_slice(&self.body);
        let read = serde_path_to_error::deserialize(&mut json);
        let (path, cause) = match read.map(|value| (value, json.end())) {
            Ok((value, Ok(()))) => return Ok(value),
            Ok((_, Err(cause))) => (".".to_owned(), cause),
            Err(error) => (error.path().to_string(), error.into_inner()),
        };
        let message = if self.body.is_empty() {
            "the answer is empty".to_owned()
        } else if path == "." {
            format!("the answer is not what the endpoint promises: {cause}")
        } else {
            format!("the answer is not what the endpoint promises: {path}: {cause}")
        };
        let error = Error::new(ErrorKind::Decode { path }, message).caused_by(cause);
        Err(error.body_of(self.status, self.body.clone()).request(self.request_id()))
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    struct Output {
        images: Vec<Image>,
    }

    #[derive(Debug, Deserialize)]
    struct Image {
        url: String,
    }

    fn answer(body: &'static str, headers: &[(&'static str, &'static str)]) -> Answer {
        Answer {
            status: StatusCode::OK,
            headers: headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect(),
            body: Bytes::from_static(body.as_bytes()),
        }
    }

    #[test]
    fn what_came_with_the_answer_is_kept() {
        let headers = [
            ("x-fal-request-id", "r1"),
            ("x-fal-billable-units", "1.50000000"),
            ("x-fal-served-from", "runner"),
        ];
        let body = r#"{"images":[{"url":"u"}],"new":1}"#;
        let reply: Reply<Output> = Reply::read(answer(body, &headers), None).unwrap();
        assert_eq!(reply.images[0].url, "u");
        assert_eq!((reply.request_id(), reply.billable_units()), ("r1", Some(1.5)));
        assert!(!format!("{reply:?} {:?}", reply.headers()).contains("secret"));
        assert_eq!((reply.served_from(), reply.raw().as_ref()), (Some("runner"), body.as_bytes()));
        let reply: Reply<Output> = Reply::read(answer(body, &headers), Some("queue's")).unwrap();
        assert_eq!(reply.request_id(), "queue's");
    }

    #[test]
    fn a_wrong_answer_says_where_and_keeps_the_body() {
        let table = [
            (r#"{"images":[{"url":7}]}"#, "images[0].url"),
            (r#"{"images":[{}]}"#, "images[0]"),
            ("[]", "."),
            ("", "."),
            (r#"{"images":[]} trailing"#, "."),
        ];
        for (body, expected) in table {
            let error = Reply::<Output>::read(answer(body, &[]), Some("r1")).unwrap_err();
            let ErrorKind::Decode { path, .. } = error.kind() else { panic!("{error:?}") };
            assert_eq!(path, expected, "{body}");
            assert_eq!(error.body().unwrap().as_ref(), body.as_bytes());
            assert_eq!(error.request_id(), Some("r1"));
        }
    }
}
