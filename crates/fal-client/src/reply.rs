//! The output of a call, with the response it came in.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::OnceLock,
};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;

use crate::{
    Result,
    headers::without_secrets,
    media_output,
    queue::RequestHandle,
    redact::{Secrets, fmt_struct},
    transport::Response,
};

/// An output of type `T`, with the response it came in.
///
/// Dereferences to the output.
#[derive(Clone)]
pub struct Reply<T> {
    output: T,
    meta: ResponseMeta,
}

/// The parts of a response that do not depend on the type of its output.
#[derive(Clone)]
struct ResponseMeta {
    request_id: String,
    raw: Bytes,
    headers: HeaderMap,
    /// The headers, marked so that they print no secret. Made when they are asked for, because it searches every one.
    marked_headers: OnceLock<HeaderMap>,
    secrets: Secrets,
}

/// The response to a call, and its request in the queue.
pub(crate) struct CallResponse {
    pub(crate) response: Response,
    /// `None` if the call did not go through the queue. The id is then a header of the response.
    pub(crate) request: Option<RequestHandle>,
}

/// Returns the units that fal charges, if the headers say so.
pub(crate) fn billable_units(headers: &HeaderMap) -> Option<f64> {
    let units = headers.get("x-fal-billable-units")?.to_str().ok()?.trim().parse().ok();
    units.filter(|units: &f64| units.is_finite())
}

impl<T> Reply<T> {
    /// Returns the id of the request, to look up in fal's dashboard.
    ///
    /// It is the queue's, or else the `x-fal-request-id` header. Empty if the service gave none.
    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.meta.request_id
    }

    /// Returns the body of the response, with the fields that `T` does not have.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.meta.raw
    }

    /// Returns the cost of the call, in the units in which the endpoint is priced (`X-Fal-Billable-Units`).
    #[doc(alias("X-Fal-Billable-Units", "cost"))]
    #[must_use]
    pub fn billable_units(&self) -> Option<f64> {
        billable_units(&self.meta.headers)
    }

    /// Returns the runner that served the call (`X-Fal-Served-From`).
    #[must_use]
    pub fn served_from(&self) -> Option<&str> {
        self.meta.header("x-fal-served-from")
    }

    /// Returns the headers of the response, without those that are secrets.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.meta.marked_headers.get_or_init(|| {
            let mut headers = self.meta.headers.clone();
            self.meta.secrets.mark_in(&mut headers);
            headers
        })
    }

    /// Returns the output alone.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.output
    }
}

impl<T: DeserializeOwned> Reply<T> {
    /// Returns the reply whose JSON body was stored, as [`raw`](Self::raw) has returned it. It has no headers.
    ///
    /// ```
    /// # #[derive(serde::Deserialize)]
    /// # struct Output { seed: u64 }
    /// let reply = fal_client::Reply::<Output>::from_raw("764cabcf", r#"{"seed": 7}"#)?;
    /// assert_eq!((reply.request_id(), reply.seed), ("764cabcf", 7));
    /// # Ok::<(), fal_client::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Decode` if the body is not the JSON of a `T`.
    pub fn from_raw(request_id: impl Into<String>, raw: impl Into<Bytes>) -> Result<Self> {
        let (status, headers, secrets) = (StatusCode::OK, HeaderMap::new(), Secrets::default());
        let response = Response { status, headers, body: raw.into(), secrets };
        let request_id = request_id.into();
        let mut reply =
            Self::decode(response.into()).map_err(|error| error.with_request_id(Some(&request_id)))?;
        reply.meta.request_id = request_id;
        Ok(reply)
    }

    pub(crate) fn decode(response: CallResponse) -> Result<Self> {
        // Converted to JSON text, not to a value: decoding `T` from values would compile its code a second time.
        let converted = media_output::to_json(&response.response.headers, &response.response.body);
        let converted = converted.and_then(|json| serde_json::from_slice(&json).ok());
        match converted.map_or_else(|| response.response.json(), Ok) {
            Ok(output) => Ok(Self { output, meta: response.into() }),
            Err(error) => Err(match &response.request {
                Some(request) => request.with_ticket(error),
                None => error,
            }),
        }
    }
}

