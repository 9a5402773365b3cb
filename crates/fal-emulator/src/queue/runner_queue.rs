//! Requests that wait for one of a few runners, in the order of their priority and arrival.
//!
//! There is no background task: each question first applies every state change up to the time of the question.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::timeline::{Completion, Phase};
use crate::sync::lock;

/// The runner queues of all endpoints.
pub(crate) struct RunnerQueues {
    /// The number of runners of each endpoint.
    runners: usize,
    queues: Mutex<HashMap<String, Arc<Mutex<RunnerQueue>>>>,
}

impl RunnerQueues {
    pub(crate) fn new(runners: usize) -> Self {
        Self { runners, queues: Mutex::default() }
    }

    /// Returns the queue of an endpoint, which is created on first use.
    pub(crate) fn queue(&self, endpoint: &str) -> Arc<Mutex<RunnerQueue>> {
        let mut queues = lock(&self.queues);
        if let Some(queue) = queues.get(endpoint) {
            return Arc::clone(queue);
        }
        let queue = Arc::new(Mutex::new(RunnerQueue::new(self.runners)));
        queues.insert(endpoint.to_owned(), Arc::clone(&queue));
        queue
    }

    /// Returns the number of requests that wait for a runner of an endpoint.
    pub(crate) fn waiting(&self, endpoint: &str, now: Duration) -> usize {
        lock(&self.queue(endpoint)).waiting(now)
    }

    /// Occupies a runner for a direct call. Returns false if all runners are busy or other requests wait for them.
    pub(crate) fn try_start(&self, endpoint: &str, now: Duration, run: Duration) -> bool {
        let queue = self.queue(endpoint);
        let mut queue = lock(&queue);
        let is_free = queue.waiting(now) == 0 && queue.running(now) < self.runners;
        if is_free {
            queue.enqueue(now, Priority::Normal, run, None);
        }
        is_free
    }
}

/// The priority of a request. Requests of low priority wait for all others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    #[default]
    Normal,
    Low,
}

/// The queue and the runners of one endpoint. All times are those of the emulator's clock and never go back.
#[derive(Debug)]
pub(crate) struct RunnerQueue {
    runners: Vec<Runner>,
    waiting: BTreeMap<(Priority, u64), WaitingRequest>,
    states: HashMap<u64, RequestState>,
    next_number: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Runner {
    free_at: Duration,
    /// The number of the request that runs or ran last.
    request: Option<u64>,
}

#[derive(Debug)]
struct WaitingRequest {
    since: Duration,
    run: Duration,
    deadline: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
enum RequestState {
    Waiting(Priority),
    Started {
        start: Duration,
        run: Duration,
    },
    Ended {
        completion: Completion,
        /// The start, if the request was cancelled while it ran.
        start: Option<Duration>,
        end: Duration,
    },
}

impl RequestState {
    fn timed_out(deadline: Duration) -> Self {
        Self::Ended { completion: Completion::StartTimeout, start: None, end: deadline }
    }
}

impl RunnerQueue {
    fn new(runners: usize) -> Self {
        Self {
            runners: vec![Runner::default(); runners.max(1)],
            waiting: BTreeMap::new(),
            states: HashMap::new(),
            next_number: 0,
        }
    }

    /// Adds a request that will run for the time `run`. Returns its number.
    pub(crate) fn enqueue(
        &mut self,
        now: Duration,
        priority: Priority,
        run: Duration,
        start_timeout: Option<Duration>,
    ) -> u64 {
        self.advance_to(now);
        let number = self.next_number;
        self.next_number += 1;
        let deadline = start_timeout.map(|timeout| now.saturating_add(timeout));
        self.waiting.insert((priority, number), WaitingRequest { since: now, run, deadline });
        self.states.insert(number, RequestState::Waiting(priority));
        self.advance_to(now);
        number
    }

    /// Returns the number of requests that wait.
    fn waiting(&mut self, now: Duration) -> usize {
        self.advance_to(now);
        self.waiting.len()
    }

