//! The retry policy.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    time::{Duration, SystemTime},
};

use http::{HeaderMap, StatusCode};

use crate::headers::is_json;

/// The retry policy of a call: the number of attempts and the delays between them.
///
/// The policy does not decide which failures are retried. That follows from what a second request could do:
///
/// | failure | status, cancel, upload, download | result | `run`, `submit` |
/// |---|---|---|---|
/// | no connection, or it broke before the whole request was sent | yes | yes | yes |
/// | the connection broke, or was silent for too long, after sending | yes | yes | no |
/// | 429 | yes | yes | yes |
/// | 408, 409 | yes | yes | unless fal itself answered |
/// | 503 | yes | yes | unless fal itself answered |
/// | 502, 504 | yes | yes | no |
/// | 500 | yes | if the queue said that the job went well | no |
/// | 501, 505 | no | no | no |
/// | any other 5xx | yes | yes | no |
/// | a success whose body is empty, cut or no JSON | yes | yes | no |
/// | any 5xx with `X-Fal-Needs-Retry: 1` | yes | yes | yes |
/// | anything with `X-Fal-Needs-Retry: 0` or `X-Fal-Request-Timeout-Type` | no | no | no |
///
/// `run` and `submit` start work that is billed, and fal has no idempotency key. They are sent again only if the
/// first request cannot have been accepted. A connection that breaks after the request was sent is an error, because
/// the work may be running, and so is a 502 or 504 of the load balancer, which has forwarded the request.
/// [`even_if_accepted`](Self::even_if_accepted) retries these too. fal itself answered if the response has an
/// `x-fal-request-id` or a JSON body.
///
/// A request that is answered with 429 was not accepted, so patience costs nothing: it is sent again for
/// [a minute](Self::rate_limit_budget), whatever the number of attempts.
///
/// `Retry-After`, in seconds or as a date, is respected. If it asks for more than [`max_delay`](Self::max_delay) and
/// the rest of the minute, or if the delay would not end before the timeout of the call, the error is returned
/// at once, with [`Error::retry_after`](crate::Error::retry_after). A call that waits for a job is more patient: it
/// waits for as long as 429 and 503 ask, until its own timeout, because the job goes on.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use fal_client::Retry;
///
/// let patient = Retry::default().max_attempts(8).max_delay(Duration::from_secs(60));
/// let never = Retry::none();
/// ```
#[doc(alias("retries", "backoff"))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    max_attempts: Option<u32>,
    waiting_attempts: Option<u32>,
    base_delay: Duration,
    max_delay: Duration,
    jitter: bool,
    rate_limit_budget: Option<Duration>,
    give_up_after: Option<Duration>,
    even_if_accepted: bool,
    /// `true` for a request about a job that is waited for.
    is_waiting: bool,
}

/// The default of [`Retry::rate_limit_budget`].
const RATE_LIMIT_BUDGET: Duration = Duration::from_secs(60);

/// The longest `Retry-After` that a waiting call without a timeout obeys. The job may be done long before.
const MAX_WAITING_DELAY: Duration = Duration::from_secs(3600);

/// The default of [`Retry::max_attempts`].
const MAX_ATTEMPTS: u32 = 4;

/// The default of [`Retry::waiting_attempts`].
const WAITING_ATTEMPTS: u32 = 10;

impl Default for Retry {
    /// Makes 4 attempts, and 10 while waiting for a job. Waits 250 ms before the second attempt, doubling up to 30 s,
    /// with jitter.
    fn default() -> Self {
        Self {
            max_attempts: None,
            waiting_attempts: None,
            base_delay: Duration::from_millis(250),
            max_delay: Duration::from_secs(30),
            jitter: true,
            rate_limit_budget: None,
            give_up_after: None,
            even_if_accepted: false,
            is_waiting: false,
        }
    }
}

impl Retry {
    /// Makes one attempt.
    #[must_use]
    pub fn none() -> Self {
        Self::default().max_attempts(1)
    }

