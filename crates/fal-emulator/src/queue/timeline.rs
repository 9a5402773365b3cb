//! The simulated queue as a function of time.

use std::time::Duration;

use crate::pace::Pace;

/// The course of a request as a function of the time since its submission.
#[derive(Clone, Debug)]
pub(crate) struct Timeline {
    pub(crate) pace: Pace,
    /// The caller's limit on the time until a runner starts.
    pub(crate) start_timeout: Option<Duration>,
    /// `true` if the runner refuses the input, which takes no time.
    pub(crate) refused: bool,
    /// The time at which a cancellation was accepted.
    pub(crate) cancelled: Option<Duration>,
}

/// The phase of a request in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The request waits behind `ahead` others.
    Queued {
        ahead: u32,
    },
    Running,
    Done(Completion),
}

/// The way in which a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Completion {
    /// The runner answered, with an output or a refusal.
    Answered,
    Cancelled,
    StartTimeout,
}

impl Timeline {
    pub(crate) fn phase(&self, elapsed: Duration) -> Phase {
        let (completion, end) = self.end();
        if elapsed >= end {
            return Phase::Done(completion);
        }
        if elapsed >= self.start_time() {
            return Phase::Running;
        }
        let position_time = self.pace.position_time().as_nanos().max(1);
        let passed = u32::try_from(elapsed.as_nanos() / position_time).unwrap_or(u32::MAX);
        Phase::Queued { ahead: self.pace.requests_ahead().saturating_sub(passed) }
    }

    /// Returns the numbers of the log lines that are written by `elapsed`, each with its time.
    pub(crate) fn log_lines(&self, elapsed: Duration) -> impl Iterator<Item = (u32, Duration)> {
        let (_, end) = self.end();
        let last = elapsed.min(end);
        let lines = if self.refused { 0 } else { self.pace.log_line_count() };
        let start = self.start_time();
        let run = self.pace.run_time();
        (1..=lines)
            .map(move |number| (number, start.saturating_add(run * number / lines.max(1))))
            .take_while(move |(_, time)| *time <= last)
    }

    /// Returns the time of the next change of phase, position or log lines.
    pub(crate) fn next_change(&self, elapsed: Duration) -> Option<Duration> {
        let position_time = self.pace.position_time();
        let next_position = (!position_time.is_zero()).then(|| {
            let passed = u32::try_from(elapsed.as_nanos() / position_time.as_nanos()).unwrap_or(u32::MAX);
            position_time.saturating_mul(passed.saturating_add(1))
        });
        let (_, end) = self.end();
        let lines = self.log_lines(Duration::MAX).map(|(_, time)| time);
        let start = self.start_time();
        let positions = next_position.filter(|time| *time < start);
        lines.chain(positions).chain([start, end]).filter(|time| *time > elapsed && *time <= end).min()
    }

    /// Returns the time between the start of the run and the end.
    pub(crate) fn run_time(&self) -> Duration {
        self.end().1.saturating_sub(self.start_time())
    }

    /// Returns the start and the end of the run, as far as they have been reached.
    pub(crate) fn run_times(&self, elapsed: Duration) -> (Option<Duration>, Option<Duration>) {
        let (_, end) = self.end();
        let start = self.start_time();
        ((start <= end && start <= elapsed).then_some(start), (end <= elapsed).then_some(end))
    }

    fn start_time(&self) -> Duration {
        self.pace.position_time().saturating_mul(self.pace.requests_ahead().saturating_add(1))
    }

    /// Returns the end: a cancellation, the start timeout or the answer, whichever comes first.
    fn end(&self) -> (Completion, Duration) {
        let start = self.start_time();
        let run = if self.refused { Duration::ZERO } else { self.pace.run_time() };
        let mut end = (Completion::Answered, start.saturating_add(run));
        if let Some(deadline) = self.start_timeout.filter(|deadline| *deadline < start) {
            end = (Completion::StartTimeout, deadline);
        }
        match self.cancelled {
            Some(time) if time < end.1 => (Completion::Cancelled, time),
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
    fn a_request_counts_down_runs_and_completes() {
        let phases = [0, 9, 10, 20, 29, 30, 129, 130].map(|time| timeline().phase(ms(time)));
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
                Phase::Done(Completion::Answered),
            ]
        );
        assert_eq!(timeline().run_time(), ms(100));
    }

    #[test]
    fn log_lines_appear_one_by_one_and_stay() {
        let lines = |time| timeline().log_lines(ms(time)).count();
        assert_eq!([29, 54, 55, 80, 105, 130, 5000].map(lines), [0, 0, 1, 2, 3, 4, 4]);
    }

    #[test]
    fn a_cancellation_ends_a_queued_or_running_request_but_not_a_completed_one() {
        let cancelled = |time| Timeline { cancelled: Some(ms(time)), ..timeline() };
        assert_eq!(cancelled(5).phase(ms(5)), Phase::Done(Completion::Cancelled));
        assert_eq!(cancelled(5).phase(ms(4)), Phase::Queued { ahead: 2 });
        assert_eq!(cancelled(80).phase(ms(500)), Phase::Done(Completion::Cancelled));
        assert_eq!(cancelled(80).log_lines(ms(500)).count(), 2);
        assert_eq!(cancelled(130).phase(ms(500)), Phase::Done(Completion::Answered));
    }

    #[test]
    fn the_start_timeout_applies_only_while_queued() {
        let limited = |time| Timeline { start_timeout: Some(ms(time)), ..timeline() };
        assert_eq!(limited(20).phase(ms(19)), Phase::Queued { ahead: 1 });
        assert_eq!(limited(20).phase(ms(20)), Phase::Done(Completion::StartTimeout));
        assert_eq!(limited(30).phase(ms(500)), Phase::Done(Completion::Answered));
    }

    #[test]
    fn a_refused_input_completes_when_a_runner_would_start() {
        let refused = Timeline { refused: true, ..timeline() };
        assert_eq!(refused.phase(ms(29)), Phase::Queued { ahead: 0 });
        assert_eq!(refused.phase(ms(30)), Phase::Done(Completion::Answered));
        assert_eq!(refused.log_lines(ms(500)).count(), 0);
    }

    #[test]
    fn next_change_names_every_change() {
        let mut elapsed = Duration::ZERO;
        let mut changes = Vec::new();
        while let Some(next) = timeline().next_change(elapsed) {
            changes.push(next.as_millis());
            elapsed = next;
        }
        assert_eq!(changes, [10, 20, 30, 55, 80, 105, 130]);
        let limited = Timeline { start_timeout: Some(ms(15)), ..timeline() };
        assert_eq!(limited.next_change(ms(10)), Some(ms(15)));
        assert_eq!(limited.next_change(ms(15)), None);
    }

    #[test]
    fn an_instant_pace_completes_at_once_with_all_log_lines() {
        let instant = Timeline { pace: Pace::instant(), ..timeline() };
        assert_eq!(instant.phase(Duration::ZERO), Phase::Done(Completion::Answered));
        assert_eq!(instant.log_lines(Duration::ZERO).count(), 4);
    }
}
