//! The settings of a look for requests.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::Deliveries;
use crate::timestamp::system_now;

/// The patience and other settings with which requests are looked for.
///
/// ```
/// use std::time::Duration;
/// use fal_client::reconcile::Reconcile;
///
/// let settings = Reconcile::default().lag(Duration::from_secs(120)).timeout(Duration::from_secs(300));
/// ```
#[derive(Debug, Clone)]
pub struct Reconcile {
    pub(super) lag: Duration,
    pub(super) timeout: Option<Duration>,
    pub(super) first_pause: Duration,
    pub(super) clock_skew: Duration,
    pub(super) needs_witness: bool,
    pub(super) deliveries: Deliveries,
    clock: Option<Clock>,
}

/// A clock in place of the one of this machine.
#[derive(Clone)]
struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

impl Default for Reconcile {
    fn default() -> Self {
        Self {
            lag: Duration::from_secs(600),
            timeout: None,
            first_pause: Duration::from_secs(2),
            clock_skew: Duration::from_secs(300),
            needs_witness: true,
            deliveries: Deliveries::default(),
            clock: None,
        }
    }
}

impl Reconcile {
    /// Sets the time after which an accepted request is surely listed. Defaults to 10 minutes.
    ///
    /// fal lists requests once they run, so this must be longer than the wait in the queue and the delay of the list
    /// together. A request with a [`start_timeout`](crate::queue::SubmitRequest::start_timeout) waits no longer than that.
    #[must_use]
    pub fn lag(mut self, lag: Duration) -> Self {
        self.lag = lag;
        self
    }

    /// Sets the time after which requests that are not decided stay in doubt. Defaults to the lag and 5 minutes, and the time
    /// that reading the lists takes.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the pause between the first two looks, which doubles up to 30 s. Defaults to 2 s.
    #[must_use]
    pub fn first_pause(mut self, pause: Duration) -> Self {
        self.first_pause = pause;
        self
    }

    /// Sets the largest difference between this machine's clock and fal's. Defaults to 5 minutes.
    #[must_use]
    pub fn clock_skew(mut self, skew: Duration) -> Self {
        self.clock_skew = skew;
        self
    }

    /// Sets the clock by which the submits were begun, if it is not the one of this machine: for submits of other machines,
    /// that of their database.
    #[must_use]
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Some(Clock(Arc::new(now)));
        self
    }

    /// Returns the time by the clock by which the submits were begun.
    pub(super) fn now(&self) -> SystemTime {
        self.clock.as_ref().map_or_else(system_now, |clock| (clock.0)())
    }

    /// Concludes that a request was not accepted even if the list has no other request of that time.
    ///
    /// For endpoints that are hardly used. If the list is empty because it is out of order, the conclusion is wrong, and a
    /// request that is then sent again is paid twice.
    #[must_use]
    pub fn without_witness(mut self) -> Self {
        self.needs_witness = false;
        self
    }

    /// Looks into the webhook deliveries before it asks fal.
    #[must_use]
    pub fn deliveries(mut self, deliveries: Deliveries) -> Self {
        self.deliveries = deliveries;
        self
    }

    /// Returns the time after which looking ends.
    pub(super) fn time_limit(&self) -> Duration {
        self.timeout.unwrap_or_else(|| self.lag.saturating_add(Duration::from_secs(300)))
    }
}
