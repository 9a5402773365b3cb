//! The state of a request: by time, by its place in a runner queue, or by the number of polls.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::runner_queue::RunnerQueue;
use super::timeline::{Completion, Phase, Timeline};
use crate::pace::Pace;
use crate::script::PollSteps;
use crate::sync::lock;

/// The rule by which a request proceeds. All times are durations since its submission.
#[derive(Debug)]
pub(crate) enum Schedule {
    /// The state depends on the time alone.
    Clock(Timeline),
    /// The state depends on the requests that share the endpoint's runners.
    Runner(RunnerSchedule),
    /// Each poll of the status makes the next step of a script.
    Poll(PollSchedule),
}

/// The outcome of a request to cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CancelOutcome {
    /// The request waited, and is removed from the queue.
    Removed,
    /// The request runs, and its app was asked to stop.
    Requested,
    /// The request had already ended.
    AlreadyCompleted,
}

/// The state of a request as its status reports it.
pub(crate) struct Progress {
    pub(crate) phase: Phase,
    /// The log lines so far, each with the time at which it was written.
    pub(crate) log_lines: Vec<(String, Duration)>,
    pub(crate) run_time: Duration,
}

impl Schedule {
    pub(crate) fn phase(&self, elapsed: Duration) -> Phase {
        match self {
            Self::Clock(timeline) => timeline.phase(elapsed),
            Self::Runner(runner) => runner.timeline(elapsed).0,
            Self::Poll(polls) => polls.phase(),
        }
    }

    /// Returns the progress and counts as a poll, which makes the next step of a script.
    pub(crate) fn poll_progress(&mut self, elapsed: Duration) -> Progress {
        if let Self::Poll(polls) = self {
            polls.count = polls.count.saturating_add(1);
            polls.date_log_lines(elapsed);
            polls.date_end(elapsed);
        }
        self.progress(elapsed)
    }

    /// Returns the time that the run takes, as far as it is known.
    pub(crate) fn run_time(&self, elapsed: Duration) -> Duration {
        match self {
            Self::Clock(timeline) => timeline.run_time(),
            Self::Runner(runner) => {
                runner.timeline(elapsed).1.map_or(Duration::ZERO, |timeline| timeline.run_time())
            }
            Self::Poll(_) => Duration::ZERO,
        }
    }

    /// Returns the progress without counting as a poll.
    pub(crate) fn progress(&self, elapsed: Duration) -> Progress {
        let progress = |timeline: &Timeline, phase| {
            let total = timeline.pace.log_line_count();
            let line = |(number, time)| (format!("fal-emulator: step {number} of {total}"), time);
            let log_lines = timeline.log_lines(elapsed).map(line).collect();
            Progress { phase, log_lines, run_time: timeline.run_time() }
        };
        match self {
            Self::Clock(timeline) => progress(timeline, timeline.phase(elapsed)),
            Self::Runner(runner) => match runner.timeline(elapsed) {
                (phase, Some(timeline)) => progress(&timeline, phase),
                (phase, None) => Progress { phase, log_lines: Vec::new(), run_time: Duration::ZERO },
            },
            Self::Poll(polls) => {
                let log_lines = polls.dated_log_lines(elapsed);
                Progress { phase: polls.phase(), log_lines, run_time: Duration::ZERO }
            }
        }
    }

    /// Returns the start and the end of the run, as far as they have been reached. A request that proceeds by polls
    /// starts at its submission.
    pub(crate) fn run_times(&self, elapsed: Duration) -> (Option<Duration>, Option<Duration>) {
        match self {
            Self::Clock(timeline) => timeline.run_times(elapsed),
            Self::Runner(runner) => runner.run_times(elapsed),
            Self::Poll(polls) => {
                let is_removed = polls.cancelled == Some(CancelOutcome::Removed);
                ((!is_removed).then_some(Duration::ZERO), polls.ended)
            }
        }
    }

    /// Returns the time of the next change. `None` means that time changes nothing.
    pub(crate) fn next_change(&self, elapsed: Duration) -> Option<Duration> {
        match self {
            Self::Clock(timeline) => timeline.next_change(elapsed),
            Self::Runner(runner) => runner.next_change(elapsed),
            Self::Poll(_) => None,
        }
    }

