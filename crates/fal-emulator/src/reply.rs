//! Replies in the shapes fal gives them.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-fal-request-id");
pub(crate) const BILLABLE_UNITS: HeaderName = HeaderName::from_static("x-fal-billable-units");
pub(crate) const ERROR_TYPE: HeaderName = HeaderName::from_static("x-fal-error-type");
pub(crate) const TIMEOUT_TYPE: HeaderName = HeaderName::from_static("x-fal-request-timeout-type");

/// A JSON reply that can be kept and sent again.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn new(status: StatusCode, body: Value) -> Self {
        Self { status, headers: Vec::new(), body }
    }

    pub(crate) fn ok(body: Value) -> Self {
        Self::new(StatusCode::OK, body)
    }

    /// `{"detail": "…"}`, as apps and the gateway say it.
    pub(crate) fn detail(status: StatusCode, text: impl Into<String>) -> Self {
        Self::new(status, json!({"detail": text.into()}))
    }

    /// `{"detail": "…", "error_type": "…"}`, as the platform says it about a request.
    pub(crate) fn failure(status: StatusCode, kind: &'static str, text: impl Into<String>) -> Self {
        Self::new(status, json!({"detail": text.into(), "error_type": kind}))
            .header(ERROR_TYPE, HeaderValue::from_static(kind))
    }

    /// 422 with the list of what is wrong; such calls are not charged.
    pub(crate) fn invalid(problems: Vec<Value>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, json!({"detail": problems})).units(0)
    }

    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn units(self, units: u32) -> Self {
        self.header(BILLABLE_UNITS, HeaderValue::from(units))
    }

    /// Names the request; ids that cannot be sent in a header are left out.
    pub(crate) fn request(self, id: &str) -> Self {
        match HeaderValue::from_str(id) {
            Ok(id) => self.header(REQUEST_ID, id),
            Err(_) => self,
        }
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/json");
        let body = self.body.to_string();
        let mut response = (self.status, [(header::CONTENT_TYPE, json)], body).into_response();
        response.headers_mut().extend(self.headers);
        response
    }
}
