//! Log lines, each of them once.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    mem,
};

use serde::{Deserialize, Deserializer};

/// A line that a runner logged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Log {
    /// The line.
    pub message: String,
    /// `STDERR`, `STDOUT`, `ERROR`, `INFO`, `WARN` or `DEBUG`.
    pub level: Option<String>,
    /// When it was written, as ISO 8601.
    pub timestamp: Option<String>,
    /// Who wrote it, usually `USER`.
    pub source: Option<String>,
}

impl<'de> Deserialize<'de> for Log {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Line {
            #[serde(default)]
            message: String,
            level: Option<String>,
            timestamp: Option<String>,
            source: Option<String>,
            // Where older apps have the level and the source.
            labels: Option<Labels>,
        }

        #[derive(Deserialize, Default)]
        struct Labels {
            level: Option<String>,
            source: Option<String>,
        }

        let Line { message, level, timestamp, source, labels } = Line::deserialize(deserializer)?;
        let labels = labels.unwrap_or_default();
        Ok(Self { message, level: level.or(labels.level), timestamp, source: source.or(labels.source) })
    }
}

/// Which lines were handed out already.
///
/// Lines are told apart by how often each occurs, not by their place: a line may arrive late and sort
/// before one that was seen, and old ones may drop out. A fingerprint of each is kept, not the line.
#[derive(Debug, Default)]
pub(super) struct Seen {
    fingerprints: RandomState,
    handed_out: HashMap<u64, u32>,
    /// What the stream that is listened to has brought.
    streamed: HashMap<u64, u32>,
    /// The lines of the last event of that stream.
    last: Option<u64>,
}

impl Seen {
    /// A stream tells every line so far and then the further ones.
    pub(super) fn stream_begins(&mut self) {
        self.streamed.clear();
        self.last = None;
    }

    /// Leaves the new ones of `lines`, which are all so far.
    pub(super) fn retain_new(&mut self, lines: &mut Vec<Log>) {
        let mut now = HashMap::new();
        lines.retain(|line| self.count(line, &mut now));
    }

    /// Leaves the new ones of `lines`, which follow those that the stream has brought before.
    ///
    /// The same lines again, written at the same time, are an event that was delivered twice.
    pub(super) fn retain_further(&mut self, lines: &mut Vec<Log>) {
        let is_dated = lines.iter().all(|line| line.timestamp.is_some());
        let all = self.fingerprints.hash_one(&*lines);
        if self.last.replace(all) == Some(all) && is_dated {
            lines.clear();
        }
        let mut streamed = mem::take(&mut self.streamed);
        lines.retain(|line| self.count(line, &mut streamed));
        self.streamed = streamed;
    }

    /// Counts one more of `line` in `now`; `true` if so many were never handed out.
    fn count(&mut self, line: &Log, now: &mut HashMap<u64, u32>) -> bool {
        let fingerprint = self.fingerprints.hash_one(line);
        let count = now.entry(fingerprint).or_default();
        *count = count.saturating_add(1);
        let handed_out = self.handed_out.entry(fingerprint).or_default();
        let is_new = *count > *handed_out;
        *handed_out = (*handed_out).max(*count);
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<Log> {
        let log = |line: char| Log { message: line.into(), level: None, timestamp: None, source: None };
        text.chars().map(log).collect()
    }

    #[test]
    fn each_line_is_new_once() {
        // What the queue answers, and what of it is new.
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
        let mut seen = Seen::default();
        for (answered, new) in table {
            let mut logs = lines(answered);
            seen.retain_new(&mut logs);
            assert_eq!(logs, lines(new), "{answered}");
        }
    }

    #[test]
    fn an_event_that_comes_twice_is_one() {
        let mut seen = Seen::default();
        let dated = |text: &str| {
            let mut lines = lines(text);
            lines.iter_mut().for_each(|line| line.timestamp = Some("t".into()));
            lines
        };
        let mut further = |mut lines: Vec<Log>| {
            seen.retain_further(&mut lines);
            lines.len()
        };
        assert_eq!([further(dated("ab")), further(dated("ab")), further(dated("b"))], [2, 0, 1]);
        // Without a time nothing tells a repeated line from a repeated event.
        assert_eq!([further(lines(".")), further(lines("."))], [1, 1]);
    }

    #[test]
    fn both_forms_of_a_line_are_read() {
        let new =
            r#"{"message":"m","level":"INFO","timestamp":"t","source":"USER","labels":{"level":"WARN"}}"#;
        let old = r#"{"message":"m","timestamp":"t","labels":{"level":"INFO","source":"USER","x":1}}"#;
        let read = |text| serde_json::from_str::<Log>(text).unwrap();
        assert_eq!(read(new), read(old));
        assert_eq!(read(r#"{"message":"m"}"#).level, None);
    }
}
