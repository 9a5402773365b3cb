//! Replies in the form in which a journal keeps them.

use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::journal::{JournalFailure, JournalOutput};
use crate::{
    Error, ErrorKind,
    headers::is_json,
    money::Decimal,
    queue::RequestHandle,
    redact::{Secrets, shorten},
    reply::CallResponse,
    transport::Response,
};

/// The header with the units that fal charges.
const BILLABLE_UNITS: &str = "x-fal-billable-units";
/// The header of a request that did not start in time.
const TIMEOUT_TYPE: &str = "x-fal-request-timeout-type";

/// The largest body of a failure that is kept, in bytes.
const MAX_BODY: usize = 100_000;

/// Returns the units that fal charges, if the headers say so.
pub(super) fn units_in(headers: &HeaderMap) -> Option<Decimal> {
    Decimal::parse(headers.get(BILLABLE_UNITS)?.to_str().ok()?.trim())
}

impl From<&CallResponse> for JournalOutput {
    fn from(reply: &CallResponse) -> Self {
        let response = &reply.response;
        let content_type = response.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.filter(|_| !is_json(&response.headers)).map(str::to_owned);
        Self { body: response.body.clone(), content_type }
    }
}

/// Returns the response to `request` that an output was kept of.
pub(super) fn response_of(output: JournalOutput, request: &RequestHandle) -> CallResponse {
    let content_type = output.content_type.as_deref().unwrap_or("application/json");
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::try_from(content_type) {
        headers.insert(header::CONTENT_TYPE, value);
    }
    let (status, secrets) = (StatusCode::OK, Secrets::default());
    let response = Response { status, headers, body: output.body, secrets };
    CallResponse { response, request: Some(request.clone()) }
}

impl From<&Error> for JournalFailure {
    fn from(error: &Error) -> Self {
        let body = error.body().and_then(|body| std::str::from_utf8(body).ok());
        Self {
            request_id: error.request_id().map(str::to_owned),
            status: error.status().map_or(0, |status| status.as_u16()),
            message: error.message().to_owned(),
            error_type: error.error_type().map(str::to_owned),
            // The beginning is enough to read the fields of.
            body: body.map(|body| shorten(body, MAX_BODY).into_owned()),
            timed_out: error.is_timeout(),
        }
    }
}

/// Returns the error that a failure was kept of.
pub(super) fn failure_of(failure: JournalFailure) -> Error {
    let JournalFailure { request_id, status, message, error_type, body, timed_out } = failure;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = body.unwrap_or_default().into();
    let error = if status.is_success() {
        Error::new(ErrorKind::Api, message).with_response(status, body).with_error_type(error_type)
    } else {
        let mut headers = HeaderMap::new();
        if timed_out {
            headers.insert(TIMEOUT_TYPE, HeaderValue::from_static("user"));
        }
        if let Some(value) = error_type.and_then(|error_type| HeaderValue::try_from(error_type).ok()) {
            headers.insert("x-fal-error-type", value);
        }
        Error::from_response(status, &headers, body)
    };
    error.with_request_id(request_id.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_the_same_after_they_were_kept() {
        let table = [
            (422, "", r#"{"detail":[{"loc":["body","prompt"],"msg":"no cats","type":"value_error"}]}"#),
            (500, "runner_disconnected", r#"{"detail":"the runner is gone"}"#),
            (499, "", r#"{"detail":"cancelled"}"#),
            (504, "", r#"{"detail":"did not start"}"#),
        ];
        for (status, error_type, body) in table {
            let mut headers = HeaderMap::new();
            if !error_type.is_empty() {
                headers.insert("x-fal-error-type", error_type.parse().unwrap());
            }
            if status == 504 {
                headers.insert(TIMEOUT_TYPE, "user".parse().unwrap());
            }
            let status = StatusCode::from_u16(status).unwrap();
            let error = Error::from_response(status, &headers, body.into()).with_request_id(Some("r1"));
            let json = serde_json::to_string(&JournalFailure::from(&error)).unwrap();
            let again = failure_of(serde_json::from_str(&json).unwrap());
            assert_eq!(again.to_string(), error.to_string());
            assert_eq!(format!("{:?}", again.kind()), format!("{:?}", error.kind()));
            assert_eq!((again.error_type(), again.request_id()), (error.error_type(), error.request_id()));
        }
        let error = Error::new(ErrorKind::Api, "it broke").with_response(StatusCode::OK, "{}".into());
        assert_eq!(failure_of(JournalFailure::from(&error)).to_string(), error.to_string());
    }
}
