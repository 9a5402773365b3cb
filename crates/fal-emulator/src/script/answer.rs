//! A reply that a test made up.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use bytes::Bytes;
use serde::Serialize;
use serde_json::json;

/// A reply to be sent as it is: a status, headers, and a body.
///
/// ```
/// # use fal_emulator::Answer;
/// # use serde_json::json;
/// let answer = Answer::json(418, json!({"detail": "no coffee"})).header("retry-after", "1");
/// ```
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Answer {
    /// A reply of any bytes, without a header of its own.
    #[must_use]
    pub fn bytes(status: u16, body: impl Into<Bytes>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    /// A JSON reply. A value that cannot be written as JSON becomes a reply that says so.
    #[must_use]
    pub fn json(status: u16, body: impl Serialize) -> Self {
        let (status, body) = match serde_json::to_vec(&body) {
            Ok(body) => (status, body),
            Err(error) => (500, problem(&format!("a scripted body is no JSON: {error}"))),
        };
        Self::bytes(status, body).header("content-type", "application/json")
    }

    /// The page of a proxy in front of fal: HTML that names nginx, and no request id. Clients
    /// take it that the request has not reached fal.
    #[must_use]
    pub fn ingress_error(status: u16) -> Self {
        let title = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
        let page = format!("<html><head><title>{title}</title></head><body>{title}<hr>nginx</body></html>");
        Self::bytes(status, page).header("content-type", "text/html")
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = Response::builder().status(self.status);
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response.body(Body::from(self.body)).unwrap_or_else(|error| {
            let body = problem(&format!("a scripted reply cannot be sent: {error}"));
            let mut response = Response::new(Body::from(body));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            response
        })
    }
}

fn problem(text: &str) -> Vec<u8> {
    json!({"detail": format!("fal-emulator: {text}")}).to_string().into_bytes()
}