    /// Returns true if each poll makes a step, so that there is nothing to wait for between polls.
    pub(crate) fn advances_by_poll(&self) -> bool {
        matches!(self, Self::Poll(_))
    }

    /// Makes all remaining steps of a script.
    pub(crate) fn finish_steps(&mut self, elapsed: Duration) {
        if let Self::Poll(polls) = self {
            polls.count = usize::MAX;
            polls.date_end(elapsed);
        }
    }

    /// Cancels the request. A running request goes on to its end if `ignores_cancel` is true.
    pub(crate) fn cancel(&mut self, elapsed: Duration, ignores_cancel: bool) -> CancelOutcome {
        let outcome = match self.phase(elapsed) {
            Phase::Done(_) => return CancelOutcome::AlreadyCompleted,
            Phase::Running if ignores_cancel => return CancelOutcome::Requested,
            Phase::Running => CancelOutcome::Requested,
            Phase::Queued { .. } => CancelOutcome::Removed,
        };
        match self {
            Self::Clock(timeline) => timeline.cancelled = Some(elapsed),
            Self::Runner(runner) => runner.cancel(elapsed),
            Self::Poll(polls) => {
                polls.cancelled = Some(outcome);
                polls.date_end(elapsed);
            }
        }
        outcome
    }
}

/// A request in the runner queue of its endpoint.
#[derive(Debug)]
pub(crate) struct RunnerSchedule {
    pub(super) queue: Arc<Mutex<RunnerQueue>>,
    /// The number of the request in the queue.
    pub(super) number: u64,
    /// The time of submission, on the emulator's clock.
    pub(super) submitted: Duration,
    pub(super) pace: Pace,
    pub(super) refused: bool,
}

impl RunnerSchedule {
    /// Returns the phase, and the timeline of a request that has started.
    fn timeline(&self, elapsed: Duration) -> (Phase, Option<Timeline>) {
        let (phase, started) = self.queue().phase(self.submitted.saturating_add(elapsed), self.number);
        let timeline = started.map(|start| Timeline {
            pace: self.pace.ahead(0).per_position(start.saturating_sub(self.submitted)),
            start_timeout: None,
            refused: self.refused,
            cancelled: None,
        });
        (phase, timeline)
    }

    fn next_change(&self, elapsed: Duration) -> Option<Duration> {
        let of_queue = self.queue().next_change(self.submitted.saturating_add(elapsed));
        let of_queue = of_queue.map(|time| time.saturating_sub(self.submitted));
        let own = self.timeline(elapsed).1.and_then(|timeline| timeline.next_change(elapsed));
        own.into_iter().chain(of_queue).min()
    }

    fn run_times(&self, elapsed: Duration) -> (Option<Duration>, Option<Duration>) {
        let (start, end) = self.queue().run_times(self.submitted.saturating_add(elapsed), self.number);
        let since_submission = |time: Duration| time.saturating_sub(self.submitted);
        (start.map(since_submission), end.map(since_submission))
    }

    fn cancel(&self, elapsed: Duration) {
        self.queue().cancel(self.submitted.saturating_add(elapsed), self.number);
    }

    fn queue(&self) -> MutexGuard<'_, RunnerQueue> {
        lock(&self.queue)
    }
}

/// A request that makes one step of a script with each poll of its status.
#[derive(Debug)]
pub(crate) struct PollSchedule {
    steps: PollSteps,
    /// The number of polls.
    count: usize,
    /// The time at which each log line was first reported. A line keeps its time from then on.
    log_times: Vec<Duration>,
    /// The outcome of a cancellation.
    cancelled: Option<CancelOutcome>,
    /// The time at which the end was first reported.
    ended: Option<Duration>,
}

impl PollSchedule {
    /// Creates the schedule of a new request. `refused`: the runner refuses the input, which takes no time.
    pub(super) fn new(mut steps: PollSteps, refused: bool) -> Self {
        if refused {
            steps.running = 0;
            steps.log_lines.clear();
        }
        steps.running = steps.running.max(steps.log_lines.len());
        Self { steps, count: 0, log_times: Vec::new(), cancelled: None, ended: None }
    }

    fn phase(&self) -> Phase {
        if self.cancelled.is_some() {
            return Phase::Done(Completion::Cancelled);
        }
        let step = self.step();
        match self.steps.positions.get(step) {
            Some(ahead) => Phase::Queued { ahead: *ahead },
            None if step < self.steps.positions.len() + self.steps.running => Phase::Running,
            None => Phase::Done(Completion::Answered),
        }
    }

