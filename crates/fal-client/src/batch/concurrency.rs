//! The number of requests that a batch has under way.

use std::{fmt, sync::Mutex, time::Duration};

use tokio::{sync::Notify, time::Instant};

use crate::sync::lock;

/// The number of requests that a batch has under way, for [`BatchRequest::concurrency`](super::BatchRequest::concurrency).
///
/// ```
/// use fal_client::batch::Concurrency;
///
/// let fixed: Concurrency = 32.into();
/// let found = Concurrency::adaptive().max(200);
/// assert_eq!(found.to_string(), "up to 200 requests, as many as the account runs at once");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Concurrency {
    max: usize,
    is_adaptive: bool,
}

impl Concurrency {
    /// Finds the number of requests that the account runs at the same time, and sends that many.
    ///
    /// Starts with 4. While requests start at once, each that is done allows one more; when they wait in the queue, the
    /// number follows from the shares of waiting and running. 429 lowers it to what runs, and is never a failure of the
    /// request: it is sent again for as long as others are accepted, and for ten minutes after the last one was.
    #[must_use]
    pub fn adaptive() -> Self {
        Self { max: 1000, is_adaptive: true }
    }

    /// Sets the largest number, at least 1. 1,000 by default.
    #[must_use]
    pub fn max(mut self, requests: usize) -> Self {
        self.max = requests.max(1);
        self
    }

    /// Returns the largest number.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.max
    }

    /// Returns true for [`adaptive`](Self::adaptive).
    #[must_use]
    pub fn is_adaptive(&self) -> bool {
        self.is_adaptive
    }
}

impl From<usize> for Concurrency {
    fn from(requests: usize) -> Self {
        Self { max: requests.max(1), is_adaptive: false }
    }
}

impl fmt::Display for Concurrency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_adaptive {
            write!(f, "up to {} requests, as many as the account runs at once", self.max)
        } else {
            write!(f, "{} requests", self.max)
        }
    }
}

/// The first number of an adaptive batch.
const START: f64 = 4.0;

/// The share of waiting in the time of a request from which on the account is taken for busy, and which is aimed at: it
/// shows that all that can run does run.
const BUSY: f64 = 0.04;

/// The growth in the time of a request after the first guess, as a share.
const MAX_GROWTH: f64 = 0.15;

/// The growth in the time of a request once the number is found, in requests: the account may get more room.
const SLOW_GROWTH: f64 = 0.5;

/// The largest weight of the newest request in the share of waiting.
const MAX_WEIGHT: f64 = 0.25;

/// The wait in the queue that is taken for none: updates arrive late by as much.
const UNNOTICED: Duration = Duration::from_millis(50);

/// The time without growth after a 429, which doubles with every further one up to the second.
const FIRST_CAUTION: Duration = Duration::from_secs(5);
const MAX_CAUTION: Duration = Duration::from_secs(60);

/// The pause before a request is sent again after a 429 without `Retry-After`.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const MAX_PAUSE: Duration = Duration::from_secs(30);

/// The time after the last accepted request for which 429 is no failure.
const PATIENCE: Duration = Duration::from_secs(600);

/// Limits the number of requests under way.
#[derive(Debug)]
pub(super) struct Limiter {
    concurrency: Concurrency,
    state: Mutex<State>,
    /// Notified when there may be room for a request.
    freed: Notify,
}

#[derive(Debug)]
struct State {
    limit: f64,
    /// The number of requests in the queue or running.
    accepted: usize,
    /// The number of refused requests that are being sent again.
    resent: usize,
    /// The largest of these numbers in the time of about a request.
    peak: f64,
    /// `true` until the account was busy once.
    is_starting: bool,
    /// `true` once the account was busy with the number that followed.
    is_settled: bool,
    /// The smoothed share of waiting.
    waiting: f64,
    /// Requests that were accepted before the last change of the limit say nothing about it.
    changed_at: Instant,
    grows_from: Instant,
    caution: Duration,
    last_accepted: Instant,
}

/// The place of a refused request that is sent again. Dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Place<'a>(&'a Limiter);

/// A request that was accepted. Dropping it means that it is no longer under way.
#[derive(Debug)]
pub(super) struct UnderWay<'a> {
    limiter: &'a Limiter,
    accepted_at: Instant,
    /// The number of requests under way when it was accepted.
    among: usize,
}

impl Limiter {
    pub(super) fn new(concurrency: Concurrency) -> Self {
        let now = Instant::now();
        let state = State {
            limit: START.min(to_float(concurrency.max)),
            accepted: 0,
            resent: 0,
            peak: 0.0,
            is_starting: true,
            is_settled: false,
            waiting: 0.0,
            changed_at: now,
            grows_from: now,
            caution: FIRST_CAUTION,
            last_accepted: now,
        };
        Self { concurrency, state: Mutex::new(state), freed: Notify::new() }
    }

