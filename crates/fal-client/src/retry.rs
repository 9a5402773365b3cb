//! When a request is sent again, and after how long.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    time::{Duration, SystemTime},
};

use http::{HeaderMap, StatusCode};

/// How often, and how patiently, a request is sent again.
///
/// Which failures qualify is not a matter of policy, but of what a second request could do:
///
/// | failure | status, cancel, upload, download | result | `run`, `submit` |
/// |---|---|---|---|
/// | no connection | yes | yes | yes |
/// | the connection broke, or was silent for too long, after sending | yes | yes | no |
/// | 429 | yes | yes | yes |
/// | 408, 409 | yes | yes | unless fal itself answered |
/// | 503 | yes | yes | unless fal itself answered |
/// | 502, 504 | yes | yes | no |
/// | 500 | yes | when the queue said that the job went well | no |
/// | any 5xx with `X-Fal-Needs-Retry: 1` | yes | yes | yes |
/// | anything with `X-Fal-Needs-Retry: 0` or `X-Fal-Request-Timeout-Type` | no | no | no |
///
/// `run` and `submit` start work that is billed, and fal has no idempotency key. They are sent again only
/// when the first request cannot have been accepted. A connection that breaks after the request was sent is
/// an error, because the work may be running, and so is a 502 or 504 of the load balancer, which has passed
/// the request on. [`even_if_accepted`](Self::even_if_accepted) sends them again nevertheless. fal itself
/// answered when there is an `x-fal-request-id` or JSON.
///
/// `Retry-After`, in seconds or as a date, is waited for. When it asks for more than [`max_delay`](Self::max_delay), or
/// when the pause would not end before the call's own timeout, the error is returned at once, with
/// [`Error::retry_after`](crate::Error::retry_after).
///
/// ```
/// use std::time::Duration;
/// use fal_client::Retry;
///
/// let patient = Retry::default().max_attempts(8).max_delay(Duration::from_secs(60));
/// let never = Retry::none();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    max_attempts: Option<u32>,
    waiting_attempts: Option<u32>,
    base_delay: Duration,
    max_delay: Duration,
    jitter: bool,
    give_up_after: Option<Duration>,
    even_if_accepted: bool,
}

/// The attempts of a request unless the caller sets another number.
const MAX_ATTEMPTS: u32 = 4;

/// The attempts at each status and the result of a job that is waited for, unless the caller sets a number.
const WAITING_ATTEMPTS: u32 = 10;

impl Default for Retry {
    /// 4 attempts, 10 at a job that is waited for; 250 ms before the second, doubling up to 30 s, with jitter.
    fn default() -> Self {
        let (base_delay, max_delay) = (Duration::from_millis(250), Duration::from_secs(30));
        Self {
            max_attempts: None,
            waiting_attempts: None,
            base_delay,
            max_delay,
            jitter: true,
            give_up_after: None,
            even_if_accepted: false,
        }
    }
}

impl Retry {
    /// One attempt.
    #[must_use]
    pub fn none() -> Self {
        Self::default().max_attempts(1)
    }

    /// The number of attempts in all, the first one included. 0 means 1.
    #[must_use]
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts.max(1));
        self
    }

    /// The number of attempts at each status and at the result of a job that is waited for, by `subscribe`
    /// or [`Job::wait`](crate::queue::Job::wait). The job goes on while the network does not, so 10 by default,
    /// which is a minute and a half. To be set after [`max_attempts`](Self::max_attempts), which sets it too.
    #[must_use]
    pub fn waiting_attempts(mut self, attempts: u32) -> Self {
        self.waiting_attempts = Some(attempts.max(1));
        self
    }

    pub(crate) fn patient(mut self) -> Self {
        self.max_attempts = Some(self.waiting_attempts.or(self.max_attempts).unwrap_or(WAITING_ATTEMPTS));
        self
    }

    /// The pause before the second attempt. It doubles with every further one.
    #[must_use]
    pub fn base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = delay;
        self
    }

    /// The longest pause.
    #[must_use]
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Whether a pause is shortened by up to half, at random, so that many callers do not come back at
    /// the same moment. On by default.
    #[must_use]
    pub fn jitter(mut self, jitter: bool) -> Self {
        self.jitter = jitter;
        self
    }

    /// How long after the first attempt the last one may begin. No limit by default.
    #[must_use]
    pub fn give_up_after(mut self, time: Duration) -> Self {
        self.give_up_after = Some(time);
        self
    }

    /// Sends `run` and `submit` again also when the first request may have been accepted: after a connection
    /// that broke, and after 502 and 504. The work may then be done, and billed, twice.
    #[must_use]
    pub fn even_if_accepted(mut self, again: bool) -> Self {
        self.even_if_accepted = again;
        self
    }

    /// The pause before attempt `attempt + 1`, or `None` to give up. `left` is what remains of the time that
    /// the call may take, `elapsed` how long it has been tried.
    pub(crate) fn pause(
        &self,
        attempt: u32,
        retry_class: RetryClass,
        outcome: &Outcome<'_>,
        elapsed: Duration,
        left: Option<Duration>,
    ) -> Option<Duration> {
        if attempt >= self.max_attempts.unwrap_or(MAX_ATTEMPTS)
            || !retry_class.allows(outcome, self.even_if_accepted)
        {
            return None;
        }
        let doubled = self.base_delay.saturating_mul(1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX));
        let pause = doubled.min(self.max_delay);
        let pause = if self.jitter { pause.mul_f64(0.5 + random() / 2.0) } else { pause };
        let pause = match outcome {
            Outcome::Status(_, headers) => match retry_after(headers) {
                Some(asked) if asked > self.max_delay => return None,
                Some(asked) => pause.max(asked),
                None => pause,
            },
            _ => pause,
        };
        let too_late = left.is_some_and(|left| pause >= left)
            || self.give_up_after.is_some_and(|limit| elapsed.saturating_add(pause) > limit);
        (!too_late).then_some(pause)
    }
}

