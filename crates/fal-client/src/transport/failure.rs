//! How an attempt fails, and what error that is.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::{Error, ErrorKind, retry::Outcome};

/// How an attempt failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing was sent.
    Unconnected(reqwest::Error),
    /// Something was sent.
    Broken(reqwest::Error),
    /// An answer that is not a success.
    Refused(StatusCode, HeaderMap, Bytes),
    /// One that broke off while it was read.
    HalfRefused(StatusCode, HeaderMap, Bytes),
    /// Nothing that another attempt would change.
    Final(Error),
}

impl Failure {
    /// A failure of the HTTP client. Its URL is left out: uploads are signed in theirs.
    pub(super) fn of(error: reqwest::Error) -> Self {
        let error = error.without_url();
        if error.is_builder() {
            let message = format!("the request cannot be sent: {error}");
            Self::Final(Error::new(ErrorKind::Transport, message).with_source(error))
        } else if error.is_connect() {
            Self::Unconnected(error)
        } else {
            Self::Broken(error)
        }
    }

    /// What the retry policy has to know of it; `None` when there is nothing to retry.
    pub(super) fn outcome(&self) -> Option<Outcome<'_>> {
        match self {
            Self::Unconnected(_) => Some(Outcome::Unconnected),
            Self::Broken(_) | Self::HalfRefused(..) => Some(Outcome::Broken),
            Self::Refused(status, headers, _) => Some(Outcome::Status(*status, headers)),
            Self::Final(_) => None,
        }
    }

    /// In a few words.
    pub(super) fn summary(&self) -> String {
        match self {
            Self::Unconnected(cause) => format!("no connection: {}", root(cause)),
            Self::Broken(cause) if cause.is_timeout() => "the service did not answer in time".to_owned(),
            Self::Broken(cause) => format!("the connection broke: {}", root(cause)),
            Self::Refused(status, ..) => format!("status {}", status.as_u16()),
            Self::HalfRefused(status, ..) => format!("status {}, and half a body", status.as_u16()),
            Self::Final(error) => error.message().to_owned(),
        }
    }

    pub(super) fn into_error(self) -> Error {
        let message = self.summary();
        match self {
            Self::Refused(status, headers, body) => Error::from_answer(status, &headers, body),
            // Half an explanation is better than none.
            Self::HalfRefused(status, headers, body) => {
                Error::from_answer(status, &headers, body).with_suffix(" (the answer broke off)")
            }
            Self::Final(error) => error,
            Self::Broken(cause) if cause.is_timeout() => {
                Error::new(ErrorKind::Timeout, message).with_source(cause).sent_without_response()
            }
            Self::Broken(cause) => {
                Error::new(ErrorKind::Transport, message).with_source(cause).sent_without_response()
            }
            Self::Unconnected(cause) => Error::new(ErrorKind::Transport, message).with_source(cause),
        }
    }
}

/// What is wrong with a request before it is sent.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

impl Error {
    /// An answer that broke off while it was read.
    pub(crate) fn broken(cause: reqwest::Error) -> Self {
        Failure::of(cause).into_error()
    }
}

/// The innermost cause, which is the one that says something: "connection refused".
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
