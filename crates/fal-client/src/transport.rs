//! Requests and answers over HTTP, with retries, limits and the key.

mod attempt;
mod failure;
mod hook;
mod tls;
#[cfg(feature = "realtime")]
mod upgrades;

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use self::failure::Failure;
pub use self::hook::Attempt;
pub(crate) use self::hook::Hook;
pub(crate) use self::tls::default_http;
#[cfg(feature = "realtime")]
pub(crate) use self::upgrades::Upgrades;
use crate::{Hosts, Result, Retry, backup::Backups, credentials::Authorization, retry::RetryClass};

/// What sends requests. One a client.
pub(crate) struct Transport {
    pub(crate) http: reqwest::Client,
    #[cfg(feature = "realtime")]
    pub(crate) upgrades: Upgrades,
    pub(crate) hosts: Hosts,
    pub(crate) authorization: Authorization,
    /// Of every request to fal: `User-Agent`, the key unless it has to be asked for, what the caller set.
    pub(crate) headers: HeaderMap,
    /// Where requests to fal are sent instead, for a server that has the key.
    pub(crate) proxy: Option<Url>,
    pub(crate) backups: Backups,
    pub(crate) on_attempt: Option<Hook>,
    pub(crate) limits: Limits,
}

/// What a client takes in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bytes of one answer.
    pub(crate) reply: u64,
}

/// A request that can be sent several times.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) content: Content,
    /// Whether it is for fal, so that the key goes along.
    to_fal: bool,
    /// Whether it asks for another protocol, which HTTP/1.1 alone can change to.
    pub(crate) upgrade: bool,
    pub(crate) retry_class: RetryClass,
    pub(crate) retry: Retry,
    /// How long one attempt may take.
    pub(crate) timeout: Option<Duration>,
    /// When the whole call has to be done.
    pub(crate) deadline: Option<Instant>,
}

/// The body of a request.
pub(crate) enum Content {
    None,
    Json(Bytes),
    /// The content of an upload.
    Bytes(Bytes),
    /// The content of an upload, made anew for every attempt.
    Body {
        length: u64,
        make: Box<dyn Fn() -> reqwest::Body + Send + Sync>,
    },
}

/// A success.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    /// A request to one of fal's services, with the key.
    pub(crate) fn to_fal(method: Method, url: Url, retry_class: RetryClass) -> Self {
        Self { to_fal: true, ..Self::to_anyone(method, url, retry_class) }
    }

    /// A request to wherever a URL points, without the key.
    pub(crate) fn to_anyone(method: Method, url: Url, retry_class: RetryClass) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            content: Content::None,
            to_fal: false,
            upgrade: false,
            retry_class,
            retry: Retry::default(),
            timeout: None,
            deadline: None,
        }
    }
}

impl Transport {
    pub(crate) fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    pub(crate) fn has_key(&self) -> bool {
        !matches!(self.authorization, Authorization::None)
    }

    /// Whether streams of events can be had. fal's proxy does not pass on the header that asks for one.
    pub(crate) fn streams(&self) -> bool {
        self.proxy.is_none()
    }

    /// The largest event that is taken, in bytes.
    pub(crate) fn event_limit(&self) -> usize {
        self.limits.reply.try_into().unwrap_or(usize::MAX)
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&self, request: &Request) -> Result<Response> {
        let (start, mut number) = (Instant::now(), 1);
        loop {
            match self.whole(request, number).await {
                Ok(answer) => {
                    self.observe(request, number, start, Ok((answer.status, &answer.headers)), None);
                    return Ok(answer);
                }
                Err(failure) => tokio::time::sleep(self.pause(request, number, start, failure)?).await,
            }
            number += 1;
        }
    }

    /// Sends a request and leaves the body of the answer to be read.
    pub(crate) async fn open(&self, request: &Request) -> Result<reqwest::Response> {
        let (start, mut number) = (Instant::now(), 1);
        loop {
            match self.attempt(request, number).await {
                Ok(response) => {
                    self.observe(request, number, start, Ok((response.status(), response.headers())), None);
                    return Ok(response);
                }
                Err(failure) => tokio::time::sleep(self.pause(request, number, start, failure)?).await,
            }
            number += 1;
        }
    }

    /// How long to wait for the next attempt, unless this was the last.
    fn pause(&self, request: &Request, number: u32, start: Instant, failure: Failure) -> Result<Duration> {
        let left = request.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let outcome = failure.outcome();
        let pause = outcome.as_ref().and_then(|outcome| {
            request.retry.pause(number, request.retry_class, outcome, start.elapsed(), left)
        });
        self.observe(request, number, start, Err(&failure), pause);
        let Some(pause) = pause else {
            let mut error = failure.into_error();
            // What may have been accepted must not look like what was not.
            if request.retry_class == RetryClass::Billable && error.is_unanswered() {
                error = error.with_suffix("; the request was sent, so the work may be running");
            }
            return Err(error);
        };
        tracing::debug!(attempt = number, ?pause, outcome = %failure.summary(), "sending again");
        Ok(pause)
    }
}

#[cfg(test)]
mod tests;
