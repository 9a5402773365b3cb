//! Filters progress: each step and each log line of a request is reported once.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    mem,
};

use super::{Log, Update};

/// Removes from updates what was reported before, and drops updates without news.
///
/// Responses may be stale, because several servers give them, over a stream and to single polls. And a request
/// that fal gives to another runner is queued again. Neither is progress, so neither is reported: `Queued` never
/// follows `Running`, and a position never grows.
#[derive(Debug, Default)]
pub(super) struct UpdateFilter {
    stage: Stage,
    lines: SeenLines,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Unknown,
    Queued(u32),
    Running,
    Completed,
}

/// The log lines that an update contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogScope {
    /// All lines so far, as in the response to a poll.
    All,
    /// The lines since the last event of the same stream.
    SinceLastEvent,
}

impl UpdateFilter {
    /// Notes that a new status stream was opened, which repeats all lines so far.
    pub(super) fn start_stream(&mut self) {
        self.lines.start_stream();
    }

    pub(super) fn is_completed(&self) -> bool {
        self.stage == Stage::Completed
    }

    /// Returns the update with only its new lines, or `None` if nothing about it is new.
    pub(super) fn filter(&mut self, mut update: Update, scope: LogScope) -> Option<Update> {
        self.retain_new_lines(update.logs_mut().unwrap_or(&mut Vec::new()), scope);
        let has_lines = !update.logs().is_empty();
        let next = match &update {
            Update::Queued { position, .. } => Stage::Queued(*position),
            Update::Running { .. } => Stage::Running,
            Update::Completed { .. } => Stage::Completed,
        };
        let is_progress = match (self.stage, next) {
            (Stage::Unknown, _) => true,
            (Stage::Queued(before), Stage::Queued(now)) => now < before,
            (Stage::Queued(_), _) | (Stage::Running, Stage::Completed) => true,
            (Stage::Running | Stage::Completed, _) => false,
        };
        if is_progress {
            self.stage = next;
        }
        (is_progress || has_lines).then_some(update)
    }

    /// Removes the lines that were reported before.
    pub(super) fn retain_new_lines(&mut self, lines: &mut Vec<Log>, scope: LogScope) {
        match scope {
            LogScope::All => self.lines.retain_new(lines),
            LogScope::SinceLastEvent => self.lines.retain_new_of_event(lines),
        }
    }
}

/// The log lines that were reported before.
///
/// Counts how often each line has occurred, because positions are no help: a line may arrive late and sort before
/// one that was seen, and old ones may drop out. Keeps a hash of each line rather than the line.
#[derive(Debug, Default)]
struct SeenLines {
    hasher: RandomState,
    reported: HashMap<u64, u32>,
    /// The lines that the current stream has brought.
    streamed: HashMap<u64, u32>,
    /// A hash of all lines of the last event of that stream.
    last_event: Option<u64>,
}

impl SeenLines {
    fn start_stream(&mut self) {
        self.streamed.clear();
        self.last_event = None;
    }

    /// Retains the new ones of `lines`, which are all lines so far.
    fn retain_new(&mut self, lines: &mut Vec<Log>) {
        let mut counts = HashMap::new();
        lines.retain(|line| self.count(line, &mut counts));
    }

    /// Retains the new ones of `lines`, which follow those that the stream has brought before.
    ///
    /// The same lines again, with the same times, are an event that was delivered twice.
    fn retain_new_of_event(&mut self, lines: &mut Vec<Log>) {
        let have_times = lines.iter().all(|line| line.timestamp.is_some());
        let event = self.hasher.hash_one(&*lines);
        if self.last_event.replace(event) == Some(event) && have_times {
            lines.clear();
        }
        let mut streamed = mem::take(&mut self.streamed);
        lines.retain(|line| self.count(line, &mut streamed));
        self.streamed = streamed;
    }

