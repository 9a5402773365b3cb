//! Rejections as errors, and the status to respond with to an error.

use http::StatusCode;

use super::rejection::Rejection;
use crate::{Error, ErrorKind};

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        Self::new(ErrorKind::Webhook(rejection), format!("a webhook was rejected: {rejection}"))
    }
}

impl Error {
    /// Returns the reason for which a delivery was rejected, if this is such an error.
    #[must_use]
    pub fn rejection(&self) -> Option<Rejection> {
        match self.kind() {
            ErrorKind::Webhook(rejection) => Some(*rejection),
            _ => None,
        }
    }
}

/// Returns the HTTP status to respond with to a delivery that [`Verifier::verify`](super::Verifier::verify) did not accept:
/// the status of the [`Rejection`], 400 for a signed body that cannot be decoded, and 503 if the keys cannot be fetched.
#[must_use]
pub fn response_status(error: &Error) -> StatusCode {
    match error.kind() {
        ErrorKind::Webhook(rejection) => rejection.status(),
        ErrorKind::Decode { .. } => StatusCode::BAD_REQUEST,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}
