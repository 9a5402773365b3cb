//! Telling the caller of every attempt.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use http::{HeaderMap, Method, StatusCode};

use super::{Failure, Request, Transport};

pub(crate) type Hook = Arc<dyn Fn(&Attempt<'_>) + Send + Sync>;

/// One attempt at a request, as [`ClientBuilder::on_attempt`](crate::ClientBuilder::on_attempt) is told.
#[derive(Debug)]
pub struct Attempt<'a> {
    request: &'a Request,
    number: u32,
    elapsed: Duration,
    outcome: Result<(StatusCode, &'a HeaderMap), &'a Failure>,
    pause: Option<Duration>,
}

impl Attempt<'_> {
    /// `GET`, `POST` or `PUT`.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.request.method
    }

    /// The host that was asked, such as `queue.fal.run`.
    #[must_use]
    pub fn host(&self) -> &str {
        self.request.url.host_str().unwrap_or_default()
    }

    /// The path, without the query, in which uploads are signed.
    #[must_use]
    pub fn path(&self) -> &str {
        self.request.url.path()
    }

    /// 1 for the first.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// Since the first attempt began.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.elapsed
    }

    /// The status of the answer, if there was one.
    #[must_use]
    pub fn status(&self) -> Option<StatusCode> {
        match self.outcome {
            Ok((status, _)) => Some(status),
            Err(Failure::Refused(status, ..) | Failure::HalfRefused(status, ..)) => Some(*status),
            Err(_) => None,
        }
    }

    /// `x-fal-request-id` of the answer.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        match self.outcome {
            Ok((_, headers)) | Err(Failure::Refused(_, headers, _) | Failure::HalfRefused(_, headers, _)) => {
                headers.get("x-fal-request-id")?.to_str().ok()
            }
            Err(_) => None,
        }
    }

    /// Why it failed, if it did, in a few words.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.outcome.err().map(Failure::summary)
    }

    /// How long until the next attempt; `None` when this was the last.
    #[must_use]
    pub fn pause(&self) -> Option<Duration> {
        self.pause
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
    pub(super) fn observe(
        &self,
        request: &Request,
        number: u32,
        start: Instant,
        outcome: Result<(StatusCode, &HeaderMap), &Failure>,
        pause: Option<Duration>,
    ) {
        if let Some(hook) = &self.on_attempt {
            hook(&Attempt { request, number, elapsed: start.elapsed(), outcome, pause });
        }
    }
}
