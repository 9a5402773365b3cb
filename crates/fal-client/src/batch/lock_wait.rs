//! The patience of a batch whose account is locked.

use std::time::Duration;

/// The patience of a batch whose account is locked, for
/// [`BatchRequest::wait_while_locked`](super::BatchRequest::wait_while_locked).
///
/// ```
/// use std::time::Duration;
/// use fal_client::batch::LockWait;
///
/// let over_night = LockWait::default().limit(Duration::from_secs(12 * 3600));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockWait {
    pub(super) first_pause: Duration,
    pub(super) max_pause: Duration,
    pub(super) limit: Duration,
}

impl Default for LockWait {
    /// Probes after 30 s, then after pauses that double up to 10 minutes, for a day.
    fn default() -> Self {
        Self {
            first_pause: Duration::from_secs(30),
            max_pause: Duration::from_secs(600),
            limit: Duration::from_secs(24 * 3600),
        }
    }
}

impl LockWait {
    /// Sets the time from the lock to the first probe, which doubles with every further one. Defaults to 30 s.
    #[must_use]
    pub fn first_pause(mut self, pause: Duration) -> Self {
        self.first_pause = pause;
        self
    }

    /// Sets the longest pause between two probes. Defaults to 10 minutes.
    #[must_use]
    pub fn max_pause(mut self, pause: Duration) -> Self {
        self.max_pause = pause;
        self
    }

    /// Sets the time after which the batch stops if the lock has not ended. Defaults to a day.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Returns the pause after `pause`.
    pub(super) fn next_pause(&self, pause: Duration) -> Duration {
        pause.saturating_mul(2).min(self.max_pause)
    }
}
