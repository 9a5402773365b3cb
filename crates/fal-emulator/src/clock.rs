//! The emulator's clock, which a test may stop and move, and the formats of timestamps.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use time::OffsetDateTime;
use tokio::sync::watch;

/// A clock that measures the time since the emulator started.
///
/// The time is the time that passed on the machine, unless the clock is stopped, plus the time that was skipped.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    started_at: SystemTime,
    stopped: bool,
    skipped: watch::Sender<Duration>,
    /// The clock whose skipped time counts too, for the clock of a scope.
    base: Option<Arc<Clock>>,
}

impl Clock {
    pub(crate) fn running() -> Self {
        Self::new(false)
    }

    /// Creates a clock that moves only when [`Self::advance`] is called.
    pub(crate) fn stopped() -> Self {
        Self::new(true)
    }

    fn new(stopped: bool) -> Self {
        let skipped = watch::Sender::new(Duration::ZERO);
        Self { started: Instant::now(), started_at: SystemTime::now(), stopped, skipped, base: None }
    }

    /// Creates a clock that moves with `base`, and that can be moved further by itself.
    pub(crate) fn ahead_of(base: &Arc<Self>) -> Self {
        let Self { started, started_at, stopped, .. } = **base;
        let skipped = watch::Sender::new(Duration::ZERO);
        Self { started, started_at, stopped, skipped, base: Some(Arc::clone(base)) }
    }

    /// Returns the time since the start.
    pub(crate) fn now(&self) -> Duration {
        let passed = if self.stopped { Duration::ZERO } else { self.started.elapsed() };
        let of_base = self.base.as_ref().map_or(Duration::ZERO, |base| *base.skipped.borrow());
        passed.saturating_add(of_base).saturating_add(*self.skipped.borrow())
    }

    /// Converts a time since the start to a time of day.
    pub(crate) fn to_system_time(&self, time: Duration) -> SystemTime {
        self.started_at.checked_add(time).unwrap_or(self.started_at)
    }

    /// Moves the time forward and wakes the sleepers whose time has come.
    pub(crate) fn advance(&self, time: Duration) {
        self.skipped.send_modify(|skipped| *skipped = skipped.saturating_add(time));
    }

    pub(crate) async fn sleep(&self, time: Duration) {
        self.sleep_until(self.now().saturating_add(time)).await;
    }

    pub(crate) async fn sleep_until(&self, deadline: Duration) {
        let mut skipped = self.skipped.subscribe();
        let mut of_base = self.base.as_ref().map(|base| base.skipped.subscribe());
        loop {
            let left = deadline.saturating_sub(self.now());
            if left.is_zero() {
                return;
            }
            let base_skipped = async {
                match &mut of_base {
                    Some(of_base) => of_base.changed().await.is_ok(),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // `self` holds the senders, so the channels cannot close.
                _ = skipped.changed() => {}
                _ = base_skipped => {}
                () = tokio::time::sleep(left), if !self.stopped => {}
            }
        }
    }
}

/// The last second that has a four-digit year, in seconds since 1970.
const LAST_SECOND: Duration = Duration::from_secs(253_402_300_799);

/// Formats a time as ISO 8601 in UTC, with microseconds and an explicit offset.
///
/// Versions of Python before 3.11 cannot parse the suffix `Z` that RFC 3339 formatters write.
pub(crate) fn format_iso8601(time: SystemTime) -> String {
    let time = OffsetDateTime::from(clamp(time));
    let (date, (hour, minute, second, microsecond)) = (time.date(), time.to_hms_micro());
    format!("{date}T{hour:02}:{minute:02}:{second:02}.{microsecond:06}+00:00")
}

/// Formats a time as in the `Date` header: `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn format_http_date(time: SystemTime) -> String {
    httpdate::fmt_http_date(clamp(time))
}

/// Returns the nearest time in the years 1970 to 9999. Both libraries panic outside of that range, into which
/// [`Clock::advance`] can lead.
fn clamp(time: SystemTime) -> SystemTime {
    time.clamp(UNIX_EPOCH, UNIX_EPOCH + LAST_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stopped_clock_moves_only_by_advance_and_wakes_its_sleepers() {
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
        assert_eq!(clock.to_system_time(clock.now()).duration_since(clock.started_at).unwrap(), clock.now());
    }

    #[tokio::test]
    async fn the_clock_of_a_scope_moves_with_its_base_and_by_itself() {
        let base = Arc::new(Clock::stopped());
        let (one, two) = (Clock::ahead_of(&base), Clock::ahead_of(&base));
        let sleep = one.sleep(Duration::from_secs(3));
        let advance = async {
            one.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
            base.advance(Duration::from_secs(2));
        };
        tokio::join!(sleep, advance);
        let seconds = [&one, &two, &base].map(|clock| clock.now().as_secs());
        assert_eq!(seconds, [3, 2, 2]);
    }

    #[tokio::test]
    async fn a_running_clock_can_be_advanced() {
        let clock = Clock::running();
        clock.sleep(Duration::from_millis(1)).await;
        clock.advance(Duration::from_secs(60));
        clock.sleep_until(Duration::from_secs(60)).await;
        assert!(clock.now() > Duration::from_secs(60));
    }

    #[test]
    fn timestamps_have_the_documented_formats() {
        let iso8601 = |seconds| format_iso8601(UNIX_EPOCH + Duration::from_secs(seconds));
        let header = |seconds| format_http_date(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(header(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(header(951_782_399), "Mon, 28 Feb 2000 23:59:59 GMT");
        assert_eq!(iso8601(0), "1970-01-01T00:00:00.000000+00:00");
        assert_eq!(iso8601(951_782_399), "2000-02-28T23:59:59.000000+00:00");
        assert_eq!(iso8601(951_782_400), "2000-02-29T00:00:00.000000+00:00");
        assert_eq!(iso8601(1_735_689_599), "2024-12-31T23:59:59.000000+00:00");
    }

    #[test]
    fn timestamps_out_of_range_do_not_panic() {
        let (early, late) =
            (UNIX_EPOCH - Duration::from_secs(1), UNIX_EPOCH + Duration::from_secs(300_000_000_000));
        assert_eq!(format_http_date(early), "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(format_http_date(late), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(format_iso8601(late), "9999-12-31T23:59:59.000000+00:00");
    }
}
