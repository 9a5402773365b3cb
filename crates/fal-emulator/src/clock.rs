//! The emulator's time, which a test may stop and move.

use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;

mod text;

pub(crate) use text::{http_date, iso8601};

/// Time since the start: what has passed on the machine, unless stopped, and what was skipped.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_at: SystemTime,
    stopped: bool,
    skipped: watch::Sender<Duration>,
}

impl Clock {
    pub(crate) fn running() -> Self {
        Self::new(false)
    }

    /// Moves only when [`Self::advance`] is called.
    pub(crate) fn stopped() -> Self {
        Self::new(true)
    }

    fn new(stopped: bool) -> Self {
        let skipped = watch::Sender::new(Duration::ZERO);
        Self { started: Instant::now(), started_at: SystemTime::now(), stopped, skipped }
    }

    /// The time since the start.
    pub(crate) fn now(&self) -> Duration {
        let passed = if self.stopped { Duration::ZERO } else { self.started.elapsed() };
        passed.saturating_add(*self.skipped.borrow())
    }

    /// The time of day at a moment after the start.
    pub(crate) fn date(&self, at: Duration) -> SystemTime {
        self.started_at.checked_add(at).unwrap_or(self.started_at)
    }

    /// Moves the time on and wakes who waits for it.
    pub(crate) fn advance(&self, time: Duration) {
        self.skipped.send_modify(|skipped| *skipped = skipped.saturating_add(time));
    }

    pub(crate) async fn sleep(&self, time: Duration) {
        self.sleep_until(self.now().saturating_add(time)).await;
    }

    pub(crate) async fn sleep_until(&self, moment: Duration) {
        let mut skipped = self.skipped.subscribe();
        loop {
            let left = moment.saturating_sub(self.now());
            if left.is_zero() {
                return;
            }
            tokio::select! {
                // The sender is held by `self`, so that it cannot close.
                _ = skipped.changed() => {}
                () = tokio::time::sleep(left), if !self.stopped => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stopped_clock_moves_only_when_told_and_wakes_its_sleepers() {
        let clock = Clock::stopped();
        assert_eq!(clock.now(), Duration::ZERO);
        let sleep = clock.sleep(Duration::from_secs(3600));
        let advance = async {
            clock.advance(Duration::from_secs(1800));
            tokio::task::yield_now().await;
            clock.advance(Duration::from_secs(1800));
        };
        tokio::join!(sleep, advance);
        assert_eq!(clock.now(), Duration::from_secs(3600));
        assert_eq!(clock.date(clock.now()).duration_since(clock.started_at).unwrap(), clock.now());
    }

    #[tokio::test]
    async fn a_running_clock_can_be_moved_too() {
        let clock = Clock::running();
        clock.sleep(Duration::from_millis(1)).await;
        clock.advance(Duration::from_secs(60));
        clock.sleep_until(Duration::from_secs(60)).await;
        assert!(clock.now() > Duration::from_secs(60));
    }
}
