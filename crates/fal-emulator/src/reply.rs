//! Replies in the shapes fal gives them.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-fal-request-id");
pub(crate) const BILLABLE_UNITS: HeaderName = HeaderName::from_static("x-fal-billable-units");
pub(crate) const ERROR_TYPE: HeaderName = HeaderName::from_static("x-fal-error-type");
pub(crate) const SERVED_FROM: HeaderName = HeaderName::from_static("x-fal-served-from");
pub(crate) const NEEDS_RETRY: HeaderName = HeaderName::from_static("x-fal-needs-retry");
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

    /// Repeats an `error_type` of the body as the header that goes with it.
    pub(crate) fn named_error(self) -> Self {
        match self.error_type().map(HeaderValue::from_str) {
            Some(Ok(kind)) => self.header(ERROR_TYPE, kind),
            _ => self,
        }
    }

    /// The category of error that the body names.
    pub(crate) fn error_type(&self) -> Option<&str> {
        self.body.get("error_type")?.as_str()
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

    /// Names the runner: the same one for calls of an endpoint with the same hint.
    pub(crate) fn served(self, endpoint: &str, hint: Option<&HeaderValue>) -> Self {
        let mut hasher = DefaultHasher::new();
        (endpoint, hint).hash(&mut hasher);
        match HeaderValue::from_str(&format!("runner-{:016x}", hasher.finish())) {
            Ok(runner) => self.header(SERVED_FROM, runner),
            Err(_) => self,
        }
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
