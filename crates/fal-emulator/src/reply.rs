//! Replies in the shapes that fal gives them.

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

/// A JSON reply that can be stored and sent more than once.
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

    /// Creates an error `{"detail": "…"}`, the shape of apps and of the gateway.
    pub(crate) fn detail(status: StatusCode, text: impl Into<String>) -> Self {
        Self::new(status, json!({"detail": text.into()}))
    }

    /// Creates an error `{"detail": "…", "error_type": "…"}`, the shape of the platform for failed requests.
    pub(crate) fn failure(status: StatusCode, kind: &'static str, text: impl Into<String>) -> Self {
        Self::new(status, json!({"detail": text.into(), "error_type": kind}))
            .with_header(ERROR_TYPE, HeaderValue::from_static(kind))
    }

    /// Creates a 422 with the list of what is wrong. Such calls are not charged.
    pub(crate) fn invalid(problems: Vec<Value>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, json!({"detail": problems})).with_billable_units(0)
    }

    /// Copies the `error_type` of the body, if it has one, to the header of the same meaning.
    pub(crate) fn with_error_type_header(self) -> Self {
        match self.error_type().map(HeaderValue::from_str) {
            Some(Ok(kind)) => self.with_header(ERROR_TYPE, kind),
            _ => self,
        }
    }

    /// Returns the id of the request, if one was added.
    pub(crate) fn request_id(&self) -> Option<&HeaderValue> {
        self.headers.iter().find(|(name, _)| *name == REQUEST_ID).map(|(_, value)| value)
    }

    /// Returns the `error_type` of the body.
    pub(crate) fn error_type(&self) -> Option<&str> {
        self.body.get("error_type")?.as_str()
    }

    /// Adds the advice to retry to the reply of a direct call that failed for a temporary reason, unless the reply has
    /// an advice of its own.
    pub(crate) fn with_retry_advice(self) -> Self {
        let is_temporary =
            matches!(self.status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT);
        if !is_temporary || self.headers.iter().any(|(name, _)| *name == NEEDS_RETRY) {
            return self;
        }
        self.with_header(NEEDS_RETRY, HeaderValue::from_static("1"))
    }

    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn with_billable_units(self, units: impl Into<f64>) -> Self {
        // Rounded, so that the sum of a few decimal numbers is one.
        let units = (units.into() * 1e6).round() / 1e6;
        match HeaderValue::from_str(&units.to_string()) {
            Ok(units) => self.with_header(BILLABLE_UNITS, units),
            Err(_) => self,
        }
    }

    /// Returns the number of billable units that the reply names.
    pub(crate) fn billable_units(&self) -> Option<f64> {
        let (_, units) = self.headers.iter().rev().find(|(name, _)| *name == BILLABLE_UNITS)?;
        units.to_str().ok()?.parse().ok()
    }

    /// Adds the name of the runner. Calls of an endpoint with the same hint have the same runner.
    pub(crate) fn with_runner(self, endpoint: &str, hint: Option<&HeaderValue>) -> Self {
        let mut hasher = DefaultHasher::new();
        (endpoint, hint).hash(&mut hasher);
        match HeaderValue::from_str(&format!("runner-{:016x}", hasher.finish())) {
            Ok(runner) => self.with_header(SERVED_FROM, runner),
            Err(_) => self,
        }
    }

    /// Adds the request id. An id that cannot be sent in a header is left out.
    pub(crate) fn with_request_id(self, id: &str) -> Self {
        match HeaderValue::from_str(id) {
            Ok(id) => self.with_header(REQUEST_ID, id),
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