    /// Returns the number of requests that run.
    fn running(&mut self, now: Duration) -> usize {
        self.advance_to(now);
        self.runners.iter().filter(|runner| runner.free_at > now).count()
    }

    /// Returns the phase of a request, and the time at which it started.
    pub(crate) fn phase(&mut self, now: Duration, number: u64) -> (Phase, Option<Duration>) {
        self.advance_to(now);
        match self.states.get(&number) {
            Some(RequestState::Waiting(priority)) => {
                let ahead = self.waiting.range(..(*priority, number)).count();
                (Phase::Queued { ahead: u32::try_from(ahead).unwrap_or(u32::MAX) }, None)
            }
            Some(RequestState::Started { start, run }) if start.saturating_add(*run) > now => {
                (Phase::Running, Some(*start))
            }
            Some(RequestState::Started { start, .. }) => (Phase::Done(Completion::Answered), Some(*start)),
            Some(RequestState::Ended { completion, .. }) => (Phase::Done(*completion), None),
            None => (Phase::Done(Completion::Cancelled), None),
        }
    }

    /// Returns the start and the end of the run of a request, as far as they have been reached.
    pub(crate) fn run_times(&mut self, now: Duration, number: u64) -> (Option<Duration>, Option<Duration>) {
        self.advance_to(now);
        match self.states.get(&number) {
            Some(RequestState::Started { start, run }) => {
                (Some(*start), Some(start.saturating_add(*run)).filter(|end| *end <= now))
            }
            Some(RequestState::Ended { start, end, .. }) => (*start, Some(*end)),
            Some(RequestState::Waiting(_)) | None => (None, None),
        }
    }

    /// Cancels a request that has not ended. Its runner becomes free.
    pub(crate) fn cancel(&mut self, now: Duration, number: u64) {
        self.advance_to(now);
        let start = match self.states.get(&number) {
            Some(RequestState::Waiting(priority)) => {
                self.waiting.remove(&(*priority, number));
                None
            }
            Some(RequestState::Started { start, .. }) => Some(*start),
            _ => None,
        };
        let ended = RequestState::Ended { completion: Completion::Cancelled, start, end: now };
        self.states.insert(number, ended);
        for runner in self.runners.iter_mut().filter(|runner| runner.request == Some(number)) {
            runner.free_at = runner.free_at.min(now);
        }
        self.advance_to(now);
    }

    /// Returns the time of the next change that is known by now.
    pub(crate) fn next_change(&mut self, now: Duration) -> Option<Duration> {
        self.advance_to(now);
        let ends = self.runners.iter().map(|runner| runner.free_at);
        let deadlines = self.waiting.values().filter_map(|waiting| waiting.deadline);
        ends.chain(deadlines).filter(|time| *time > now).min()
    }

    /// Applies all state changes up to `now`.
    fn advance_to(&mut self, now: Duration) {
        while let Some((runner, free_at)) = self.first_free_runner(now) {
            let Some(((_, number), waiting)) = self.waiting.pop_first() else {
                break;
            };
            let start = free_at.max(waiting.since);
            if let Some(deadline) =
                waiting.deadline.filter(|deadline| *deadline <= start && start > waiting.since)
            {
                self.states.insert(number, RequestState::timed_out(deadline));
                continue;
            }
            self.states.insert(number, RequestState::Started { start, run: waiting.run });
            if let Some(runner) = self.runners.get_mut(runner) {
                *runner = Runner { free_at: start.saturating_add(waiting.run), request: Some(number) };
            }
        }
        let states = &mut self.states;
        self.waiting.retain(|(_, number), waiting| {
            let expired = waiting.deadline.filter(|deadline| *deadline <= now);
            if let Some(deadline) = expired {
                states.insert(*number, RequestState::timed_out(deadline));
            }
            expired.is_none()
        });
    }