    /// Sets the number of attempts, the first one included. Defaults to 4; 0 means 1.
    #[doc(alias = "max_retries")]
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts.max(1));
        self
    }

    /// Sets the number of attempts at each status and at the result of a job that is waited for, by `subscribe`
    /// or [`Job::wait`](crate::queue::Job::wait).
    ///
    /// Defaults to [`max_attempts`](Self::max_attempts) if that is set, and else to 10, which take a minute and a
    /// half: the job goes on while the network is down.
    #[must_use]
    pub fn waiting_attempts(mut self, attempts: u32) -> Self {
        self.waiting_attempts = Some(attempts.max(1));
        self
    }

    /// Returns this policy with the number of attempts of a waiting call.
    pub(crate) fn for_waiting(mut self) -> Self {
        self.rate_limit_budget = Some(self.effective_rate_limit_budget());
        self.max_attempts = Some(self.waiting_attempts.or(self.max_attempts).unwrap_or(WAITING_ATTEMPTS));
        self.is_waiting = true;
        self
    }

    /// Sets the time for which a request is sent again that is answered with 429, whatever the number of attempts.
    ///
    /// Defaults to a minute, and to none if [`max_attempts`](Self::max_attempts) is set.
    #[must_use]
    pub fn rate_limit_budget(mut self, time: Duration) -> Self {
        self.rate_limit_budget = Some(time);
        self
    }

    fn effective_rate_limit_budget(&self) -> Duration {
        let default = if self.max_attempts.is_some() { Duration::ZERO } else { RATE_LIMIT_BUDGET };
        self.rate_limit_budget.unwrap_or(default)
    }

    /// Sets the delay before the second attempt, which doubles with every further one. Defaults to 250 ms.
    #[must_use]
    pub fn base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = delay;
        self
    }

    /// Sets the longest delay. Defaults to 30 s.
    #[must_use]
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Sets whether delays are shortened at random by up to half, so that many callers do not retry at the same
    /// moment. On by default.
    #[must_use]
    pub fn jitter(mut self, jitter: bool) -> Self {
        self.jitter = jitter;
        self
    }

    /// Limits the time between the first attempt and the start of the last. No limit by default.
    #[must_use]
    pub fn give_up_after(mut self, time: Duration) -> Self {
        self.give_up_after = Some(time);
        self
    }

    /// Retries `run` and `submit` even if the first request may have been accepted: after a broken connection, and
    /// after 502 and 504. Off by default.
    ///
    /// The work may then be done, and billed, twice.
    #[must_use]
    pub fn even_if_accepted(mut self, retry: bool) -> Self {
        self.even_if_accepted = retry;
        self
    }

    /// Returns the delay before attempt `attempt + 1`, or `None` to give up.
    ///
    /// `elapsed` is the time since the first attempt, and `left` the time until the deadline of the call.
    pub(crate) fn delay(
        &self,
        attempt: u32,
        class: RetryClass,
        outcome: &Outcome<'_>,
        elapsed: Duration,
        left: Option<Duration>,
    ) -> Option<Duration> {
        if !class.allows_retry(outcome, self.even_if_accepted) {
            return None;
        }
        let (status, asked) = match outcome {
            Outcome::Status(status, headers) => (Some(status.as_u16()), retry_after(headers)),
            _ => (None, None),
        };
        // The service answers, and says when to come back: a waiting call comes back.
        let is_invited = self.is_waiting && asked.is_some() && matches!(status, Some(429 | 503));
        let budget = match status {
            Some(429) => self.effective_rate_limit_budget().saturating_sub(elapsed),
            _ => Duration::ZERO,
        };
        if attempt >= self.max_attempts.unwrap_or(MAX_ATTEMPTS) && budget.is_zero() && !is_invited {
            return None;
        }
        let doubled = self.base_delay.saturating_mul(1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX));
        let delay = doubled.min(self.max_delay);
        let delay = if self.jitter { delay.mul_f64(0.5 + random() / 2.0) } else { delay };
        let delay = match asked {
            Some(asked) if is_invited => delay.max(asked.min(MAX_WAITING_DELAY)),
            Some(asked) if asked > self.max_delay.max(budget) => return None,
            Some(asked) => delay.max(asked),
            // The last attempt is at the end of the budget.
            None if !budget.is_zero() => delay.min(budget),
            None => delay,
        };
        let is_too_late = left.is_some_and(|left| delay >= left)
            || self.give_up_after.is_some_and(|limit| elapsed.saturating_add(delay) > limit);
        (!is_too_late).then_some(delay)
    }
}

