//! What state a request is in: by time, by its place in a line, or by how often it was asked for.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use crate::line::Line;
use crate::lines::lock;
use crate::pace::Pace;
use crate::script::Steps;
use crate::timeline::{End, Phase, Timeline};

#[derive(Debug)]
pub(crate) enum Course {
    Timed(Timeline),
    Lined(Lined),
    Stepped(Stepped),
}

/// A state, as a status tells it.
pub(crate) struct View {
    pub(crate) phase: Phase,
    /// The log lines so far, and when each was written, after submission.
    pub(crate) lines: Vec<(String, Duration)>,
    pub(crate) run_time: Duration,
}

impl Course {
    pub(crate) fn phase(&self, elapsed: Duration) -> Phase {
        match self {
            Self::Timed(timeline) => timeline.phase(elapsed),
            Self::Lined(lined) => lined.timeline(elapsed).0,
            Self::Stepped(stepped) => stepped.phase(),
        }
    }

    /// The state for a status that is asked for now, which makes the next step.
    pub(crate) fn look(&mut self, elapsed: Duration) -> View {
        if let Self::Stepped(stepped) = self {
            stepped.asked = stepped.asked.saturating_add(1);
            stepped.date_lines(elapsed);
        }
        self.peek(elapsed)
    }

    /// The state, for whoever must not change it by asking.
    pub(crate) fn peek(&self, elapsed: Duration) -> View {
        let view = |timeline: &Timeline, phase| {
            let total = timeline.pace.lines();
            let line = |(number, at)| (format!("fal-emulator: step {number} of {total}"), at);
            let lines = timeline.lines(elapsed).map(line).collect();
            View { phase, lines, run_time: timeline.run_time() }
        };
        match self {
            Self::Timed(timeline) => view(timeline, timeline.phase(elapsed)),
            Self::Lined(lined) => match lined.timeline(elapsed) {
                (phase, Some(timeline)) => view(&timeline, phase),
                (phase, None) => View { phase, lines: Vec::new(), run_time: Duration::ZERO },
            },
            Self::Stepped(stepped) => {
                let lines = stepped.dated_lines(elapsed);
                View { phase: stepped.phase(), lines, run_time: Duration::ZERO }
            }
        }
    }

    /// How long until the state may change. `None`: not by time.
    pub(crate) fn next_change(&self, elapsed: Duration) -> Option<Duration> {
        match self {
            Self::Timed(timeline) => timeline.next_change(elapsed),
            Self::Lined(lined) => lined.next_change(elapsed),
            Self::Stepped(_) => None,
        }
    }

    /// Whether each look makes a step, so that there is nothing to wait for.
    pub(crate) fn is_stepped(&self) -> bool {
        matches!(self, Self::Stepped(_))
    }

    /// Makes all steps that are left.
    pub(crate) fn finish_steps(&mut self) {
        if let Self::Stepped(stepped) = self {
            stepped.asked = usize::MAX;
        }
    }

    /// Ends the request unless it has ended; false when it had. A runner that `ignores` it goes on.
    pub(crate) fn cancel(&mut self, elapsed: Duration, ignores: bool) -> bool {
        match self.phase(elapsed) {
            Phase::Done(_) => return false,
            Phase::Running if ignores => return true,
            _ => {}
        }
        match self {
            Self::Timed(timeline) => timeline.cancelled = Some(elapsed),
            Self::Lined(lined) => lined.cancel(elapsed),
            Self::Stepped(stepped) => stepped.cancelled = true,
        }
        true
    }
}

/// A request in the line of its endpoint.
#[derive(Debug)]
pub(crate) struct Lined {
    pub(crate) line: Arc<Mutex<Line>>,
    pub(crate) number: u64,
    /// When it joined.
    pub(crate) joined: Duration,
    pub(crate) pace: Pace,
    pub(crate) refused: bool,
}

impl Lined {
    /// The state, and once it has started, the timeline of a request that started then.
    fn timeline(&self, elapsed: Duration) -> (Phase, Option<Timeline>) {
        let (phase, started) = self.line().phase(self.joined.saturating_add(elapsed), self.number);
        let timeline = started.map(|start| Timeline {
            pace: self.pace.ahead(0).per_position(start.saturating_sub(self.joined)),
            start_timeout: None,
            refused: self.refused,
            cancelled: None,
        });
        (phase, timeline)
    }

    fn next_change(&self, elapsed: Duration) -> Option<Duration> {
        let of_line = self.line().next_change(self.joined.saturating_add(elapsed));
        let of_line = of_line.map(|moment| moment.saturating_sub(self.joined));
        let own = self.timeline(elapsed).1.and_then(|timeline| timeline.next_change(elapsed));
        own.into_iter().chain(of_line).min()
    }

