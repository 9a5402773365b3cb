//! Requests that wait for one of a few runners, in the order of their priority and arrival.
//!
//! What happens and when follows from what is known when it is asked for: there is no task.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::timeline::{End, Phase};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    #[default]
    Normal,
    Low,
}

/// The line of one endpoint. All times are those of the emulator's clock and never go back.
#[derive(Debug)]
pub(crate) struct Line {
    runners: Vec<Runner>,
    waiting: BTreeMap<(Priority, u64), Waiting>,
    places: HashMap<u64, Place>,
    next: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Runner {
    free_at: Duration,
    busy_with: Option<u64>,
}

#[derive(Debug)]
struct Waiting {
    since: Duration,
    run: Duration,
    deadline: Option<Duration>,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Waiting(Priority),
    Running { start: Duration, run: Duration },
    Gone(End),
}

impl Line {
    pub(crate) fn new(runners: usize) -> Self {
        Self {
            runners: vec![Runner::default(); runners.max(1)],
            waiting: BTreeMap::new(),
            places: HashMap::new(),
            next: 0,
        }
    }

    /// Adds a request that will run for a time, and gives its number.
    pub(crate) fn join(
        &mut self,
        now: Duration,
        priority: Priority,
        run: Duration,
        start_timeout: Option<Duration>,
    ) -> u64 {
        self.settle(now);
        let number = self.next;
        self.next += 1;
        let deadline = start_timeout.map(|timeout| now.saturating_add(timeout));
        self.waiting.insert((priority, number), Waiting { since: now, run, deadline });
        self.places.insert(number, Place::Waiting(priority));
        self.settle(now);
        number
    }

    /// How many wait.
    pub(crate) fn len(&mut self, now: Duration) -> usize {
        self.settle(now);
        self.waiting.len()
    }

    /// How many run.
    pub(crate) fn running(&mut self, now: Duration) -> usize {
        self.settle(now);
        self.runners.iter().filter(|runner| runner.free_at > now).count()
    }

    /// The state of a request, and when it started.
    pub(crate) fn phase(&mut self, now: Duration, number: u64) -> (Phase, Option<Duration>) {
        self.settle(now);
        match self.places.get(&number) {
            Some(Place::Waiting(priority)) => {
                let ahead = self.waiting.range(..(*priority, number)).count();
                (Phase::Queued { ahead: u32::try_from(ahead).unwrap_or(u32::MAX) }, None)
            }
            Some(Place::Running { start, run }) if start.saturating_add(*run) > now => {
                (Phase::Running, Some(*start))
            }
            Some(Place::Running { start, .. }) => (Phase::Done(End::Answered), Some(*start)),
            Some(Place::Gone(end)) => (Phase::Done(*end), None),
            None => (Phase::Done(End::Cancelled), None),
        }
    }

    /// Takes a request that has not ended out of the line, and off its runner.
    pub(crate) fn cancel(&mut self, now: Duration, number: u64) {
        self.settle(now);
        if let Some(Place::Waiting(priority)) = self.places.get(&number) {
            self.waiting.remove(&(*priority, number));
        }
        self.places.insert(number, Place::Gone(End::Cancelled));
        for runner in self.runners.iter_mut().filter(|runner| runner.busy_with == Some(number)) {
            runner.free_at = runner.free_at.min(now);
        }
        self.settle(now);
    }

    /// When something may change next, as far as it is known now.
    pub(crate) fn next_change(&mut self, now: Duration) -> Option<Duration> {
        self.settle(now);
        let ends = self.runners.iter().map(|runner| runner.free_at);
        let deadlines = self.waiting.values().filter_map(|waiting| waiting.deadline);
        ends.chain(deadlines).filter(|moment| *moment > now).min()
    }

    /// Lets happen what has happened by now.
    fn settle(&mut self, now: Duration) {
        while let Some((runner, free_at)) = self.first_free(now) {
            let Some(((_, number), waiting)) = self.waiting.pop_first() else {
                break;
            };
            let start = free_at.max(waiting.since);
            if waiting.deadline.is_some_and(|deadline| deadline <= start && start > waiting.since) {
                self.places.insert(number, Place::Gone(End::StartTimeout));
                continue;
            }
            self.places.insert(number, Place::Running { start, run: waiting.run });
            if let Some(runner) = self.runners.get_mut(runner) {
                *runner = Runner { free_at: start.saturating_add(waiting.run), busy_with: Some(number) };
            }
        }
        let places = &mut self.places;
        self.waiting.retain(|(_, number), waiting| {
            let expired = waiting.deadline.is_some_and(|deadline| deadline <= now);
            if expired {
                places.insert(*number, Place::Gone(End::StartTimeout));
            }
            !expired
        });
    }

