//! The kinds of failure.

use fal_core::{Violation, Violations};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;

use crate::{reconcile::DoubtReason, redact::Secrets};

/// The kind of a failure, as far as the caller's next step depends on it.
///
/// `Debug` prints at most 1,000 bytes, and no secrets.
#[non_exhaustive]
pub enum ErrorKind {
    /// The client or an option of the call is invalid. Nothing was sent.
    Config,
    /// The key is missing, or the service refused it (401, 403).
    #[doc(alias("401", "MissingCredentialsError"))]
    Auth,
    /// The account, its team or the key may not spend anything at the moment: it is locked, its balance is exhausted, or
    /// it has reached a spending limit (402, 403). The key itself is good, and the same call works once that is settled.
    #[doc(alias("402", "balance", "insufficient funds"))]
    #[non_exhaustive]
    Locked {
        /// The reason in the service's words, such as `Exhausted balance`.
        reason: String,
    },
    /// The input breaks rules of the endpoint that its types cannot express. Nothing was sent.
    InvalidInput(Violations),
    /// The input cannot be encoded as JSON. Nothing was sent.
    Encode,
    /// The service refused the input (422). Never empty.
    #[doc(alias = "ValidationError")]
    Validation(Vec<FieldError>),
    /// Any other response that is not a success. The status and the error type say more.
    Api,
    /// The endpoint or the request does not exist (404), or no longer (410).
    NotFound,
    /// Too many requests were sent at once (429).
    #[doc(alias("429", "rate limit"))]
    RateLimited,
    /// The result of a job was fetched while it was queued or running.
    NotReady,
    /// The `timeout` of the call passed, or the job did not start before its `start_timeout` (then the status is
    /// 504).
    #[doc(alias("FalClientTimeoutError", "TimeoutError"))]
    Timeout,
    /// A resumed batch may have sent the request before, so it was not sent again.
    /// [`BatchRequest::resubmit_in_doubt`](crate::batch::BatchRequest::resubmit_in_doubt) sends it.
    #[non_exhaustive]
    InDoubt {
        /// The reason for which [`BatchRequest::reconcile`](crate::batch::BatchRequest::reconcile) could not decide the
        /// doubt. `None` if it was not asked to.
        reason: Option<DoubtReason>,
    },
    /// The batch had stopped before this input, because of a failure that concerns the whole account. Nothing was sent,
    /// and the next run of the batch sends it.
    Unsent,
    /// The job was cancelled (499).
    Cancelled,
    /// The connection could not be made, or broke.
    Transport,
    /// The response is a success, but not of the type of the endpoint's output.
    #[non_exhaustive]
    Decode {
        /// The path of the wrong value, such as `images[0].url`; `.` for the whole response.
        path: String,
    },
    /// The response is larger than the client accepts.
    #[non_exhaustive]
    TooLarge {
        /// The limit of the client, in bytes.
        limit: u64,
    },
    /// A local file or the journal of a batch could not be read or written, or the URL of a file is invalid.
    File,
    /// A webhook delivery was rejected, for this reason.
    #[cfg(feature = "webhook")]
    Webhook(crate::webhook::Rejection),
}

/// A parameter that the service or the client refused.
///
/// `Debug` shortens the values, which may be files, and hides secrets.
#[derive(Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct FieldError {
    /// The path of the value, such as `body.loras.0.path`.
    pub path: String,
    /// The message, for people. fal rewords it at times.
    pub message: String,
    /// The rule that was broken, such as `less_than_equal` or `content_policy_violation`.
    pub error_type: String,
    /// The refused value, if it is known.
    pub input: Option<Value>,
    /// The parameters of the rule, such as `{"le": 4}`.
    pub ctx: Option<Value>,
}

/// The words by which a refusal that concerns the whole account is known. fal has no error type for it.
const LOCK_WORDS: &[&str] = &[
    "lock",
    "locked",
    "balance",
    "billing",
    "budget",
    "credits",
    "payment",
    "spend",
    "spending",
    "suspended",
    "topup",
];

impl ErrorKind {
    /// Returns the kind of a response that refuses the whole account, or `None`. `message` is in the service's words.
    pub(super) fn from_lock(status: StatusCode, message: &str) -> Option<Self> {
        let words: Vec<String> = message
            .split(|character: char| !character.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        let is_locked = match status.as_u16() {
            402 => true,
            // An endpoint that the key may not call is refused with 403, too.
            401 | 403 | 423 => {
                words.iter().any(|word| LOCK_WORDS.contains(&word.as_str()))
                    || words.windows(2).any(|pair| pair == ["top", "up"])
            }
            _ => false,
        };
        let (_, reason) = message.split_once("Reason:").unwrap_or(("", message));
        is_locked.then(|| Self::Locked { reason: reason.trim().to_owned() })
    }

    /// Returns the kind of a response. `is_start_timeout` tells a job that did not start in time from a gateway's 504.
    pub(super) fn from_status(status: StatusCode, is_start_timeout: bool, fields: Vec<FieldError>) -> Self {
        match status.as_u16() {
            401 | 403 => ErrorKind::Auth,
            404 | 410 => ErrorKind::NotFound,
            429 => ErrorKind::RateLimited,
            499 => ErrorKind::Cancelled,
            504 if is_start_timeout => ErrorKind::Timeout,
            400 | 422 if !fields.is_empty() => ErrorKind::Validation(fields),
            _ => ErrorKind::Api,
        }
    }
}

impl FieldError {
    /// Creates the error of an input whose refusal names no parameter.
    pub(super) fn without_field(message: &str) -> Self {
        let (path, error_type) = ("body".to_owned(), "value_error".to_owned());
        Self { path, message: message.to_owned(), error_type, input: None, ctx: None }
    }

    /// Returns the error of a parameter that the client refused.
    pub(super) fn from_violation(violation: &Violation) -> Self {
        Self {
            path: violation.path.clone(),
            message: violation.message.clone(),
            error_type: "value_error".to_owned(),
            input: Some(violation.value.clone()),
            ctx: None,
        }
    }

    /// Removes the secrets of a client.
    pub(super) fn hide(&mut self, secrets: &Secrets) {
        for text in [&mut self.path, &mut self.message, &mut self.error_type] {
            secrets.remove_from(text);
        }
        for value in [&mut self.input, &mut self.ctx].into_iter().flatten() {
            secrets.remove_from_json(value);
        }
    }
}