/// The class of a request, by what sending it twice can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryClass {
    /// A second request changes nothing.
    Idempotent,
    /// The result of a job of which nothing is known. A second request changes nothing, but a 500 may be the failure
    /// of the job rather than of the request.
    ResultFetch,
    /// The result of a job that failed. A second request changes nothing, and every response of fal's is the failure
    /// that was asked for.
    FailedResultFetch,
    /// A second request may start, and bill, the work twice.
    Billable,
}

/// The outcome of a failed attempt.
pub(crate) enum Outcome<'a> {
    /// There was no connection, so nothing was sent.
    Unconnected,
    /// The connection broke, or took too long, after something was sent.
    Broken,
    /// The response is a success that makes no sense.
    Nonsense,
    /// The response is not a success.
    Status(StatusCode, &'a HeaderMap),
}

impl fmt::Display for Outcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unconnected => f.write_str("no connection"),
            Self::Broken => f.write_str("broken connection"),
            Self::Nonsense => f.write_str("nonsense"),
            Self::Status(status, _) => write!(f, "{}", status.as_u16()),
        }
    }
}

impl RetryClass {
    fn allows_retry(self, outcome: &Outcome<'_>, even_if_accepted: bool) -> bool {
        let (status, headers) = match outcome {
            Outcome::Unconnected => return true,
            Outcome::Broken => return self != Self::Billable || even_if_accepted,
            Outcome::Nonsense => return self != Self::Billable,
            Outcome::Status(status, headers) => (status.as_u16(), headers),
        };
        if forbids_retry(headers) {
            return false;
        }
        let from_fal = is_from_fal(headers);
        match self {
            _ if matches!(status, 501 | 505) => false,
            Self::FailedResultFetch => !from_fal && matches!(status, 408 | 429 | 502..=599),
            _ if has_value(headers, "x-fal-needs-retry", "1") && matches!(status, 429 | 500..) => true,
            Self::Idempotent => matches!(status, 408 | 409 | 429 | 500..=599),
            Self::ResultFetch => matches!(status, 408 | 409 | 429 | 502..=599),
            Self::Billable => match status {
                429 => true,
                408 | 409 | 503 => !from_fal,
                502 | 504 => even_if_accepted && !from_fal,
                _ => false,
            },
        }
    }
}

/// Returns true if the response is of fal, and not of a load balancer or proxy in front of it.
fn is_from_fal(headers: &HeaderMap) -> bool {
    headers.contains_key("x-fal-request-id") || is_json(headers)
}

/// Returns true if the service says that a retry is of no use, or if the caller's `start_timeout` has passed.
fn forbids_retry(headers: &HeaderMap) -> bool {
    headers.contains_key("x-fal-request-timeout-type") || says_never(headers)
}

/// Returns true if the service says that a retry is of no use.
pub(crate) fn says_never(headers: &HeaderMap) -> bool {
    has_value(headers, "x-fal-needs-retry", "0")
        // The name in older documents.
        || has_value(headers, "x-fal-retryable", "false")
}

fn has_value(headers: &HeaderMap, name: &str, expected: &str) -> bool {
    headers.get(name).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(expected.as_bytes()))
}

/// Parses `Retry-After`, in seconds or as a date. A date is compared with `Date`, the service's own clock, if there is
/// one.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let retry_after = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if retry_after.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        let seconds: f64 = retry_after.parse().ok()?;
        // A number that no `Duration` can hold is a demand to stay away.
        return Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX));
    }
    let date = httpdate::parse_http_date(retry_after).ok()?;
    let clock = headers.get(http::header::DATE).and_then(|date| date.to_str().ok());
    let now = clock.and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or_else(SystemTime::now);
    Some(date.duration_since(now).unwrap_or_default())
}

/// Returns a number in 0..=1. `RandomState` is seeded by the system, which is random enough for jitter.
fn random() -> f64 {
    f64::from(u32::try_from(RandomState::new().hash_one(0) >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests;
