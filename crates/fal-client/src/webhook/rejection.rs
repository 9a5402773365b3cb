//! The reasons for which a delivery is rejected.

use std::{fmt, time::Duration};

use http::StatusCode;

use crate::{Error, ErrorKind};

/// The reason for which a [`Verifier`](super::Verifier) rejects a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// A header is missing.
    MissingHeader(&'static str),
    /// A header is malformed, or occurs twice.
    BadHeader(&'static str),
    /// The delivery was signed too long ago, by this time.
    TooOld(Duration),
    /// The delivery was signed too far in the future, by this time.
    FromTheFuture(Duration),
    /// The signature is not that of one of fal's keys for these headers and this body.
    BadSignature,
    /// The body is larger than this limit in bytes.
    TooLarge(usize),
    /// The request was handled before. Its status is 200, so that fal stops delivering it. Only from a verifier that
    /// [remembers](super::Verifier::remember) requests.
    Duplicate,
    /// The request is being handled. Its status is 503, so that fal delivers it again. Only from a verifier that
    /// [remembers](super::Verifier::remember) requests.
    InProgress,
}

impl Rejection {
    /// Returns the HTTP status to respond with.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::MissingHeader(_) | Self::BadHeader(_) => StatusCode::BAD_REQUEST,
            Self::TooOld(_) | Self::FromTheFuture(_) | Self::BadSignature => StatusCode::UNAUTHORIZED,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Duplicate => StatusCode::OK,
            Self::InProgress => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingHeader(name) => write!(f, "the header `{name}` is missing"),
            Self::BadHeader(name) => write!(f, "the header `{name}` is not what it should be"),
            Self::TooOld(age) => write!(f, "it was signed {} s ago, which is too long", age.as_secs()),
            Self::FromTheFuture(lead) => write!(f, "it was signed {} s in the future", lead.as_secs()),
            Self::BadSignature => f.write_str("no key in use made the signature"),
            Self::TooLarge(limit) => write!(f, "the body is larger than {limit} bytes"),
            Self::Duplicate => f.write_str("the request was handled already"),
            Self::InProgress => f.write_str("the request is being handled at this moment"),
        }
    }
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        Self::new(ErrorKind::Webhook(rejection), format!("a webhook is not taken: {rejection}"))
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
