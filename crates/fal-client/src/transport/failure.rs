//! Failures of attempts, and the errors they become.

use std::{borrow::Cow, fmt, time::Duration};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header::AUTHORIZATION};

use super::Request;
#[cfg(feature = "tower")]
use crate::middleware::BoxError;
use crate::{
    Error, ErrorKind,
    error::chain,
    redact::{MAX_DEBUG, single_line},
    retry::{Outcome, RetryClass},
};

/// The failure of an attempt.
pub(super) enum Failure {
    /// There was no connection to the host, so nothing was sent.
    Unconnected(String, reqwest::Error),
    /// The connection broke, or took too long, after something was sent.
    Broken(reqwest::Error),
    /// A layer of the caller failed before the request was sent.
    #[cfg(feature = "tower")]
    UnsentLayer(BoxError),
    /// A layer of the caller failed after the request was sent.
    #[cfg(feature = "tower")]
    Layer(BoxError),
    /// Neither side sent a byte for this time, so the attempt was given up.
    Silent(Duration),
    /// The connection broke before the end of a billable request was sent, so that the service cannot have accepted it.
    /// Some services close the connection to refuse a body for its size.
    Unsent(reqwest::Error),
    /// The response is not a success.
    Refused(StatusCode, HeaderMap, Bytes),
    /// The response is not a success, and broke off while it was read.
    HalfRefused(StatusCode, HeaderMap, Bytes),
    /// The response is a success that makes no sense.
    Nonsense(StatusCode),
    /// Another attempt would fail alike.
    Final(Error),
}

/// Prints no body, which may be an image, and no header, which may be a secret.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Failure").field(&single_line(&self.summary(), MAX_DEBUG)).finish()
    }
}

impl Failure {
    /// Converts a failure of the HTTP client. Leaves out its URL, because uploads are signed in theirs.
    pub(super) fn from_reqwest(error: reqwest::Error) -> Self {
        let host = error.url().map(|url| format!(" to {}", url.origin().ascii_serialization()));
        let error = error.without_url();
        if error.is_builder() {
            let message = format!("the request cannot be sent: {error}");
            Self::Final(Error::new(ErrorKind::Transport, message).with_source(error))
        } else if error.is_connect() {
            Self::Unconnected(host.unwrap_or_default(), error)
        } else {
            Self::Broken(error)
        }
    }

    /// Notes that a part of the request was not sent.
    pub(super) fn before_end_of_request(self) -> Self {
        match self {
            Self::Broken(cause) if !cause.is_timeout() => Self::Unsent(cause),
            other => other,
        }
    }

