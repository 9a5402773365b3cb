//! A response that a test defines.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

/// A response that a [`Rule`](crate::Rule) sends in place of the emulator's own: a status, headers and a body.
///
/// ```
/// # use fal_emulator::ResponseTemplate;
/// # use serde_json::json;
/// let response = ResponseTemplate::json(429, json!({"detail": "slow down"})).header("retry-after", "1");
/// ```
#[derive(Clone, Debug)]
pub struct ResponseTemplate {
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl ResponseTemplate {
    /// Creates a response with any body and without headers.
    #[must_use]
    pub fn bytes(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// Creates a response with a JSON body and its `content-type`.
    ///
    /// A value that cannot be serialized becomes a 500 with the reason.
    #[must_use]
    pub fn json(status: u16, body: impl Serialize) -> Self {
        let (status, body) = match serde_json::to_vec(&body) {
            Ok(body) => (status, body),
            Err(error) => (500, detail(&format!("a scripted body cannot be written as JSON: {error}"))),
        };
        Self::bytes(status, body).header("content-type", "application/json")
    }

    /// Creates the error page of a proxy in front of fal: HTML that names nginx, without a request id.
    ///
    /// Clients conclude from it that the request has not reached fal.
    #[must_use]
    pub fn ingress_error(status: u16) -> Self {
        let title = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        let page = format!("<html><head><title>{title}</title></head><body>{title}<hr>nginx</body></html>");
        Self::bytes(status, page).header("content-type", "text/html")
    }

    /// Adds a header.
    ///
    /// If HTTP cannot carry the name or the value, a 500 with the reason is sent in place of the response.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        // An interim status is no answer, and the server could not send it.
        let status = if (100..200).contains(&self.status) { 1000 } else { self.status };
        let mut response = Response::builder().status(status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.body(Body::from(self.body)).unwrap_or_else(|error| {
            let body = detail(&format!("a scripted response cannot be sent: {error}"));
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
    }
}

fn detail(text: &str) -> Vec<u8> {
    json!({"detail": format!("fal-emulator: {text}")}).to_string().into_bytes()
}
