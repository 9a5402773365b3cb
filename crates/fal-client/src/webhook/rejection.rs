//! The reasons for which a delivery is rejected.

use std::{fmt, time::Duration};

use http::StatusCode;

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