    pub(super) fn is_adaptive(&self) -> bool {
        self.concurrency.is_adaptive
    }

    /// Returns the number of requests that may be under way, at least 1.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is between 1 and the maximum"
    )]
    pub(super) fn limit(&self) -> usize {
        if !self.is_adaptive() {
            return self.concurrency.max;
        }
        (lock(&self.state).limit.round() as usize).clamp(1, self.concurrency.max)
    }

    /// Notes that a request was accepted.
    pub(super) fn accepted(&self) -> UnderWay<'_> {
        let mut state = lock(&self.state);
        state.accepted += 1;
        state.peak = state.peak.max(to_float(state.accepted));
        state.last_accepted = Instant::now();
        UnderWay { limiter: self, accepted_at: state.last_accepted, among: state.accepted }
    }

    /// Waits until fewer requests are accepted, or being sent again, than may be under way. Returns the place of a refused
    /// request among the latter, so that others do not take the same room.
    pub(super) async fn wait_for_room(&self) -> Place<'_> {
        loop {
            let freed = self.freed.notified();
            tokio::pin!(freed);
            // Registered before the look, so that no notification is missed.
            freed.as_mut().enable();
            let limit = self.limit();
            {
                let mut state = lock(&self.state);
                if state.accepted + state.resent < limit {
                    state.resent += 1;
                    return Place(self);
                }
            }
            freed.await;
        }
    }

    /// Notes that a request was refused with 429 for the `nth` time in a row. Returns the pause before it is sent again, or
    /// `None` to give up.
    pub(super) fn refused(&self, nth: u32, retry_after: Option<Duration>) -> Option<Duration> {
        if !self.is_adaptive() {
            return None;
        }
        let now = Instant::now();
        let mut state = lock(&self.state);
        if now.duration_since(state.last_accepted) > PATIENCE {
            return None;
        }
        // Others that were sent at the same moment are refused for the same reason.
        if state.changed_at + FIRST_PAUSE <= now || state.is_starting {
            // The account runs what it has accepted. Others that were taken under a higher limit are refused, too.
            state.limit = to_float(state.accepted).clamp(1.0, state.limit.max(1.0));
            (state.is_starting, state.is_settled) = (false, true);
            state.changed_at = now;
            state.grows_from = now + state.caution;
            state.caution = (state.caution * 2).min(MAX_CAUTION);
        }
        let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(nth.min(10))).min(MAX_PAUSE);
        Some(retry_after.map_or(pause, |asked| asked.clamp(FIRST_PAUSE, PATIENCE)))
    }
}

impl UnderWay<'_> {
    /// Notes that the request is completed, after it has waited and run for these times.
    pub(super) fn completed(&self, waited: Duration, ran: Duration) {
        if !self.limiter.is_adaptive() {
            return;
        }
        let now = Instant::now();
        let max = to_float(self.limiter.concurrency.max);
        let mut state = lock(&self.limiter.state);
        let waited = waited.saturating_sub(UNNOTICED).as_secs_f64();
        let share = waited / (waited + ran.as_secs_f64()).max(f64::MIN_POSITIVE);
        if state.is_starting {
            if share < BUSY {
                state.grow(now, 1.0, max);
            } else {
                // As many as ran beside it. The number has grown since it was accepted.
                state.limit = (to_float(self.among) * (1.0 - share)).clamp(1.0, max);
                state.is_starting = false;
                state.changed_at = now;
            }
            return;
        }
        // It met other requests than those that the present number lets through.
        if self.accepted_at < state.changed_at {
            return;
        }
        let weight = (1.0 / state.limit).min(MAX_WEIGHT);
        state.waiting += weight * (share - state.waiting);
        if state.waiting < BUSY {
            let slow = SLOW_GROWTH / state.limit;
            let growth = if state.is_settled { slow } else { MAX_GROWTH.max(slow) };
            state.grow(now, growth, max);
        } else {
            // By the excess, spread over as many requests as there are.
            state.limit = (state.limit - (state.waiting - BUSY)).max(1.0);
            state.is_settled = true;
        }
    }
}

impl State {
    /// Raises the limit, unless far fewer requests are under way than it allows: they say nothing about more.
    fn grow(&mut self, now: Instant, by: f64, max: f64) {
        self.peak = (self.peak * (1.0 - 0.5 / self.limit)).max(to_float(self.accepted));
        if now >= self.grows_from && self.peak * 1.5 + 1.0 >= self.limit {
            self.limit = (self.limit + by).min(max);
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.limiter.state);
        state.accepted = state.accepted.saturating_sub(1);
        drop(state);
        self.limiter.freed.notify_waiters();
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.state);
        state.resent = state.resent.saturating_sub(1);
        drop(state);
        self.0.freed.notify_waiters();
    }
}

fn to_float(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
