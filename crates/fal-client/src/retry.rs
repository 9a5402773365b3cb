//! When a request is sent again, and after how long.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use http::{HeaderMap, StatusCode};

/// How often, and how patiently, a request is sent again.
///
/// Which failures qualify is not a matter of policy:
///
/// - Status, result, cancel, upload and download can be repeated without consequence. They are sent
///   again after any transport error and after 408, 429, 502, 503 and 504.
/// - `run` and `submit` start work that is billed, and fal has no idempotency key. They are sent again
///   only when the first request cannot have been accepted: the connection was never made, the service
///   answered 429, or 502, 503 or 504 came without `x-fal-request-id`, so from in front of fal. A
///   connection that breaks after the request was sent is an error, because the work may be running.
///
/// `X-Fal-Needs-Retry: 0` ends all of it, and so does a 504 with `X-Fal-Request-Timeout-Type`, which is
/// the caller's own `start_timeout`. `Retry-After` in seconds is waited for; when it asks for more than
/// [`cap`](Self::cap), the error is returned instead, with [`Error::retry_after`](crate::Error::retry_after).
///
/// ```
/// use std::time::Duration;
/// use fal_client::Retry;
///
/// let patient = Retry::default().max_attempts(8).cap(Duration::from_secs(60));
/// let never = Retry::none();
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retry {
    max_attempts: u32,
    base: Duration,
    cap: Duration,
    jitter: bool,
}

impl Default for Retry {
    /// 4 attempts, 250 ms before the second, doubling up to 30 s, with jitter.
    fn default() -> Self {
        let (base, cap) = (Duration::from_millis(250), Duration::from_secs(30));
        Self { max_attempts: 4, base, cap, jitter: true }
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
        self.max_attempts = attempts.max(1);
        self
    }

    /// The pause before the second attempt. It doubles with every further one.
    #[must_use]
    pub fn base(mut self, pause: Duration) -> Self {
        self.base = pause;
        self
    }

    /// The longest pause.
    #[must_use]
    pub fn cap(mut self, pause: Duration) -> Self {
        self.cap = pause;
        self
    }

    /// Whether a pause is shortened by up to half, at random, so that many callers do not come back at
    /// the same moment. On by default.
    #[must_use]
    pub fn jitter(mut self, jitter: bool) -> Self {
        self.jitter = jitter;
        self
    }

    /// The pause before attempt `attempt + 1`, or `None` to give up.
    pub(crate) fn pause(&self, attempt: u32, repeat: Repeat, outcome: &Outcome<'_>) -> Option<Duration> {
        if attempt >= self.max_attempts || !repeat.allows(outcome) {
            return None;
        }
        let doubled = self.base.saturating_mul(1_u32.checked_shl(attempt - 1).unwrap_or(u32::MAX));
        let pause = doubled.min(self.cap);
        let pause = if self.jitter { pause.mul_f64(0.5 + random() / 2.0) } else { pause };
        match outcome {
            Outcome::Status(_, headers) => match retry_after(headers) {
                Some(asked) if asked > self.cap => None,
                Some(asked) => Some(pause.max(asked)),
                None => Some(pause),
            },
            _ => Some(pause),
        }
    }
}

/// Whether sending a request twice can do harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Repeating changes nothing.
    Freely,
    /// As [`Freely`](Self::Freely), but the status is the answer: the result of a failed job, say.
    UnlessAnswered,
    /// Repeating may start, and bill, the work twice.
    WhenUnaccepted,
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

impl Repeat {
    fn allows(self, outcome: &Outcome<'_>) -> bool {
        let (status, headers) = match outcome {
            Outcome::Unconnected => return true,
            Outcome::Broken => return self != Self::WhenUnaccepted,
            Outcome::Status(status, headers) => (status.as_u16(), headers),
        };
        if self == Self::UnlessAnswered || is_final(headers) {
            return false;
        }
        match (self, status) {
            (_, 429) => true,
            (Self::WhenUnaccepted, 502..=504) => !headers.contains_key("x-fal-request-id"),
            (Self::Freely, 408 | 502..=504) => true,
            _ => false,
        }
    }
}

