//! What of an update is new.

use super::{Log, Update, logs::Seen};

/// What has been told of a request, so that it is told once and never taken back.
///
/// Answers may be stale, since several servers give them, over a stream and to single looks. And a request
/// that fal gives to another runner is queued again. Neither is progress, so neither is passed on: after
/// `Running` comes no `Queued`, and a position never grows.
#[derive(Debug, Default)]
pub(super) struct News {
    stage: Stage,
    seen: Seen,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Unknown,
    Queued(u32),
    Running,
    Completed,
}

/// Which lines an update brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lines {
    /// All so far, as a look at the status does.
    All,
    /// Those since the last event of the same stream.
    Further,
}

impl News {
    /// A stream begins, and so do its lines.
    pub(super) fn stream_begins(&mut self) {
        self.seen.stream_begins();
    }

    pub(super) fn is_completed(&self) -> bool {
        self.stage == Stage::Completed
    }

    /// The update with its new lines only, if there is anything new about it.
    pub(super) fn of(&mut self, mut update: Update, lines: Lines) -> Option<Update> {
        self.retain_new(update.logs_mut().unwrap_or(&mut Vec::new()), lines);
        let has_lines = !update.logs().is_empty();
        let next = match &update {
            Update::Queued { position } => Stage::Queued(*position),
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

    pub(super) fn retain_new(&mut self, logs: &mut Vec<Log>, lines: Lines) {
        match lines {
            Lines::All => self.seen.retain_new(logs),
            Lines::Further => self.seen.retain_further(logs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(lines: &str) -> Update {
        let log = |line: char| Log { message: line.into(), level: None, timestamp: None, source: None };
        Update::Running { logs: lines.chars().map(log).collect() }
    }

    fn queued(position: u32) -> Update {
        Update::Queued { position }
    }

    #[test]
    fn only_news_is_passed_on() {
        let mut news = News::default();
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
            assert_eq!(news.of(update, Lines::All), expected);
        }
    }

    #[test]
    fn progress_is_never_taken_back() {
        let mut news = News::default();
        let table = [
            (queued(1), Some(queued(1))),
            (queued(3), None),
            (queued(0), Some(queued(0))),
            (running("a"), Some(running("a"))),
            // A stale answer, or another runner.
            (queued(0), None),
            (running("a"), None),
            (running("ab"), Some(running("b"))),
        ];
        for (update, expected) in table {
            assert_eq!(news.of(update, Lines::All), expected);
        }
        assert!(!news.is_completed());
    }

    #[test]
    fn streams_and_looks_tell_each_line_once() {
        let mut news = News::default();
        news.stream_begins();
        let table = [
            (running("ab"), Lines::Further, Some(running("ab"))),
            // The same words again are another line of a stream, and the same line of a look.
            (running("b"), Lines::Further, Some(running("b"))),
            (running("abb"), Lines::All, None),
            (running("abbc"), Lines::All, Some(running("c"))),
            (running("c"), Lines::Further, None),
            (running("d"), Lines::Further, Some(running("d"))),
        ];
        for (update, lines, expected) in table {
            assert_eq!(news.of(update, lines), expected);
        }
        // The next stream tells everything from the beginning.
        news.stream_begins();
        assert_eq!(news.of(running("abbcde"), Lines::Further), Some(running("e")));
    }
}