    fn cancel(&self, elapsed: Duration) {
        self.line().cancel(self.joined.saturating_add(elapsed), self.number);
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        lock(&self.line)
    }
}

/// A request whose every status is the next step.
#[derive(Debug)]
pub(crate) struct Stepped {
    steps: Steps,
    /// How often the status was asked for.
    asked: usize,
    /// When each line was first told, which is when it was written: a line never changes.
    written: Vec<Duration>,
    cancelled: bool,
}

impl Stepped {
    /// `refused`: the runner refuses the input, which takes no time.
    pub(crate) fn new(mut steps: Steps, refused: bool) -> Self {
        if refused {
            steps.running = 0;
            steps.lines.clear();
        }
        steps.running = steps.running.max(steps.lines.len());
        Self { steps, asked: 0, written: Vec::new(), cancelled: false }
    }

    fn phase(&self) -> Phase {
        if self.cancelled {
            return Phase::Done(End::Cancelled);
        }
        let step = self.step();
        match self.steps.positions.get(step) {
            Some(ahead) => Phase::Queued { ahead: *ahead },
            None if step < self.steps.positions.len() + self.steps.running => Phase::Running,
            None => Phase::Done(End::Answered),
        }
    }

    /// The lines written by now, spread over the steps of running.
    fn lines(&self) -> &[String] {
        let lines = &self.steps.lines;
        let ran = (self.step() + 1).saturating_sub(self.steps.positions.len()).min(self.steps.running);
        let written = (lines.len() * ran).checked_div(self.steps.running).unwrap_or(0);
        &lines[..written.min(lines.len())]
    }

    /// Notes when the lines so far were told, if that is now.
    fn date_lines(&mut self, elapsed: Duration) {
        let count = self.lines().len();
        self.written.resize(count.max(self.written.len()), elapsed);
    }

    /// The lines so far, each with the time at which it was first told.
    fn dated_lines(&self, elapsed: Duration) -> Vec<(String, Duration)> {
        let times = self.written.iter().copied().chain(std::iter::repeat(elapsed));
        self.lines().iter().cloned().zip(times).collect()
    }

    /// The step that was shown last; before any was shown, the first.
    fn step(&self) -> usize {
        self.asked.saturating_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn course(positions: &[u32], running: usize, lines: &[&str], refused: bool) -> Course {
        let lines = lines.iter().map(|line| (*line).to_owned()).collect();
        let steps = Steps { positions: positions.to_vec(), running, lines };
        Course::Stepped(Stepped::new(steps, refused))
    }

    fn looks(course: &mut Course, times: usize) -> Vec<(Phase, usize)> {
        (0..times).map(|_| course.look(Duration::ZERO)).map(|view| (view.phase, view.lines.len())).collect()
    }

    const DONE: Phase = Phase::Done(End::Answered);

    #[test]
    fn each_look_is_a_step() {
        let mut course = course(&[2, 0], 0, &["a", "b"], false);
        assert_eq!(course.phase(Duration::ZERO), Phase::Queued { ahead: 2 });
        assert_eq!(
            looks(&mut course, 6),
            [
                (Phase::Queued { ahead: 2 }, 0),
                (Phase::Queued { ahead: 0 }, 0),
                (Phase::Running, 1),
                (Phase::Running, 2),
                (DONE, 2),
                (DONE, 2),
            ]
        );
        assert!(!course.cancel(Duration::ZERO, false));
    }

    #[test]
    fn lines_are_spread_over_the_steps_of_running() {
        let mut four = course(&[], 4, &["a", "b"], false);
        let written: Vec<usize> = looks(&mut four, 5).into_iter().map(|(_, lines)| lines).collect();
        assert_eq!(written, [0, 1, 1, 2, 2]);
        assert_eq!(
            looks(&mut course(&[1], 3, &["a"], true), 2),
            [(Phase::Queued { ahead: 1 }, 0), (DONE, 0)]
        );
    }

    #[test]
    fn a_line_keeps_the_time_at_which_it_was_written() {
        let mut course = course(&[], 0, &["a", "b"], false);
        let second = Duration::from_secs(1);
        let mut times = |elapsed| -> Vec<Duration> {
            course.look(elapsed).lines.into_iter().map(|(_, written)| written).collect()
        };
        assert_eq!(times(second), [second]);
        assert_eq!(times(2 * second), [second, 2 * second]);
        assert_eq!(times(3 * second), [second, 2 * second]);
    }

    #[test]
    fn a_cancel_ends_it() {
        let mut course = course(&[1, 0], 1, &[], false);
        looks(&mut course, 1);
        assert!(course.cancel(Duration::ZERO, true), "a request that waits is not the runner's");
        assert_eq!(course.phase(Duration::ZERO), Phase::Done(End::Cancelled));
    }
}
