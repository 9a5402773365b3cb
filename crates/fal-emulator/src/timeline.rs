//! What state a request is in after a given time: the simulated queue, without a clock of its own.

use std::time::Duration;

use crate::pace::Pace;

#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    pub(crate) pace: Pace,
    /// The caller's limit on the time until a runner starts.
    pub(crate) start_timeout: Option<Duration>,
    /// The runner refuses the input, which takes no time.
    pub(crate) refused: bool,
    /// When a cancel was accepted.
    pub(crate) cancelled: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Queued { ahead: u32 },
    Running,
    Done(End),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The runner answered, with an output or a refusal.
    Answered,
    Cancelled,
    StartTimeout,
}

impl Timeline {
    pub(crate) fn phase(&self, elapsed: Duration) -> Phase {
        let (end, at) = self.end();
        if elapsed >= at {
            return Phase::Done(end);
        }
        if elapsed >= self.starts_at() {
            return Phase::Running;
        }
        let place = self.pace.place_time().as_nanos().max(1);
        let passed = u32::try_from(elapsed.as_nanos() / place).unwrap_or(u32::MAX);
        Phase::Queued { ahead: self.pace.places().saturating_sub(passed) }
    }

    /// The times, after submission, of the log lines written by `elapsed`.
    pub(crate) fn lines(&self, elapsed: Duration) -> impl Iterator<Item = (u32, Duration)> {
        let (_, end) = self.end();
        let last = elapsed.min(end);
        let lines = if self.refused { 0 } else { self.pace.lines() };
        let start = self.starts_at();
        let run = self.pace.run_time();
        (1..=lines)
            .map(move |number| (number, start.saturating_add(run * number / lines.max(1))))
            .take_while(move |(_, at)| *at <= last)
    }

    /// When the state changes next.
    pub(crate) fn next_change(&self, elapsed: Duration) -> Option<Duration> {
        let place = self.pace.place_time();
        let next_place = (!place.is_zero()).then(|| {
            let passed = u32::try_from(elapsed.as_nanos() / place.as_nanos()).unwrap_or(u32::MAX);
            place.saturating_mul(passed.saturating_add(1))
        });
        let (_, end) = self.end();
        let lines = self.lines(Duration::MAX).map(|(_, at)| at);
        let start = self.starts_at();
        let places = next_place.filter(|at| *at < start);
        lines.chain(places).chain([start, end]).filter(|at| *at > elapsed && *at <= end).min()
    }

    /// How long it ran, once it is done.
    pub(crate) fn run_time(&self) -> Duration {
        self.end().1.saturating_sub(self.starts_at())
    }

    fn starts_at(&self) -> Duration {
        self.pace.place_time().saturating_mul(self.pace.places().saturating_add(1))
    }

    /// Whatever comes first of: a cancel, the start deadline, the answer.
    fn end(&self) -> (End, Duration) {
        let start = self.starts_at();
        let run = if self.refused { Duration::ZERO } else { self.pace.run_time() };
        let mut end = (End::Answered, start.saturating_add(run));
        if let Some(deadline) = self.start_timeout.filter(|deadline| *deadline < start) {
            end = (End::StartTimeout, deadline);
        }
        match self.cancelled {
            Some(at) if at < end.1 => (End::Cancelled, at),
            _ => end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn timeline() -> Timeline {
        let pace = Pace::default().ahead(2).per_position(ms(10)).run(ms(100)).log_lines(4);
        Timeline { pace, start_timeout: None, refused: false, cancelled: None }
    }

    #[test]
    fn positions_count_down_then_it_runs_then_it_is_done() {
        let phases = [0, 9, 10, 20, 29, 30, 129, 130].map(|at| timeline().phase(ms(at)));
        assert_eq!(
            phases,
            [
                Phase::Queued { ahead: 2 },
                Phase::Queued { ahead: 2 },
                Phase::Queued { ahead: 1 },
                Phase::Queued { ahead: 0 },
                Phase::Queued { ahead: 0 },
                Phase::Running,
                Phase::Running,
                Phase::Done(End::Answered),
            ]
        );
        assert_eq!(timeline().run_time(), ms(100));
    }

    #[test]
    fn log_lines_appear_one_by_one_and_stay() {
        let lines = |at| timeline().lines(ms(at)).count();
        assert_eq!([29, 54, 55, 80, 105, 130, 5000].map(lines), [0, 0, 1, 2, 3, 4, 4]);
    }

    #[test]
    fn a_cancel_ends_it_in_the_queue_and_while_running_but_not_afterwards() {
        let cancelled = |at| Timeline { cancelled: Some(ms(at)), ..timeline() };
        assert_eq!(cancelled(5).phase(ms(5)), Phase::Done(End::Cancelled));
        assert_eq!(cancelled(5).phase(ms(4)), Phase::Queued { ahead: 2 });
        assert_eq!(cancelled(80).phase(ms(500)), Phase::Done(End::Cancelled));
        assert_eq!(cancelled(80).lines(ms(500)).count(), 2);
        assert_eq!(cancelled(130).phase(ms(500)), Phase::Done(End::Answered));
    }

    #[test]
    fn the_start_deadline_counts_only_while_queued() {
        let limited = |at| Timeline { start_timeout: Some(ms(at)), ..timeline() };
        assert_eq!(limited(20).phase(ms(19)), Phase::Queued { ahead: 1 });
        assert_eq!(limited(20).phase(ms(20)), Phase::Done(End::StartTimeout));
        assert_eq!(limited(30).phase(ms(500)), Phase::Done(End::Answered));
    }

    #[test]
    fn refused_inputs_end_when_a_runner_would_start() {
        let refused = Timeline { refused: true, ..timeline() };
        assert_eq!(refused.phase(ms(29)), Phase::Queued { ahead: 0 });
        assert_eq!(refused.phase(ms(30)), Phase::Done(End::Answered));
        assert_eq!(refused.lines(ms(500)).count(), 0);
    }

    #[test]
    fn every_change_is_foretold() {
        let mut at = Duration::ZERO;
        let mut moments = Vec::new();
        while let Some(next) = timeline().next_change(at) {
            moments.push(next.as_millis());
            at = next;
        }
        assert_eq!(moments, [10, 20, 30, 55, 80, 105, 130]);
        let hasty = Timeline { start_timeout: Some(ms(15)), ..timeline() };
        assert_eq!(hasty.next_change(ms(10)), Some(ms(15)));
        assert_eq!(hasty.next_change(ms(15)), None);
    }

    #[test]
    fn an_instant_pace_is_done_at_once_with_all_its_lines() {
        let instant = Timeline { pace: Pace::instant(), ..timeline() };
        assert_eq!(instant.phase(Duration::ZERO), Phase::Done(End::Answered));
        assert_eq!(instant.lines(Duration::ZERO).count(), 4);
    }
}
