//! The language of comments: how many start with a question word, and which phrases are not plain English.

mod phrases;

use phrases::PHRASES;

use super::files::{Files, Problem, is_generated};

/// Words that start a riddle where a sentence with a verb is expected: "What is told once." for "Sends each update
/// once."
const QUESTION_WORDS: [&str; 9] = ["What", "Who", "Whom", "Whether", "How", "Where", "Why", "When", "Whose"];

/// Largest share of doc lines, in percent, that may start with a question word.
pub(super) const MAX_PERCENT: f64 = 20.0;

/// Phrases are listed, and not yet refused, until the last of them is reworded.
const REFUSES_PHRASES: bool = false;

/// The doc lines and comments of hand-written Rust that start with a question word.
pub(super) struct Count {
    doc_lines: usize,
    /// Those of doc lines.
    docs: Vec<Problem>,
    /// Those of other comments, which are listed and not counted.
    comments: Vec<Problem>,
}

impl Count {
    /// Counts the lines of every hand-written Rust file.
    pub(super) fn of(files: &Files) -> Self {
        let mut count = Self { doc_lines: 0, docs: Vec::new(), comments: Vec::new() };
        for (path, text) in hand_written(files).filter(|(path, _)| path.ends_with(".rs")) {
            for (index, line) in text.lines().enumerate() {
                let Some((kind, comment)) = comment(line) else { continue };
                count.doc_lines += usize::from(kind == Kind::Doc);
                if let Some(word) = QUESTION_WORDS.into_iter().find(|word| starts_with_word(comment, word)) {
                    let problem = Problem::at_line(path, index, format!("starts with `{word}`: {comment}"));
                    match kind {
                        Kind::Doc => count.docs.push(problem),
                        Kind::Plain => count.comments.push(problem),
                    }
                }
            }
        }
        count
    }

    /// Returns the share of doc lines that start with a question word.
    pub(super) fn percent(&self) -> f64 {
        100.0 * self.docs.len() as f64 / self.doc_lines.max(1) as f64
    }

    /// Returns every line that starts with a question word, in documentation and in other comments.
    pub(super) fn lines(&self) -> impl Iterator<Item = &Problem> {
        self.docs.iter().chain(&self.comments)
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} of {} doc lines start with a question word: {:.2} %, and {MAX_PERCENT} % are allowed; so do {} other \
             comments",
            self.docs.len(),
            self.doc_lines,
            self.percent(),
            self.comments.len()
        )
    }
}

/// Reports the doc lines that start with a question word if they are too many, and every phrase of the list.
pub(super) fn check(files: &Files, problems: &mut Vec<Problem>) {
    let count = Count::of(files);
    if count.percent() > MAX_PERCENT {
        problems.extend(count.docs);
    }
    if REFUSES_PHRASES {
        problems.extend(phrases(files));
    }
}

/// Returns each use of a phrase that has a plainer wording.
pub(super) fn phrases(files: &Files) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (path, text) in hand_written(files).filter(|(path, _)| path.ends_with(".rs") || path.ends_with(".md"))
    {
        for (index, line) in text.lines().enumerate() {
            for (phrase, hint) in PHRASES.iter().filter(|(phrase, _)| contains_phrase(line, phrase)) {
                problems.push(Problem::at_line(path, index, format!("says \"{phrase}\": {hint}")));
            }
        }
    }
    problems
}

/// Returns the files that people wrote, without the rules themselves.
fn hand_written(files: &Files) -> impl Iterator<Item = (&str, &str)> {
    files.iter().filter(|(path, text)| !is_generated(text) && !path.starts_with("xtask/src/tidy/"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Doc,
    Plain,
}

/// Returns the text of a line that is a comment.
fn comment(line: &str) -> Option<(Kind, &str)> {
    let line = line.trim_start();
    let (kind, text) = if let Some(text) = line.strip_prefix("///").or_else(|| line.strip_prefix("//!")) {
        (Kind::Doc, text)
    } else {
        (Kind::Plain, line.strip_prefix("//")?)
    };
    let text = text.trim();
    Some((kind, text.strip_prefix("- ").or_else(|| text.strip_prefix("* ")).unwrap_or(text)))
}

fn starts_with_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word).is_some_and(|rest| !rest.starts_with(is_word_character))
}

/// Returns true if `line` has the phrase as whole words, in small letters or with a capital at its start.
fn contains_phrase(line: &str, phrase: &str) -> bool {
    let mut capital = phrase.to_owned();
    if let Some(first) = capital.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    [phrase, capital.as_str()].into_iter().any(|phrase| {
        line.match_indices(phrase).any(|(start, _)| {
            let (before, after) = (&line[..start], &line[start + phrase.len()..]);
            !before.ends_with(is_word_character) && !after.starts_with(is_word_character)
        })
    })
}

fn is_word_character(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