    /// Returns the log lines written by now. They are spread over the steps of running.
    fn log_lines(&self) -> &[String] {
        let lines = &self.steps.log_lines;
        let ran = (self.step() + 1).saturating_sub(self.steps.positions.len()).min(self.steps.running);
        let written = (lines.len() * ran).checked_div(self.steps.running).unwrap_or(0);
        &lines[..written.min(lines.len())]
    }

    /// Stores `elapsed` as the time of the log lines that are reported for the first time.
    fn date_log_lines(&mut self, elapsed: Duration) {
        let count = self.log_lines().len();
        self.log_times.resize(count.max(self.log_times.len()), elapsed);
    }

    /// Stores `elapsed` as the time of the end if the request has ended.
    fn date_end(&mut self, elapsed: Duration) {
        if matches!(self.phase(), Phase::Done(_)) {
            self.ended.get_or_insert(elapsed);
        }
    }

    fn dated_log_lines(&self, elapsed: Duration) -> Vec<(String, Duration)> {
        let times = self.log_times.iter().copied().chain(std::iter::repeat(elapsed));
        self.log_lines().iter().cloned().zip(times).collect()
    }

    /// Returns the step that the last poll showed, or the first step before any poll.
    fn step(&self) -> usize {
        self.count.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(positions: &[u32], running: usize, log_lines: &[&str], refused: bool) -> Schedule {
        let log_lines = log_lines.iter().map(|line| (*line).to_owned()).collect();
        let steps = PollSteps { positions: positions.to_vec(), running, log_lines };
        Schedule::Poll(PollSchedule::new(steps, refused))
    }

    /// Polls several times. Returns the phase and the number of log lines of each poll.
    fn poll(schedule: &mut Schedule, times: usize) -> Vec<(Phase, usize)> {
        (0..times)
            .map(|_| schedule.poll_progress(Duration::ZERO))
            .map(|progress| (progress.phase, progress.log_lines.len()))
            .collect()
    }

    const DONE: Phase = Phase::Done(Completion::Answered);

    #[test]
    fn each_poll_makes_a_step() {
        let mut schedule = schedule(&[2, 0], 0, &["a", "b"], false);
        assert_eq!(schedule.phase(Duration::ZERO), Phase::Queued { ahead: 2 });
        assert_eq!(
            poll(&mut schedule, 6),
            [
                (Phase::Queued { ahead: 2 }, 0),
                (Phase::Queued { ahead: 0 }, 0),
                (Phase::Running, 1),
                (Phase::Running, 2),
                (DONE, 2),
                (DONE, 2),
            ]
        );
        assert_eq!(schedule.cancel(Duration::ZERO, false), CancelOutcome::AlreadyCompleted);
    }

    #[test]
    fn log_lines_are_spread_over_the_steps_of_running() {
        let mut four = schedule(&[], 4, &["a", "b"], false);
        let written: Vec<usize> = poll(&mut four, 5).into_iter().map(|(_, lines)| lines).collect();
        assert_eq!(written, [0, 1, 1, 2, 2]);
        assert_eq!(
            poll(&mut schedule(&[1], 3, &["a"], true), 2),
            [(Phase::Queued { ahead: 1 }, 0), (DONE, 0)]
        );
    }

    #[test]
    fn a_log_line_keeps_the_time_of_its_first_report() {
        let mut schedule = schedule(&[], 0, &["a", "b"], false);
        let second = Duration::from_secs(1);
        let mut times = |elapsed| -> Vec<Duration> {
            schedule.poll_progress(elapsed).log_lines.into_iter().map(|(_, written)| written).collect()
        };
        assert_eq!(times(second), [second]);
        assert_eq!(times(2 * second), [second, 2 * second]);
        assert_eq!(times(3 * second), [second, 2 * second]);
    }

    #[test]
    fn a_queued_request_is_cancelled_even_if_its_runner_ignores_cancellations() {
        let mut schedule = schedule(&[1, 0], 1, &[], false);
        poll(&mut schedule, 1);
        assert_eq!(schedule.cancel(Duration::ZERO, true), CancelOutcome::Removed);
        assert_eq!(schedule.phase(Duration::ZERO), Phase::Done(Completion::Cancelled));
    }
}
