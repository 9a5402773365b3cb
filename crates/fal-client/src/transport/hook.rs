//! The hook that observes every attempt.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderMap, Method, StatusCode};

use super::{Failure, Request, Transport};
use crate::timeout::now;

pub(crate) type Hook = Arc<dyn Fn(&Attempt<'_>) + Send + Sync>;

/// An attempt at a request, for the hook set with [`ClientBuilder::on_attempt`](crate::ClientBuilder::on_attempt).
pub struct Attempt<'a> {
    request: &'a Request,
    number: u32,
    elapsed: Duration,
    outcome: Result<(StatusCode, &'a HeaderMap), &'a Failure>,
    retry_delay: Option<Duration>,
}

impl Attempt<'_> {
    /// Returns the HTTP method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.request.method
    }

    /// Returns the host, such as `queue.fal.run`.
    #[must_use]
    pub fn host(&self) -> &str {
        self.request.url.host_str().unwrap_or_default()
    }

    /// Returns the path, without the query, because uploads are signed there.
    #[must_use]
    pub fn path(&self) -> &str {
        self.request.url.path()
    }

    /// Returns the number of the attempt, which is 1 for the first.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Returns the time since the first attempt began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// Returns the status of the response, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self.outcome {
            Ok((status, _)) => Some(status),
            Err(Failure::Refused(status, ..) | Failure::HalfRefused(status, ..)) => Some(*status),
            Err(_) => None,
        }
    }

    /// Returns the `x-fal-request-id` of the response.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self.outcome {
            Ok((_, headers)) | Err(Failure::Refused(_, headers, _) | Failure::HalfRefused(_, headers, _)) => {
                headers.get("x-fal-request-id")?.to_str().ok()
            }
            Err(_) => None,
        }
    }

    /// Returns the reason of a failure in a few words, or `None` for a success.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.outcome.err().map(Failure::summary)
    }

    /// Returns the delay before the next attempt, or `None` if this was the last.
    #[must_use]
    pub fn retry_delay(&self) -> Option<Duration> {
        self.retry_delay
    }
}

impl fmt::Debug for Attempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt")
            .field("request", &self.request)
            .field("number", &self.number)
            .field("elapsed", &self.elapsed)
            .field("status", &self.status())
            .field("failure", &self.outcome.err())
            .field("retry_delay", &self.retry_delay)
            .finish()
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.url.path())
            .finish_non_exhaustive()
    }
}

impl Transport {
    /// Calls the hook, if there is one.
    pub(super) fn observe(
        &self,
        request: &Request,
        number: u32,
        start: Instant,
        outcome: Result<(StatusCode, &HeaderMap), &Failure>,
        retry_delay: Option<Duration>,
    ) {
        if let Some(hook) = &self.on_attempt {
            hook(&Attempt { request, number, elapsed: now().duration_since(start), outcome, retry_delay });
        }
    }
}