/// The service says that asking again is of no use.
fn is_final(headers: &HeaderMap) -> bool {
    let says =
        |name: &str, no: &str| headers.get(name).is_some_and(|value| value.as_bytes() == no.as_bytes());
    headers.contains_key("x-fal-request-timeout-type")
        || says("x-fal-needs-retry", "0")
        // The name in older documents.
        || says("x-fal-retryable", "false")
}

/// `Retry-After`, which fal's services give in seconds if at all.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// A number in 0..1. `RandomState` is seeded by the system, which is as random as jitter needs.
fn random() -> f64 {
    f64::from(u32::try_from(RandomState::new().hash_one(0) >> 32).unwrap_or(0)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use Repeat::{Freely, UnlessAnswered, WhenUnaccepted};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn work_is_never_started_twice() {
        let id = headers(&[("x-fal-request-id", "r1")]);
        let none = HeaderMap::new();
        assert!(WhenUnaccepted.allows(&Outcome::Unconnected));
        assert!(!WhenUnaccepted.allows(&Outcome::Broken));
        assert!(Freely.allows(&Outcome::Broken));
        assert!(UnlessAnswered.allows(&Outcome::Broken));
        // status, headers, freely, when unaccepted
        let table = [
            (408, &none, true, false),
            (429, &none, true, true),
            (429, &id, true, true),
            (500, &none, false, false),
            (502, &none, true, true),
            (503, &id, true, false),
            (504, &id, true, false),
            (504, &none, true, true),
            (422, &none, false, false),
            (401, &none, false, false),
            (307, &none, false, false),
        ];
        for (status, headers, freely, unaccepted) in table {
            let outcome = Outcome::Status(StatusCode::from_u16(status).unwrap(), headers);
            assert_eq!(Freely.allows(&outcome), freely, "{status}");
            assert_eq!(WhenUnaccepted.allows(&outcome), unaccepted, "{status}");
            assert!(!UnlessAnswered.allows(&outcome), "{status}");
        }
    }

    #[test]
    fn the_service_can_forbid_it() {
        for pair in
            [("x-fal-needs-retry", "0"), ("x-fal-retryable", "false"), ("x-fal-request-timeout-type", "user")]
        {
            let headers = headers(&[pair]);
            assert!(!Freely.allows(&Outcome::Status(StatusCode::GATEWAY_TIMEOUT, &headers)), "{pair:?}");
        }
        let headers = headers(&[("x-fal-needs-retry", "1")]);
        assert!(Freely.allows(&Outcome::Status(StatusCode::GATEWAY_TIMEOUT, &headers)));
    }

    #[test]
    fn pauses_double_up_to_the_cap() {
        let retry =
            Retry::default().max_attempts(99).base(Duration::from_secs(1)).cap(Duration::from_secs(5));
        let exact = retry.clone().jitter(false);
        let pauses: Vec<_> =
            [1, 2, 3, 4, 40, 98].map(|n| exact.pause(n, Freely, &Outcome::Broken).unwrap().as_secs()).into();
        assert_eq!(pauses, [1, 2, 4, 5, 5, 5]);
        assert_eq!(exact.pause(99, Freely, &Outcome::Broken), None);
        for _ in 0..100 {
            let pause = retry.pause(1, Freely, &Outcome::Broken).unwrap();
            assert!((0.5..=1.0).contains(&pause.as_secs_f64()), "{pause:?}");
        }
        assert_eq!(Retry::none().pause(1, Freely, &Outcome::Unconnected), None);
    }

    #[test]
    fn retry_after_is_waited_for_or_returned() {
        let retry = Retry::default().jitter(false);
        let pause = |seconds: &'static str| {
            let headers = headers(&[("retry-after", seconds)]);
            retry.pause(1, Freely, &Outcome::Status(StatusCode::TOO_MANY_REQUESTS, &headers))
        };
        assert_eq!(pause("7"), Some(Duration::from_secs(7)));
        assert_eq!(pause("31"), None);
        assert_eq!(pause("soon"), Some(Duration::from_millis(250)));
    }
}
