//! An answer and what came with it.

use std::{
    fmt,
    ops::{Deref, DerefMut},
};

use bytes::Bytes;
use http::HeaderMap;
use serde::de::DeserializeOwned;

use crate::{Result, transport::Response};

/// Let their bearer act for the caller: not to be passed around by accident.
const SECRETS: [&str; 2] = ["x-fal-cdn-token", "set-cookie"];

/// An answer of type `T`, and what came with it.
#[derive(Clone)]
pub struct Reply<T> {
    value: T,
    with: With,
}

/// What comes with every answer, whatever its type.
#[derive(Clone)]
struct With {
    request_id: String,
    raw: Bytes,
    headers: HeaderMap,
}

/// The answer to a call that may have an id from the queue.
pub(crate) struct CallResponse {
    pub(crate) answer: Response,
    /// Unless it is that of the answer.
    pub(crate) request_id: Option<String>,
}

impl<T> Reply<T> {
    /// The id of the request, to look up in fal's dashboard; the queue's, or the `x-fal-request-id`
    /// header. Empty when the service gave none.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.with.request_id
    }

    /// The answer as it came, with the fields that `T` does not know.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.with.raw
    }

    /// What the call costs, in the units in which the endpoint is priced (`X-Fal-Billable-Units`).
    #[must_use]
    pub fn billable_units(&self) -> Option<f64> {
        self.with.text("x-fal-billable-units")?.trim().parse().ok().filter(|units: &f64| units.is_finite())
    }

    /// The runner that answered (`X-Fal-Served-From`).
    #[must_use]
    pub fn served_from(&self) -> Option<&str> {
        self.with.text("x-fal-served-from")
    }

    /// The headers of the answer, but for those that are secrets.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.with.headers
    }

    /// The answer alone.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T: DeserializeOwned> Reply<T> {
    pub(crate) fn read(answered: CallResponse) -> Result<Self> {
        match answered.answer.json() {
            Ok(value) => Ok(Self { value, with: answered.into() }),
            Err(error) => Err(error.with_request_id(answered.request_id.as_deref())),
        }
    }
}

impl From<CallResponse> for With {
    fn from(CallResponse { answer, request_id }: CallResponse) -> Self {
        let request_id = request_id.or_else(|| answer.request_id().map(str::to_owned)).unwrap_or_default();
        Self { request_id, raw: answer.body, headers: kept(answer.headers) }
    }
}

impl From<Response> for CallResponse {
    fn from(answer: Response) -> Self {
        Self { answer, request_id: None }
    }
}

impl With {
    fn text(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
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
            .field("request_id", &self.with.request_id)
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

impl Response {
    pub(crate) fn request_id(&self) -> Option<&str> {
        self.headers.get("x-fal-request-id")?.to_str().ok()
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde::Deserialize;

    use super::*;
    use crate::ErrorKind;

    #[derive(Debug, Deserialize)]
    struct Output {
        images: Vec<Image>,
    }

    #[derive(Debug, Deserialize)]
    struct Image {
        url: String,
    }

    fn answer(body: &'static str, headers: &[(&'static str, &'static str)]) -> Response {
        Response {
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
        let reply: Reply<Output> = Reply::read(answer(body, &headers).into()).unwrap();
        assert_eq!(reply.images[0].url, "u");
        assert_eq!((reply.request_id(), reply.billable_units()), ("r1", Some(1.5)));
        assert!(!format!("{reply:?} {:?}", reply.headers()).contains("secret"));
        assert_eq!((reply.served_from(), reply.raw().as_ref()), (Some("runner"), body.as_bytes()));
        let answered =
            CallResponse { answer: answer(body, &headers), request_id: Some("queue's".to_owned()) };
        let reply: Reply<Output> = Reply::read(answered).unwrap();
        assert_eq!(reply.request_id(), "queue's");
    }

    #[test]
    fn a_wrong_answer_says_where_and_keeps_the_body() {
        let table = [(r#"{"images":[{"url":7}]}"#, "images[0].url"), ("", ".")];
        for (body, expected) in table {
            let answered = CallResponse { answer: answer(body, &[]), request_id: Some("r1".to_owned()) };
            let error = Reply::<Output>::read(answered).unwrap_err();
            let ErrorKind::Decode { path, .. } = error.kind() else { panic!("{error:?}") };
            assert_eq!(path, expected, "{body}");
            assert_eq!(error.body().unwrap().as_ref(), body.as_bytes());
            assert_eq!(error.request_id(), Some("r1"));
        }
    }
}