    fn first_free_runner(&self, now: Duration) -> Option<(usize, Duration)> {
        let times = self.runners.iter().map(|runner| runner.free_at).enumerate();
        times.filter(|(_, free_at)| *free_at <= now).min_by_key(|(_, free_at)| *free_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const DONE: Phase = Phase::Done(Completion::Answered);

    fn queued(ahead: u32) -> Phase {
        Phase::Queued { ahead }
    }

    #[test]
    fn requests_wait_for_a_runner_in_order() {
        let mut queue = RunnerQueue::new(2);
        let all: Vec<u64> = (0..4).map(|_| queue.enqueue(s(0), Priority::Normal, s(10), None)).collect();
        let mut phases = |time| all.iter().map(|number| queue.phase(s(time), *number).0).collect::<Vec<_>>();
        assert_eq!(phases(0), [Phase::Running, Phase::Running, queued(0), queued(1)]);
        assert_eq!(phases(9), [Phase::Running, Phase::Running, queued(0), queued(1)]);
        assert_eq!(phases(10), [DONE, DONE, Phase::Running, Phase::Running]);
        assert_eq!(phases(20), [DONE; 4]);
        assert_eq!(queue.phase(s(90), 3), (DONE, Some(s(10))));
        // An idle runner starts a request now, not at the time at which the runner became free.
        let late = queue.enqueue(s(100), Priority::Normal, s(1), None);
        assert_eq!(queue.phase(s(100), late), (Phase::Running, Some(s(100))));
    }

    #[test]
    fn low_priority_waits_for_all_others() {
        let mut queue = RunnerQueue::new(1);
        queue.enqueue(s(0), Priority::Normal, s(10), None);
        let low = queue.enqueue(s(1), Priority::Low, s(10), None);
        let normal = queue.enqueue(s(2), Priority::Normal, s(10), None);
        assert_eq!((queue.phase(s(2), normal).0, queue.phase(s(2), low).0), (queued(0), queued(1)));
        assert_eq!((queue.waiting(s(2)), queue.running(s(2))), (2, 1));
        assert_eq!(queue.phase(s(25), low), (Phase::Running, Some(s(20))));
    }

    #[test]
    fn a_request_leaves_the_queue_at_its_start_timeout() {
        let mut queue = RunnerQueue::new(1);
        queue.enqueue(s(0), Priority::Normal, s(10), None);
        let short = queue.enqueue(s(0), Priority::Normal, s(10), Some(s(5)));
        let last = queue.enqueue(s(0), Priority::Normal, s(10), Some(s(15)));
        assert_eq!(queue.next_change(s(0)), Some(s(5)));
        assert_eq!(queue.phase(s(4), last).0, queued(1));
        assert_eq!(queue.phase(s(5), short).0, Phase::Done(Completion::StartTimeout));
        assert_eq!(queue.phase(s(5), last).0, queued(0));
        assert_eq!(queue.phase(s(10), last).0, Phase::Running);
        // The result is the same if nobody polled in between.
        let mut unpolled = RunnerQueue::new(1);
        unpolled.enqueue(s(0), Priority::Normal, s(10), None);
        let short = unpolled.enqueue(s(0), Priority::Normal, s(10), Some(s(5)));
        let last = unpolled.enqueue(s(0), Priority::Normal, s(10), None);
        assert_eq!(unpolled.phase(s(15), last), (Phase::Running, Some(s(10))));
        assert_eq!(unpolled.phase(s(15), short).0, Phase::Done(Completion::StartTimeout));
    }

    #[test]
    fn a_cancellation_makes_room() {
        let mut queue = RunnerQueue::new(1);
        let first = queue.enqueue(s(0), Priority::Normal, s(100), None);
        let second = queue.enqueue(s(0), Priority::Normal, s(10), None);
        let third = queue.enqueue(s(0), Priority::Normal, s(10), None);
        queue.cancel(s(1), second);
        assert_eq!(queue.phase(s(1), third).0, queued(0));
        queue.cancel(s(5), first);
        assert_eq!(queue.phase(s(5), first).0, Phase::Done(Completion::Cancelled));
        assert_eq!(queue.phase(s(6), third), (Phase::Running, Some(s(5))));
    }
}
