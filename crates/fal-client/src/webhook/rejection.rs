//! Why a delivery is not taken.

use std::{fmt, time::Duration};

use http::StatusCode;

use crate::{Error, ErrorKind};

/// Why a delivery is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rejection {
    /// This header is missing.
    MissingHeader(&'static str),
    /// This header is not what it should be, or there twice.
    BadHeader(&'static str),
    /// It was signed this long ago, which is too long.
    TooOld(Duration),
    /// It was signed this far in the future.
    FromTheFuture(Duration),
    /// No key in use made the signature for this body and these headers.
    BadSignature,
    /// The body is larger than this many bytes.
    TooLarge(usize),
    /// The request was handled already. For a verifier that remembers; answered with success, so that fal
    /// stops.
    Duplicate,
    /// The request is being handled at this moment. For a verifier that remembers; answered with 503, so
    /// that fal asks again.
    InProgress,
}

impl Rejection {
    /// What to answer with.
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
    /// Why a delivery was not taken, if that is what went wrong.
    #[must_use]
    pub fn rejection(&self) -> Option<Rejection> {
        match self.kind() {
            ErrorKind::Webhook(rejection) => Some(*rejection),
            _ => None,
        }
    }
}

/// What to answer a delivery with that [`Verifier::verify`](super::Verifier::verify) does not take: the status
/// of the [`Rejection`], 400 for a signed body that cannot be read, 503 when the keys cannot be had.
#[must_use]
pub fn status_of(error: &Error) -> StatusCode {
    match error.kind() {
        ErrorKind::Webhook(rejection) => rejection.status(),
        ErrorKind::Decode { .. } => StatusCode::BAD_REQUEST,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}