    /// Adds `line` to `counts`. Returns true if it occurs more often there than it was reported.
    fn count(&mut self, line: &Log, counts: &mut HashMap<u64, u32>) -> bool {
        let hash = self.hasher.hash_one(line);
        let count = counts.entry(hash).or_default();
        *count = count.saturating_add(1);
        let reported = self.reported.entry(hash).or_default();
        let is_new = *count > *reported;
        *reported = (*reported).max(*count);
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(text: &str) -> Vec<Log> {
        let log = |line: char| Log { message: line.into(), level: None, timestamp: None, source: None };
        text.chars().map(log).collect()
    }

    fn running(lines: &str) -> Update {
        Update::Running { request_id: String::new(), logs: logs(lines) }
    }

    fn queued(position: u32) -> Update {
        Update::Queued { request_id: String::new(), position }
    }

    #[test]
    fn updates_without_news_are_dropped() {
        let mut filter = UpdateFilter::default();
        let table = [
            (queued(2), Some(queued(2))),
            (queued(2), None),
            (queued(1), Some(queued(1))),
            (running(""), Some(running(""))),
            (running(""), None),
            (running("ab"), Some(running("ab"))),
            (running("ab"), None),
            (running("abc"), Some(running("c"))),
        ];
        for (update, expected) in table {
            assert_eq!(filter.filter(update, LogScope::All), expected);
        }
    }

    #[test]
    fn stale_updates_are_dropped() {
        let mut filter = UpdateFilter::default();
        let table = [
            (queued(1), Some(queued(1))),
            (queued(3), None),
            (queued(0), Some(queued(0))),
            (running("a"), Some(running("a"))),
            // A stale response, or another runner.
            (queued(0), None),
            (running("a"), None),
            (running("ab"), Some(running("b"))),
        ];
        for (update, expected) in table {
            assert_eq!(filter.filter(update, LogScope::All), expected);
        }
        assert!(!filter.is_completed());
    }

    #[test]
    fn each_line_is_reported_once_by_stream_and_polls() {
        let mut filter = UpdateFilter::default();
        filter.start_stream();
        let table = [
            (running("ab"), LogScope::SinceLastEvent, Some(running("ab"))),
            // The same text again is another line of a stream, and the same line of a poll.
            (running("b"), LogScope::SinceLastEvent, Some(running("b"))),
            (running("abb"), LogScope::All, None),
            (running("abbc"), LogScope::All, Some(running("c"))),
            (running("c"), LogScope::SinceLastEvent, None),
            (running("d"), LogScope::SinceLastEvent, Some(running("d"))),
        ];
        for (update, lines, expected) in table {
            assert_eq!(filter.filter(update, lines), expected);
        }
        // The next stream repeats everything from the beginning.
        filter.start_stream();
        assert_eq!(filter.filter(running("abbcde"), LogScope::SinceLastEvent), Some(running("e")));
    }

    #[test]
    fn polled_lines_are_new_once() {
        // All lines in the response, and the new ones of them.
        let table = [
            ("", ""),
            ("a", "a"),
            ("a", ""),
            ("aba", "ba"),
            ("aba", ""),
            ("axba", "x"),
            ("ba", ""),
            ("bac", "c"),
            ("aaaa", "aa"),
        ];
        let mut seen = SeenLines::default();
        for (response, new) in table {
            let mut logs_left = logs(response);
            seen.retain_new(&mut logs_left);
            assert_eq!(logs_left, logs(new), "{response}");
        }
    }

    #[test]
    fn event_that_is_delivered_twice_counts_once() {
        let mut seen = SeenLines::default();
        let dated = |text: &str| {
            let mut lines = logs(text);
            lines.iter_mut().for_each(|line| line.timestamp = Some("t".into()));
            lines
        };
        let mut of_event = |mut lines: Vec<Log>| {
            seen.retain_new_of_event(&mut lines);
            lines.len()
        };
        assert_eq!([of_event(dated("ab")), of_event(dated("ab")), of_event(dated("b"))], [2, 0, 1]);
        // Without times, a repeated event looks like a repeated line.
        assert_eq!([of_event(logs(".")), of_event(logs("."))], [1, 1]);
    }
}
