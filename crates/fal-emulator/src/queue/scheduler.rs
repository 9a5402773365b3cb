//! The choice of a schedule for each request.

use std::sync::Arc;
use std::time::Duration;

use super::runner_queue::{Priority, RunnerQueues};
use super::schedule::{PollSchedule, RunnerSchedule, Schedule};
use super::timeline::Timeline;
use crate::pace::Pace;
use crate::script::Behaviours;
use crate::sync::lock;

/// Decides the time that requests take: by scripts, by the runners of an endpoint, or by the pace.
pub(crate) struct Scheduler {
    default_pace: Pace,
    /// The queues for runners. `None` if the number of runners is not limited.
    runner_queues: Option<RunnerQueues>,
    behaviours: Arc<Behaviours>,
}

/// The facts that decide the schedule of a queued request.
pub(crate) struct ScheduleInput<'a> {
    pub(crate) endpoint: &'a str,
    /// The time of submission, on the emulator's clock.
    pub(crate) submitted: Duration,
    pub(crate) start_timeout: Option<Duration>,
    pub(crate) priority: Priority,
    /// `true` if the runner will refuse the input.
    pub(crate) refused: bool,
}

impl Scheduler {
    /// Creates a scheduler. `runners` limits the requests of an endpoint that run at the same time.
    pub(crate) fn new(default_pace: Pace, runners: Option<usize>, behaviours: Arc<Behaviours>) -> Self {
        Self { default_pace, runner_queues: runners.map(RunnerQueues::new), behaviours }
    }

    /// Creates the schedule of a queued request.
    pub(crate) fn schedule(&self, input: &ScheduleInput<'_>) -> Schedule {
        let ScheduleInput { endpoint, submitted, start_timeout, priority, refused } = *input;
        let mut pace = self.pace(endpoint);
        // In the simulated queue, as many requests arrive later and are served first as are ahead already.
        if priority == Priority::Low && self.runner_queues.is_none() {
            pace = pace.ahead(pace.requests_ahead().saturating_mul(2));
        }
        match (self.behaviours.steps(endpoint), &self.runner_queues) {
            (Some(steps), _) => Schedule::Poll(PollSchedule::new(steps, refused)),
            (None, None) => Schedule::Clock(Timeline { pace, start_timeout, refused, cancelled: None }),
            (None, Some(queues)) => {
                let queue = queues.queue(endpoint);
                let run = if refused { Duration::ZERO } else { pace.run_time() };
                let number = lock(&queue).enqueue(submitted, priority, run, start_timeout);
                Schedule::Runner(RunnerSchedule { queue, number, submitted, pace, refused })
            }
        }
    }

    /// Returns the number of requests that a new one would wait behind.
    pub(crate) fn waiting(&self, endpoint: &str, now: Duration) -> usize {
        match (self.behaviours.steps(endpoint), &self.runner_queues) {
            (Some(steps), _) => steps.positions.first().copied().unwrap_or(0) as usize,
            (None, Some(queues)) => queues.waiting(endpoint, now),
            (None, None) => self.pace(endpoint).requests_ahead() as usize,
        }
    }

    /// Starts a direct call, which never waits in a queue. Returns its run time, or `None` if no runner is free.
    pub(crate) fn start_direct_call(&self, endpoint: &str, now: Duration) -> Option<Duration> {
        let run_time = match self.behaviours.steps(endpoint) {
            Some(_) => Duration::ZERO,
            None => self.pace(endpoint).run_time(),
        };
        let has_started =
            self.runner_queues.as_ref().is_none_or(|queues| queues.try_start(endpoint, now, run_time));
        has_started.then_some(run_time)
    }

    /// Returns the pace of an endpoint: the scripted one, or the default.
    pub(crate) fn pace(&self, endpoint: &str) -> Pace {
        self.behaviours.pace(endpoint).unwrap_or(self.default_pace)
    }

    /// Returns true if a running request of the endpoint goes on after a cancellation.
    pub(crate) fn ignores_cancel(&self, endpoint: &str) -> bool {
        self.behaviours.ignores_cancel(endpoint)
    }
}
