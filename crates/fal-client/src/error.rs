//! The error type of this crate.

mod body;
mod cause;
mod cut_json;
mod display;
mod kind;
mod predicates;
#[cfg(feature = "axum")]
mod response;
#[cfg(test)]
mod tests;
mod xml;

use std::{error::Error as StdError, sync::Arc, time::Duration};

use bytes::Bytes;
use fal_core::{OutOfRange, UnknownValue, Violations};
use http::{HeaderMap, StatusCode, header};

use self::body::ErrorBody;
pub(crate) use self::cause::chain;
pub use self::kind::{ErrorKind, FieldError};
use crate::{
    headers::{foreign_encoding, without_secrets},
    reconcile::SentRequest,
    redact::Secrets,
    retry::retry_after,
    server_urls::ServerUrls,
};

/// The result of the calls of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every failure of this crate.
///
/// [`kind`](Self::kind) is for deciding what to do about it, and the other methods describe what happened.
/// `Display` prints one line with the endpoint and the request id, which fal's support asks for.
///
/// `Display` and `Debug` print at most 2,000 bytes. They leave out keys, passwords, queries of URLs and encoded files,
/// also when the service repeats them. The methods return what was received, [`body`](Self::body) to the last byte;
/// only the client's own key is replaced by `***`, everywhere but in the body.
///
/// ```
/// use fal_client::{Error, ErrorKind};
///
/// fn report(error: &Error) {
///     match error.kind() {
///         // First, because fal refuses content in the form of an invalid parameter.
///         _ if error.error_type() == Some("content_policy_violation") => eprintln!("refused"),
///         _ if error.is_callers_fault() => {
///             for field in error.field_errors().iter() {
///                 eprintln!("{}: {}", field.path, field.message);
///             }
///         }
///         ErrorKind::Locked { reason, .. } => eprintln!("the account cannot spend: {reason}"),
///         _ if error.is_rate_limited() || error.is_timeout() => eprintln!("try again later: {error}"),
///         _ => eprintln!("{error}"),
///     }
/// }
/// ```
#[doc(alias("ApiError", "FalClientError", "FalClientHTTPError", "exception"))]
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    endpoint: Option<String>,
    request_id: Option<String>,
    status: Option<StatusCode>,
    error_type: Option<String>,
    retry_after: Option<Duration>,
    /// `true` if the request was sent and its outcome is not known.
    outcome_unknown: bool,
    /// The URLs of the request, if it is in the queue, or was.
    queued: Option<ServerUrls>,
    /// `true` if the request is over without an output.
    has_ended: bool,
    headers: HeaderMap,
    body: Option<Bytes>,
    source: Option<Box<dyn StdError + Send + Sync>>,
    /// The submit that failed, if it may have been accepted.
    sent_request: Option<Arc<SentRequest>>,
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
            outcome_unknown: false,
            queued: None,
            has_ended: false,
            headers: HeaderMap::new(),
            body: None,
            source: None,
            sent_request: None,
        }))
    }

    /// Converts a response that is not a success, of fal or of a proxy in front of it.
    pub(crate) fn from_response(status: StatusCode, headers: &HeaderMap, body: Bytes) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let mut parsed = ErrorBody::parse(&body);
        if let Some(encoding) = foreign_encoding(headers)
            && parsed.is_unreadable
        {
            let bytes = body.len();
            parsed.message = Some(format!("{bytes} bytes that are compressed with `{encoding}`, unasked"));
        }
        if status == StatusCode::UNPROCESSABLE_ENTITY && parsed.fields.is_empty() {
            let message = parsed.message.as_deref().unwrap_or("refused without a reason");
            parsed.fields = vec![FieldError::without_field(message)];
        }
        let is_start_timeout = headers.contains_key("x-fal-request-timeout-type");
        let words = parsed.message.as_deref().filter(|_| !parsed.is_unreadable).unwrap_or_default();
        let kind = ErrorKind::from_lock(status, words)
            .unwrap_or_else(|| ErrorKind::from_status(status, is_start_timeout, parsed.fields));
        let message = match text("location").filter(|_| status.is_redirection()) {
            Some(location) => {
                format!("a redirect to {location}, which is not followed because the key would go along")
            }
            None => {
                parsed.message.unwrap_or_else(|| status.canonical_reason().unwrap_or("no message").to_owned())
            }
        };
        let mut error = Self::new(kind, message).with_response(status, body);
        error.0.error_type = parsed.error_type.or_else(|| text("x-fal-error-type"));
        error.0.retry_after = retry_after(headers).or(parsed.retry_after);
        error.0.request_id = text("x-fal-request-id").or(parsed.request_id);
        error.with_headers(headers)
    }

    /// Returns the message and the error type of a success that says what is wrong in place of its output.
    pub(crate) fn parse_success(body: &[u8]) -> Option<(Option<String>, Option<String>)> {
        ErrorBody::parse_success(body).map(|parsed| {
            let of_field = || parsed.fields.first().map(|field| field.error_type.clone());
            let error_type = parsed.error_type.clone().or_else(of_field);
            (parsed.message, error_type)
        })
    }

    /// Creates the error of an event that reports a failure, in a response that began as a success.
    pub(crate) fn from_error_event(status: StatusCode, data: Bytes) -> Self {
        let parsed = ErrorBody::parse(&data);
        let message = parsed.message.unwrap_or_else(|| "an error without a message".to_owned());
        Self::new(ErrorKind::Api, message).with_error_type(parsed.error_type).with_response(status, data)
    }

    pub(crate) fn violations(violations: Violations) -> Self {
        let message = violations.to_string();
        Self::new(ErrorKind::InvalidInput(violations), message)
    }

    /// Sets the endpoint, unless it is empty, as the id of an untyped endpoint is.
    pub(crate) fn with_endpoint(mut self, endpoint: impl Into<String>) -> Self {
        self.0.endpoint = Some(endpoint.into()).filter(|endpoint| !endpoint.is_empty()).or(self.0.endpoint);
        self
    }

    /// Sets the request id, unless it is `None`.
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

    /// Sets the headers of the response, without those that are secrets.
    pub(crate) fn with_headers(mut self, headers: &HeaderMap) -> Self {
        self.0.headers = without_secrets(headers.clone());
        Secrets::default().mark_in(&mut self.0.headers);
        self
    }

    pub(crate) fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(cause::printable(source.into(), &Secrets::default()));
        self
    }

    /// Removes the secrets of a client, which a service may have repeated, from everything but the body.
    pub(crate) fn hide(mut self, secrets: &Secrets) -> Self {
        let error = &mut *self.0;
        let texts = [&mut error.endpoint, &mut error.request_id, &mut error.error_type];
        for text in texts.into_iter().flatten().chain([&mut error.message]) {
            secrets.remove_from(text);
        }
        match &mut error.kind {
            ErrorKind::Validation(fields) => fields.iter_mut().for_each(|field| field.hide(secrets)),
            ErrorKind::Locked { reason: text } | ErrorKind::Decode { path: text } => {
                secrets.remove_from(text)
            }
            _ => {}
        }
        secrets.mark_in(&mut error.headers);
        error.source = error.source.take().map(|source| cause::printable(source, secrets));
        self
    }

    pub(crate) fn with_sent_request(mut self, sent: Arc<SentRequest>) -> Self {
        self.0.sent_request = Some(sent);
        self
    }

    /// Returns the submit that failed, if it may have been accepted.
    pub(crate) fn sent_request(&self) -> Option<&Arc<SentRequest>> {
        self.0.sent_request.as_ref()
    }

    pub(crate) fn with_error_type(mut self, error_type: Option<String>) -> Self {
        self.0.error_type = error_type;
        self
    }

    /// Puts `context` in front of the message.
    pub(crate) fn with_context(mut self, context: &str) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    /// Appends `suffix` to the message.
    pub(crate) fn with_suffix(mut self, suffix: &str) -> Self {
        self.0.message.push_str(suffix);
        self
    }

    /// Notes that the request carried no key, so that a refusal is not about the key, nor about its account.
    pub(crate) fn without_auth(mut self) -> Self {
        if matches!(self.0.kind, ErrorKind::Auth | ErrorKind::Locked { .. }) {
            self.0.kind = ErrorKind::Api;
        }
        self
    }

    /// Notes that the request was sent and its outcome is not known.
    pub(crate) fn with_unknown_outcome(mut self) -> Self {
        self.0.outcome_unknown = true;
        self
    }

    /// Returns true if the request was sent and its outcome is not known.
    pub(crate) fn is_outcome_unknown(&self) -> bool {
        self.0.outcome_unknown
    }

    /// Notes that the request is in the queue, or was, with its endpoint, its id and its URLs.
    pub(crate) fn with_queued(self, endpoint: &str, request_id: &str, urls: ServerUrls) -> Self {
        let mut error = self.with_endpoint(endpoint).with_request_id(Some(request_id));
        error.0.queued = Some(urls);
        error
    }

    /// Notes that the request is over without an output.
    pub(crate) fn with_end(mut self) -> Self {
        self.0.has_ended = true;
        self
    }

    /// Notes that the request is over, if this answer to the fetch of its result is its own failure. `is_reported` says that
    /// the queue has reported a failure.
    pub(crate) fn with_end_of_result(self, is_reported: bool) -> Self {
        if self.is_failure_of_request(is_reported) { self.with_end() } else { self }
    }

    /// Returns true if this answer to the fetch of a result is the failure of the request itself, so that it is the same at
    /// any later time.
    pub(crate) fn is_failure_of_request(&self, is_reported: bool) -> bool {
        let Some(status) = self.status() else { return false };
        let is_refusal =
            status.is_client_error() && !matches!(status.as_u16(), 401..=404 | 407..=410 | 423 | 425 | 429);
        is_refusal || (is_reported && !self.is_account_wide())
    }

    /// Returns the URLs of the request, if it is in the queue, or was.
    pub(crate) fn server_urls(&self) -> Option<&ServerUrls> {
        self.0.queued.as_ref()
    }

    /// Returns the target of a redirect.
    pub(crate) fn redirect_location(&self) -> Option<&str> {
        self.0.status.filter(StatusCode::is_redirection)?;
        self.0.headers.get(header::LOCATION)?.to_str().ok()
    }

    /// Returns the kind of failure, to decide what to do about it.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Returns the message, in the service's own words if it gave any. It may be long, and repeat the input.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Returns the endpoint that was called, such as `fal-ai/flux/dev`.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        self.0.endpoint.as_deref()
    }

    /// Returns the id of the request, to look up in fal's dashboard or to resume with
    /// [`EndpointHandle::job`](crate::EndpointHandle::job).
    ///
    /// It is the queue's `request_id`, or else the `x-fal-request-id` header.
    #[doc(alias = "x-fal-request-id")]
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// Returns the HTTP status, if there was a response.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        self.0.status
    }

    /// Returns fal's category of the failure, such as `content_policy_violation` or `runner_disconnected`.
    ///
    /// It is the body's `error_type` or `type`, or else the `X-Fal-Error-Type` header. Of a store for files in the
    /// manner of S3, it is the `Code`, such as `AccessDenied`. The module [`error_type`](crate::error_type) has
    /// constants for those that fal documents.
    #[doc(alias = "X-Fal-Error-Type")]
    #[must_use]
    pub fn error_type(&self) -> Option<&str> {
        match (&self.0.error_type, &self.0.kind) {
            (Some(error_type), _) => Some(error_type),
            (None, ErrorKind::Validation(fields)) => fields.first().map(|field| field.error_type.as_str()),
            _ => None,
        }
    }

    /// Returns the body of the response as it was received, even if it could not be parsed.
    ///
    /// Of a response that is larger than [`max_reply_bytes`](crate::ClientBuilder::max_reply_bytes), or that broke off, it
    /// is the beginning.
    #[must_use]
    pub fn body(&self) -> Option<&Bytes> {
        self.0.body.as_ref()
    }

    /// Returns the headers of the response, without those that are secrets. Empty if there was no response.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// Returns the time that the service asked to wait, in `Retry-After` or in the body.
    #[doc(alias = "Retry-After")]
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }
}

/// An input that breaks rules, found by [`try_input!`](crate::try_input!), a `try_builder()` or `validate()`.
impl From<Violations> for Error {
    fn from(violations: Violations) -> Self {
        Self::violations(violations)
    }
}

/// A number outside the range of its parameter.
impl From<OutOfRange> for Error {
    fn from(error: OutOfRange) -> Self {
        Self::violations(error.into())
    }
}

/// A value that an enum of an input does not have.
impl From<UnknownValue> for Error {
    fn from(error: UnknownValue) -> Self {
        Self::violations(error.into())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