    /// Returns the outcome for the retry policy, or `None` for a failure that is never retried.
    pub(super) fn outcome(&self) -> Option<Outcome<'_>> {
        match self {
            Self::Unconnected(..) | Self::Unsent(_) => Some(Outcome::Unconnected),
            #[cfg(feature = "tower")]
            Self::UnsentLayer(_) => Some(Outcome::Unconnected),
            #[cfg(feature = "tower")]
            Self::Layer(_) => Some(Outcome::Broken),
            Self::Broken(_) | Self::Silent(_) | Self::HalfRefused(..) => Some(Outcome::Broken),
            Self::Refused(status, headers, _) => Some(Outcome::Status(*status, headers)),
            Self::Nonsense(_) => Some(Outcome::Nonsense),
            Self::Final(_) => None,
        }
    }

    /// Returns true for a refusal that is an answer to `request`.
    pub(super) fn is_answer(&self, request: &Request) -> bool {
        matches!(self, Self::Refused(status, _, body) if (request.is_answer)(*status, body))
    }

    /// Returns the category of the failure, for OpenTelemetry's `error.type`: a status, or a word.
    pub(super) fn error_type(&self) -> Cow<'static, str> {
        match self {
            Self::Unconnected(..) => "connection_failed".into(),
            Self::Broken(cause) if cause.is_timeout() => "timeout".into(),
            Self::Silent(_) => "timeout".into(),
            Self::Broken(_) | Self::Unsent(_) => "connection_broken".into(),
            #[cfg(feature = "tower")]
            Self::UnsentLayer(_) | Self::Layer(_) => "layer".into(),
            Self::Refused(status, ..) | Self::HalfRefused(status, ..) => status.as_str().to_owned().into(),
            Self::Nonsense(_) => "nonsense".into(),
            Self::Final(_) => "not_sent".into(),
        }
    }

    /// Returns the status of a response that is a failure.
    pub(super) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused(status, ..) | Self::HalfRefused(status, ..) | Self::Nonsense(status) => {
                Some(*status)
            }
            _ => None,
        }
    }

    /// Describes the failure in a few words.
    pub(super) fn summary(&self) -> String {
        match self {
            Self::Unconnected(host, cause) => format!("no connection{host}: {}", root_cause(cause)),
            Self::Broken(cause) if cause.is_timeout() => "the service did not answer in time".to_owned(),
            Self::Broken(cause) => format!("the connection broke: {}", root_cause(cause)),
            #[cfg(feature = "tower")]
            Self::UnsentLayer(cause) | Self::Layer(cause) => format!("a layer of the client failed: {cause}"),
            Self::Silent(limit) => format!("the connection was silent for {limit:?}"),
            Self::Unsent(cause) => format!(
                "the connection broke before the end of the request was sent, so it was not accepted; it may be too \
                 large: {}",
                root_cause(cause)
            ),
            Self::Refused(status, ..) => format!("status {}", status.as_u16()),
            Self::HalfRefused(status, ..) => format!("status {}, and half a body", status.as_u16()),
            Self::Nonsense(status) => format!("status {} without sense", status.as_u16()),
            Self::Final(error) => error.message().to_owned(),
        }
    }

    /// Returns the error of `request`, whose last attempt failed like this.
    pub(super) fn into_final_error(self, request: &Request) -> Error {
        let mut error = self.into_error();
        if !request.to_fal && !request.headers.contains_key(AUTHORIZATION) {
            error = error.without_auth();
        }
        let is_gateway_error =
            error.status().is_some_and(|status| matches!(status.as_u16(), 502 | 504 | 506..));
        let is_unknown = error.is_outcome_unknown() || (is_gateway_error && !error.is_timeout());
        if request.retry_class == RetryClass::Billable && is_unknown {
            return error.with_suffix("; the request was sent, so the work may be running");
        }
        error
    }

    pub(super) fn into_error(self) -> Error {
        let message = self.summary();
        match self {
            Self::Refused(status, headers, body) => Error::from_response(status, &headers, body),
            // Half of a body often has the message.
            Self::HalfRefused(status, headers, body) => {
                Error::from_response(status, &headers, body).with_suffix(" (the answer broke off)")
            }
            Self::Final(error) => error,
            Self::Nonsense(_) => Error::new(ErrorKind::Decode { path: ".".to_owned() }, message),
            Self::Broken(cause) if cause.is_timeout() => {
                Error::new(ErrorKind::Timeout, message).with_source(cause).with_unknown_outcome()
            }
            #[cfg(feature = "tower")]
            Self::UnsentLayer(cause) => Error::new(ErrorKind::Transport, message).with_source(cause),
            #[cfg(feature = "tower")]
            Self::Layer(cause) => {
                Error::new(ErrorKind::Transport, message).with_source(cause).with_unknown_outcome()
            }
            Self::Silent(_) => Error::new(ErrorKind::Timeout, message).with_unknown_outcome(),
            Self::Broken(cause) => {
                Error::new(ErrorKind::Transport, message).with_source(cause).with_unknown_outcome()
            }
            Self::Unconnected(_, cause) | Self::Unsent(cause) => {
                Error::new(ErrorKind::Transport, message).with_source(cause)
            }
        }
    }
}

/// Converts the error of a request that was not sent.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Final(error)
    }
}

impl Error {
    /// Creates the error of a response that broke off while it was read.
    pub(crate) fn from_broken_body(cause: reqwest::Error) -> Self {
        Failure::from_reqwest(cause).into_error()
    }

    /// Creates the error of a response that made no progress for `limit`.
    pub(crate) fn from_silence(limit: Duration) -> Self {
        Failure::Silent(limit).into_error()
    }
}

/// Returns the innermost cause, which has the details: "connection refused".
fn root_cause(error: &(dyn std::error::Error + 'static)) -> String {
    chain(error).last().map(ToString::to_string).unwrap_or_default()
}
