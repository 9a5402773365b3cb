//! The one error type, with everything that is known about a failure.

mod body;
mod display;
mod kind;

use std::{error::Error as StdError, time::Duration};

use bytes::Bytes;
use fal_core::Violations;
use http::{HeaderMap, StatusCode};

pub use self::kind::{ErrorKind, FieldError};
use crate::{reply, retry::retry_after};

/// What the calls of this crate return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Anything that went wrong.
///
/// [`kind`](Self::kind) says what to do about it; the rest says what happened. Printed, it is one line
/// with the endpoint and the request id, which is what fal's support asks for.
///
/// ```
/// use fal_client::{Error, ErrorKind};
///
/// fn report(error: &Error) {
///     match error.kind() {
///         ErrorKind::Validation(fields) => {
///             for field in fields {
///                 eprintln!("{}: {}", field.path, field.message);
///             }
///         }
///         _ if error.error_type() == Some("content_policy_violation") => eprintln!("refused"),
///         _ if error.is_rate_limited() || error.is_timeout() => eprintln!("try again later: {error}"),
///         _ => eprintln!("{error}"),
///     }
/// }
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    endpoint: Option<String>,
    request_id: Option<String>,
    status: Option<StatusCode>,
    error_type: Option<String>,
    retry_after: Option<Duration>,
    redirect: Option<String>,
    /// The request was sent, and what became of it is not known.
    unanswered: bool,
    headers: HeaderMap,
    body: Option<Bytes>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            endpoint: None,
            request_id: None,
            status: None,
            error_type: None,
            retry_after: None,
            redirect: None,
            unanswered: false,
            headers: HeaderMap::new(),
            body: None,
            source: None,
        }))
    }

    /// An answer that is not a success, whoever wrote it.
    pub(crate) fn from_answer(status: StatusCode, headers: &HeaderMap, body: Bytes) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut read = body::Read::new(&body);
        if status == StatusCode::UNPROCESSABLE_ENTITY && read.fields.is_empty() {
            let message = read.message.as_deref().unwrap_or("refused without a reason");
            read.fields = vec![FieldError::of_body(message)];
        }
        let user_timeout = headers.contains_key("x-fal-request-timeout-type");
        let kind = kind::of_answer(status, user_timeout, read.fields);
        let message = if status.is_redirection() {
            let location = text("location").unwrap_or_else(|| "nowhere".to_owned());
            format!("a redirect to {location}, which is not followed because the key would go along")
        } else {
            read.message.unwrap_or_else(|| status.canonical_reason().unwrap_or("no message").to_owned())
        };
        let mut error = Self::new(kind, message).with_response(status, body);
        error.0.error_type = read.error_type.or_else(|| text("x-fal-error-type"));
        error.0.retry_after = retry_after(headers).or(read.retry_after);
        error.0.request_id = text("x-fal-request-id").or(read.request_id);
        error.0.headers = reply::kept(headers.clone());
        error.0.redirect = text("location").filter(|_| status.is_redirection());
        error
    }

    pub(crate) fn violations(violations: Violations) -> Self {
        let message = violations.to_string();
        Self::new(ErrorKind::InvalidInput(violations), message)
    }

    pub(crate) fn with_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.0.endpoint = Some(endpoint.into());
        self
    }

    /// Names the request, unless the answer itself did.
    pub(crate) fn with_request_id(mut self, request_id: Option<&str>) -> Self {
        if let Some(request_id) = request_id {
            self.0.request_id = Some(request_id.to_owned());
        }
        self
    }

    pub(crate) fn with_response(mut self, status: StatusCode, body: Bytes) -> Self {
        self.0.status = Some(status);
        self.0.body = Some(body);
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub(crate) fn sent_without_response(mut self) -> Self {
        self.0.unanswered = true;
        self
    }

    /// Whether the request was sent and what became of it is not known.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.0.unanswered
    }

    /// Whether a submit that failed so can have been accepted all the same.
    pub(crate) fn may_be_accepted(&self) -> bool {
        match (self.0.status.map(|status| status.as_u16()), &self.0.kind) {
            (_, ErrorKind::TooLarge { .. } | ErrorKind::Decode { .. }) => true,
            // 503 is what the load balancer says when it has passed nothing on.
            (Some(status), _) => status >= 500 && status != 503,
            (None, ErrorKind::Timeout) => true,
            (None, _) => self.is_unanswered(),
        }
    }

    /// Where the service redirects to.
    pub(crate) fn redirect(&self) -> Option<&str> {
        self.0.redirect.as_deref()
    }

    pub(crate) fn with_error_type(mut self, error_type: Option<String>) -> Self {
        self.0.error_type = error_type;
        self
    }

    /// Puts `what` in front of the message.
    pub(crate) fn with_context(mut self, what: &str) -> Self {
        self.0.message = format!("{what}: {}", self.0.message);
        self
    }

    /// Puts `what` behind the message.
    pub(crate) fn with_suffix(mut self, what: &str) -> Self {
        self.0.message.push_str(what);
        self
    }

    /// What went wrong, to decide what to do about it.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// What happened, in the service's own words when it gave any.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The endpoint that was called, such as `fal-ai/flux/dev`.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.0.endpoint.as_deref()
    }

    /// The request, to look up in fal's dashboard or to resume with `Client::job`. From the queue's
    /// `request_id` or the `x-fal-request-id` header.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// The HTTP status, if the service answered.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// The category fal gives the failure, such as `content_policy_violation` or `runner_disconnected`:
    /// the body's `error_type` or `type`, else the `X-Fal-Error-Type` header. Those that fal documents are
    /// constants in [`error_type`](crate::error_type).
    #[must_use]
    pub fn error_type(&self) -> Option<&str> {
        match (&self.0.error_type, &self.0.kind) {
            (Some(error_type), _) => Some(error_type),
            (None, ErrorKind::Validation(fields)) => fields.first().map(|field| field.error_type.as_str()),
            _ => None,
        }
    }

    /// The answer as it came, also when it was not understood.
    #[must_use]
    pub fn body(&self) -> Option<&Bytes> {
        self.0.body.as_ref()
    }

    /// The headers of the answer, but for those that are secrets. Empty when there was no answer.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// How long the service asked to wait, in `Retry-After` or in the body.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
