//! The times at which a call that waits sends requests.

use std::time::Duration;

use tokio::time::Instant;

/// The maximum number of requests that a call may send later than plain polling would have.
const MAX_CREDIT: i32 = 4;

/// The pauses between two polls of the status.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PollSchedule {
    first: Duration,
    next: Duration,
    max: Duration,
    /// `true` if the request is polled without trying its status stream.
    pub(super) is_exclusive: bool,
}

impl Default for PollSchedule {
    /// Notices a request of a second soon, and costs one poll a second for a request of minutes.
    fn default() -> Self {
        let first = Duration::from_millis(50);
        Self { first, next: first, max: Duration::from_secs(1), is_exclusive: false }
    }
}

impl PollSchedule {
    /// Polls at a fixed interval, and never opens the status stream.
    pub(crate) fn every(interval: Duration) -> Self {
        Self { first: interval, next: interval, max: interval, is_exclusive: true }
    }

    /// Returns the next pause. Each is longer than the one before by half.
    pub(super) fn next_pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.saturating_add(pause / 2).min(self.max);
        pause
    }

    pub(super) fn restart(&mut self) {
        self.next = self.first;
    }
}

/// The number of requests that plain polling would have sent by now, less those that were sent.
///
/// A call waits until it has credit for the next request. So it never sends more requests than plain polling,
/// however its status streams behave.
#[derive(Debug)]
pub(super) struct RequestBudget {
    /// The pauses of plain polling since the beginning, which are never restarted.
    schedule: PollSchedule,
    /// The time of plain polling's next request.
    next: Instant,
    credit: i32,
}

impl RequestBudget {
    pub(super) fn new() -> Self {
        // Plain polling sends its first request at once.
        Self { schedule: PollSchedule::default(), next: Instant::now(), credit: 0 }
    }

    /// Subtracts a request that is sent now. Urgent ones may take more credit than there is.
    pub(super) fn spend(&mut self) {
        self.credit -= 1;
    }

    /// Waits until `requests` may be sent, which are fewer than the maximum of credit.
    pub(super) async fn wait_for(&mut self, requests: i32) {
        loop {
            self.add_credit(Instant::now());
            if self.credit >= requests {
                return;
            }
            tokio::time::sleep_until(self.next).await;
        }
    }

    /// Adds the requests that plain polling has sent by `now`.
    fn add_credit(&mut self, now: Instant) {
        while self.next <= now {
            self.next += self.schedule.next_pause();
            self.credit = (self.credit + 1).min(MAX_CREDIT);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(schedule: &mut PollSchedule, count: usize) -> Vec<u128> {
        (0..count).map(|_| schedule.next_pause().as_millis()).collect()
    }

    #[test]
    fn pauses_grow_by_half_up_to_the_maximum() {
        assert_eq!(
            pauses(&mut PollSchedule::default(), 10),
            [50, 75, 112, 168, 253, 379, 569, 854, 1000, 1000]
        );
    }

    #[test]
    fn fixed_interval_does_not_grow() {
        assert_eq!(pauses(&mut PollSchedule::every(Duration::from_secs(2)), 2), [2000; 2]);
        let mut schedule = PollSchedule::every(Duration::MAX);
        assert_eq!([schedule.next_pause(), schedule.next_pause()], [Duration::MAX; 2]);
    }

    #[test]
    fn restart_returns_to_the_first_pause() {
        let mut schedule = PollSchedule::default();
        pauses(&mut schedule, 9);
        schedule.restart();
        assert_eq!(pauses(&mut schedule, 2), [50, 75]);
    }

    #[tokio::test(start_paused = true)]
    async fn debt_is_paid_before_the_next_request() {
        let (mut budget, start) = (RequestBudget::new(), Instant::now());
        budget.wait_for(1).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        budget.spend();
        budget.spend();
        // Plain polling has sent 4 requests by then: at 0, 50, 125 and 237 ms.
        budget.wait_for(2).await;
        assert_eq!(start.elapsed().as_millis(), 238);
    }

    #[tokio::test(start_paused = true)]
    async fn credit_is_limited() {
        let mut budget = RequestBudget::new();
        tokio::time::sleep(Duration::from_secs(3600)).await;
        budget.wait_for(1).await;
        assert_eq!(budget.credit, MAX_CREDIT);
    }
}