impl From<CallResponse> for ResponseMeta {
    fn from(CallResponse { response, request }: CallResponse) -> Self {
        let request_id = request.as_ref().map(RequestHandle::request_id).or_else(|| response.request_id());
        let request_id = request_id.unwrap_or_default().to_owned();
        let headers = without_secrets(response.headers);
        let marked_headers = OnceLock::new();
        Self { request_id, raw: response.body, headers, marked_headers, secrets: response.secrets }
    }
}

impl From<Response> for CallResponse {
    fn from(response: Response) -> Self {
        Self { response, request: None }
    }
}

impl ResponseMeta {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// Prints at most 2,000 bytes, with encoded files counted and secrets hidden. Leaves out the body, which repeats the
/// output.
impl<T: fmt::Debug> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields: [(_, &dyn fmt::Debug); 2] =
            [("request_id", &self.meta.request_id), ("output", &self.output)];
        fmt_struct(f, &self.meta.secrets, "Reply", &fields)
    }
}

impl<T> Deref for Reply<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.output
    }
}

impl<T> DerefMut for Reply<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.output
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use serde::Deserialize;

    use super::*;
    use crate::{Client, ErrorKind, queue::Ticket, untyped::Any};

    #[derive(Debug, Deserialize)]
    struct Output {
        images: Vec<Image>,
    }

    #[derive(Debug, Deserialize)]
    struct Image {
        url: String,
    }

    fn response(body: &'static str, headers: &[(&'static str, &'static str)]) -> Response {
        Response {
            status: StatusCode::OK,
            headers: headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect(),
            body: Bytes::from_static(body.as_bytes()),
            secrets: Secrets::default(),
        }
    }

    fn from_queue(response: Response) -> CallResponse {
        let client = Client::builder().emulator("http://127.0.0.1:9").build().unwrap();
        let ticket = Ticket::<Any>::with_endpoint("acme/app", "from-queue");
        CallResponse { response, request: Some(ticket.into_handle(client)) }
    }

    #[test]
    fn body_and_headers_are_kept() {
        let headers = [
            ("x-fal-request-id", "r1"),
            ("x-fal-billable-units", "1.50000000"),
            ("x-fal-served-from", "runner"),
        ];
        let body = r#"{"images":[{"url":"u"}],"new":1}"#;
        let reply: Reply<Output> = Reply::decode(response(body, &headers).into()).unwrap();
        assert_eq!(reply.images[0].url, "u");
        assert_eq!((reply.request_id(), reply.billable_units()), ("r1", Some(1.5)));
        assert_eq!((reply.served_from(), reply.raw().as_ref()), (Some("runner"), body.as_bytes()));
        let reply: Reply<Output> = Reply::decode(from_queue(response(body, &headers))).unwrap();
        assert_eq!(reply.request_id(), "from-queue");
    }

    #[test]
    fn secret_headers_are_removed() {
        let headers = [
            ("x-fal-cdn-token", "secret-1"),
            ("set-cookie", "session=secret-2"),
            ("Set-Cookie", "other=secret-3"),
            ("x-fal-served-from", "runner"),
        ];
        let reply: Reply<Output> = Reply::decode(response(r#"{"images":[]}"#, &headers).into()).unwrap();
        let names: Vec<_> = reply.headers().keys().map(|name| name.as_str()).collect();
        assert_eq!(names, ["x-fal-served-from"]);
        assert!(!format!("{reply:?} {:?}", reply.headers()).contains("secret"));
    }

    #[test]
    fn wrong_output_is_a_decode_error_with_path_and_body() {
        let table = [(r#"{"images":[{"url":7}]}"#, "images[0].url"), ("", ".")];
        for (body, expected) in table {
            let error = Reply::<Output>::decode(from_queue(response(body, &[]))).unwrap_err();
            let ErrorKind::Decode { path, .. } = error.kind() else { panic!("{error:?}") };
            assert_eq!(path, expected, "{body}");
            assert_eq!(error.body().unwrap().as_ref(), body.as_bytes());
            assert_eq!(error.request_id(), Some("from-queue"));
            assert!(error.was_accepted());
        }
    }

    #[test]
    fn stored_body_that_does_not_decode_is_not_taken_for_one_of_the_queue() {
        let error = Reply::<Output>::from_raw("from-run", "{}").unwrap_err();
        assert!(error.is_decode() && error.request_id() == Some("from-run"), "{error:?}");
        assert!(!error.was_accepted() && error.server_urls().is_none());
    }
}