/// What sending a request twice can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RetryClass {
    /// Nothing.
    Idempotent,
    /// Nothing, but an answer may be the failure that was asked for: the result of a job of which nothing is
    /// known.
    ResultFetch,
    /// Nothing, but any answer of fal's is the failure that was asked for: the result of a job that failed.
    FailedResultFetch,
    /// Start, and bill, the work twice.
    Billable,
}

/// How an attempt failed.
pub(crate) enum Outcome<'a> {
    /// No connection, so nothing was sent.
    Unconnected,
    /// The connection broke, or took too long, after something was sent.
    Broken,
    /// An answer that is not a success.
    Status(StatusCode, &'a HeaderMap),
}

impl fmt::Display for Outcome<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unconnected => f.write_str("no connection"),
            Self::Broken => f.write_str("broken connection"),
            Self::Status(status, _) => write!(f, "{}", status.as_u16()),
        }
    }
}

impl RetryClass {
    fn allows(self, outcome: &Outcome<'_>, even_if_accepted: bool) -> bool {
        let (status, headers) = match outcome {
            Outcome::Unconnected => return true,
            Outcome::Broken => return self != Self::Billable || even_if_accepted,
            Outcome::Status(status, headers) => (status.as_u16(), headers),
        };
        if is_final(headers) {
            return false;
        }
        let from_fal = is_from_fal(headers);
        match self {
            Self::FailedResultFetch => !from_fal && matches!(status, 408 | 429 | 502..=504),
            _ if says(headers, "x-fal-needs-retry", "1") && matches!(status, 429 | 500..) => true,
            Self::Idempotent => matches!(status, 408 | 409 | 429 | 500 | 502..=504),
            Self::ResultFetch => matches!(status, 408 | 409 | 429 | 502..=504),
            Self::Billable => match status {
                429 => true,
                408 | 409 | 503 => !from_fal,
                502 | 504 => even_if_accepted && !from_fal,
                _ => false,
            },
        }
    }
}

/// Whether fal answered, and not something in front of it.
fn is_from_fal(headers: &HeaderMap) -> bool {
    let json = headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    headers.contains_key("x-fal-request-id") || json.is_some_and(|value| value.contains("json"))
}

/// Asking again is of no use, says the service, or not what the caller wanted.
fn is_final(headers: &HeaderMap) -> bool {
    headers.contains_key("x-fal-request-timeout-type")
        || says(headers, "x-fal-needs-retry", "0")
        // The name in older documents.
        || says(headers, "x-fal-retryable", "false")
}

fn says(headers: &HeaderMap, name: &str, what: &str) -> bool {
    headers.get(name).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(what.as_bytes()))
}

/// `Retry-After`, in seconds or as a date. A date is compared with the service's own clock if it shows it.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let asked = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = asked.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(asked).ok()?;
    let clock = headers.get(http::header::DATE).and_then(|date| date.to_str().ok());
    let now = clock.and_then(|date| httpdate::parse_http_date(date).ok()).unwrap_or_else(SystemTime::now);
    Some(date.duration_since(now).unwrap_or_default())
}

/// A number in 0..1. `RandomState` is seeded by the system, which is as random as jitter needs.
fn random() -> f64 {
    f64::from(u32::try_from(RandomState::new().hash_one(0) >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests;
