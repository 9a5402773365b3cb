//! The kinds of failure, and how an answer becomes one of them.

use fal_core::Violations;
use http::StatusCode;
use serde_json::Value;

use super::Error;

/// What went wrong, as far as the caller's next step depends on it.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The client or an option of the call makes no sense. Nothing was sent.
    Config,
    /// There is no key, or the service refused it (401, 403).
    Auth,
    /// The input breaks rules of the endpoint that its types leave open. Nothing was sent.
    InvalidInput(Violations),
    /// The input cannot be written as JSON. Nothing was sent.
    Encode,
    /// The service refused the input (422). Never empty.
    Validation(Vec<FieldError>),
    /// Any other answer that is not a success. Look at the status and the error type.
    Api,
    /// The endpoint or the request does not exist (404), or no longer.
    NotFound,
    /// Too many requests at once (429).
    RateLimited,
    /// The result of a job that is still queued or running was asked for.
    NotReady,
    /// A `timeout` of the call passed, or the job did not start before its `start_timeout` (then there is
    /// a status, 504).
    Timeout,
    /// Whether the request was accepted is not known, so that it was not sent again: of a batch that was
    /// resumed. `Batch::resubmit_in_doubt` sends it.
    InDoubt,
    /// The job was cancelled (499).
    Cancelled,
    /// No connection, or one that broke.
    Transport,
    /// The answer is a success but not what the endpoint promises.
    #[non_exhaustive]
    Decode {
        /// Where in the answer, such as `images[0].url`; `.` for the whole.
        path: String,
    },
    /// The answer is larger than the client takes.
    #[non_exhaustive]
    TooLarge {
        /// What the client takes, in bytes.
        limit: u64,
    },
    /// A local file, or the journal of a batch, could not be read or written, or a file's URL makes no sense.
    File,
    /// A webhook that is not taken, and why.
    #[cfg(feature = "webhook")]
    Webhook(crate::webhook::Rejection),
}

/// One parameter that the service refused.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FieldError {
    /// Where the value is, such as `body.loras.0.path`.
    pub path: String,
    /// What is wrong with it. For people; fal rewords it.
    pub message: String,
    /// The rule that was broken, such as `less_than_equal` or `content_policy_violation`.
    pub error_type: String,
    /// The refused value, when the service repeats it.
    pub input: Option<Value>,
    /// The parameters of the rule, such as `{"le": 4}`.
    pub ctx: Option<Value>,
}

pub(super) fn of_answer(status: StatusCode, user_timeout: bool, fields: Vec<FieldError>) -> ErrorKind {
    match status.as_u16() {
        401 | 403 => ErrorKind::Auth,
        404 => ErrorKind::NotFound,
        429 => ErrorKind::RateLimited,
        499 => ErrorKind::Cancelled,
        504 if user_timeout => ErrorKind::Timeout,
        400 | 422 if !fields.is_empty() => ErrorKind::Validation(fields),
        _ => ErrorKind::Api,
    }
}

impl FieldError {
    /// A refusal that names no parameter.
    pub(super) fn of_body(message: &str) -> Self {
        let (path, error_type) = ("body".to_owned(), "value_error".to_owned());
        Self { path, message: message.to_owned(), error_type, input: None, ctx: None }
    }
}

macro_rules! predicates {
    ($($(#[$doc:meta])* $name:ident => $kind:pat,)*) => {
        impl Error {
            $($(#[$doc])*
            #[must_use]
            pub fn $name(&self) -> bool {
                matches!(self.kind(), $kind)
            })*
        }
    };
}

predicates! {
    /// [`ErrorKind::Config`].
    is_config => ErrorKind::Config,
    /// [`ErrorKind::Auth`].
    is_auth => ErrorKind::Auth,
    /// [`ErrorKind::InvalidInput`], found before anything was sent.
    is_invalid_input => ErrorKind::InvalidInput(_),
    /// [`ErrorKind::Validation`], found by the service.
    is_validation => ErrorKind::Validation(_),
    /// [`ErrorKind::NotFound`].
    is_not_found => ErrorKind::NotFound,
    /// [`ErrorKind::RateLimited`].
    is_rate_limited => ErrorKind::RateLimited,
    /// [`ErrorKind::NotReady`].
    is_not_ready => ErrorKind::NotReady,
    /// [`ErrorKind::Timeout`], on either side.
    is_timeout => ErrorKind::Timeout,
    /// [`ErrorKind::InDoubt`].
    is_in_doubt => ErrorKind::InDoubt,
    /// [`ErrorKind::Cancelled`].
    is_cancelled => ErrorKind::Cancelled,
    /// [`ErrorKind::Transport`].
    is_transport => ErrorKind::Transport,
    /// [`ErrorKind::Decode`].
    is_decode => ErrorKind::Decode { .. },
    /// [`ErrorKind::TooLarge`].
    is_too_large => ErrorKind::TooLarge { .. },
    /// [`ErrorKind::File`].
    is_file => ErrorKind::File,
}