    fn first_free(&self, now: Duration) -> Option<(usize, Duration)> {
        let free = self.runners.iter().map(|runner| runner.free_at).enumerate();
        free.filter(|(_, at)| *at <= now).min_by_key(|(_, at)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const DONE: Phase = Phase::Done(End::Answered);

    fn queued(ahead: u32) -> Phase {
        Phase::Queued { ahead }
    }

    #[test]
    fn requests_wait_for_a_runner_in_order() {
        let mut line = Line::new(2);
        let all: Vec<u64> = (0..4).map(|_| line.join(s(0), Priority::Normal, s(10), None)).collect();
        let mut at = |time| all.iter().map(|number| line.phase(s(time), *number).0).collect::<Vec<_>>();
        assert_eq!(at(0), [Phase::Running, Phase::Running, queued(0), queued(1)]);
        assert_eq!(at(9), [Phase::Running, Phase::Running, queued(0), queued(1)]);
        assert_eq!(at(10), [DONE, DONE, Phase::Running, Phase::Running]);
        assert_eq!(at(20), [DONE; 4]);
        assert_eq!(line.phase(s(90), 3), (DONE, Some(s(10))));
        // A runner that was idle starts at once, not in the past.
        let late = line.join(s(100), Priority::Normal, s(1), None);
        assert_eq!(line.phase(s(100), late), (Phase::Running, Some(s(100))));
    }

    #[test]
    fn low_priority_waits_for_all_others() {
        let mut line = Line::new(1);
        line.join(s(0), Priority::Normal, s(10), None);
        let low = line.join(s(1), Priority::Low, s(10), None);
        let normal = line.join(s(2), Priority::Normal, s(10), None);
        assert_eq!((line.phase(s(2), normal).0, line.phase(s(2), low).0), (queued(0), queued(1)));
        assert_eq!((line.len(s(2)), line.running(s(2))), (2, 1));
        assert_eq!(line.phase(s(25), low), (Phase::Running, Some(s(20))));
    }

    #[test]
    fn who_is_not_started_in_time_leaves_the_line() {
        let mut line = Line::new(1);
        line.join(s(0), Priority::Normal, s(10), None);
        let hasty = line.join(s(0), Priority::Normal, s(10), Some(s(5)));
        let last = line.join(s(0), Priority::Normal, s(10), Some(s(15)));
        assert_eq!(line.next_change(s(0)), Some(s(5)));
        assert_eq!(line.phase(s(4), last).0, queued(1));
        assert_eq!(line.phase(s(5), hasty).0, Phase::Done(End::StartTimeout));
        assert_eq!(line.phase(s(5), last).0, queued(0));
        assert_eq!(line.phase(s(10), last).0, Phase::Running);
        // Also when nobody looked in between.
        let mut unseen = Line::new(1);
        unseen.join(s(0), Priority::Normal, s(10), None);
        let hasty = unseen.join(s(0), Priority::Normal, s(10), Some(s(5)));
        let last = unseen.join(s(0), Priority::Normal, s(10), None);
        assert_eq!(unseen.phase(s(15), last), (Phase::Running, Some(s(10))));
        assert_eq!(unseen.phase(s(15), hasty).0, Phase::Done(End::StartTimeout));
    }

    #[test]
    fn a_cancel_makes_room() {
        let mut line = Line::new(1);
        let first = line.join(s(0), Priority::Normal, s(100), None);
        let second = line.join(s(0), Priority::Normal, s(10), None);
        let third = line.join(s(0), Priority::Normal, s(10), None);
        line.cancel(s(1), second);
        assert_eq!(line.phase(s(1), third).0, queued(0));
        line.cancel(s(5), first);
        assert_eq!(line.phase(s(5), first).0, Phase::Done(End::Cancelled));
        assert_eq!(line.phase(s(6), third), (Phase::Running, Some(s(5))));
    }
}
