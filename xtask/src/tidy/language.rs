//! The language of comments: how many start with a question word, and which phrases are not plain English.

mod phrases;

use phrases::{EXCEPTIONS, PHRASES};

use super::files::{Files, Problem, is_generated};

/// Words that start a riddle where a sentence with a verb is expected: "What is told once." for "Sends each update
/// once."
const QUESTION_WORDS: [&str; 9] = ["What", "Who", "Whom", "Whether", "How", "Where", "Why", "When", "Whose"];

/// Words that end like a verb in the third person and are none.
const NO_VERBS: [&str; 7] = ["Always", "As", "Its", "Less", "Perhaps", "This", "Unless"];

/// Largest share of doc lines, in percent, that may start with a question word.
const MAX_QUESTIONS: f64 = 1.0;

/// Largest share of documented functions, in percent, whose documentation may start with something else than a verb.
const MAX_VERBLESS: f64 = 1.0;

/// Counts of how the comments of hand-written Rust start.
#[derive(Default)]
pub(super) struct Openings {
    doc_lines: usize,
    documented_functions: usize,
    /// Doc lines that start with a question word.
    questions: Vec<Problem>,
    /// Other comments that start with a question word, which are listed and not limited.
    comments: Vec<Problem>,
    /// Documentation of functions that does not start with a verb in the third person.
    verbless: Vec<Problem>,
}

impl Openings {
    /// Counts the comments of every hand-written Rust file.
    pub(super) fn count(files: &Files) -> Self {
        let mut openings = Self::default();
        for (path, text) in hand_written(files).filter(|(path, _)| path.ends_with(".rs")) {
            openings.count_questions(path, text);
            openings.count_functions(path, text);
        }
        openings
    }

    fn count_questions(&mut self, path: &str, text: &str) {
        for (index, line) in text.lines().enumerate() {
            let Some((kind, comment)) = comment(line) else { continue };
            self.doc_lines += usize::from(kind == Kind::Doc);
            if let Some(word) = QUESTION_WORDS.into_iter().find(|word| first_word(comment) == *word) {
                let problem = Problem::at_line(path, index, format!("starts with `{word}`: {comment}"));
                match kind {
                    Kind::Doc => self.questions.push(problem),
                    Kind::Plain => self.comments.push(problem),
                }
            }
        }
    }

    fn count_functions(&mut self, path: &str, text: &str) {
        // The first line of the documentation that was read last, until an item follows.
        let mut documentation: Option<(usize, &str)> = None;
        let (mut in_attribute, mut is_test) = (false, false);
        for (index, line) in text.lines().enumerate() {
            let line = line.trim_start();
            if let Some(text) = line.strip_prefix("///") {
                documentation.get_or_insert((index, text.trim()));
            } else if in_attribute || line.starts_with("#[") {
                in_attribute = !line.ends_with(']');
                is_test |= line.ends_with("test]") || line.contains("test(");
            } else {
                if let Some((index, text)) = documentation.take()
                    && is_function(line)
                    && !is_test
                {
                    self.documented_functions += 1;
                    if !is_verb(first_word(text)) {
                        let message = format!("starts with no verb such as \"Returns\": {text}");
                        self.verbless.push(Problem::at_line(path, index, message));
                    }
                }
                is_test = false;
            }
        }
    }

    /// Returns the share of doc lines that start with a question word, in percent.
    pub(super) fn question_share(&self) -> f64 {
        percent(self.questions.len(), self.doc_lines)
    }

    /// Returns the share of documented functions without a verb at the start, in percent.
    pub(super) fn verbless_share(&self) -> f64 {
        percent(self.verbless.len(), self.documented_functions)
    }

    /// Returns every comment that starts in a way that is limited or listed.
    pub(super) fn lines(&self) -> impl Iterator<Item = &Problem> {
        self.questions.iter().chain(&self.comments).chain(&self.verbless)
    }
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole.max(1) as f64
}

impl std::fmt::Display for Openings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (questions, verbless) = (self.questions.len(), self.verbless.len());
        writeln!(
            f,
            "{questions} of {} doc lines start with a question word: {:.2} %, {MAX_QUESTIONS} % allowed; so do {} \
             other comments",
            self.doc_lines,
            self.question_share(),
            self.comments.len()
        )?;
        write!(
            f,
            "{verbless} of {} documented functions start with no verb: {:.2} %, {MAX_VERBLESS} % allowed",
            self.documented_functions,
            self.verbless_share()
        )
    }
}

/// Reports comments that start in the wrong way if they are too many, and every phrase of the list.
pub(super) fn check(files: &Files, problems: &mut Vec<Problem>) {
    let openings = Openings::count(files);
    let (questions, verbless) = (openings.question_share(), openings.verbless_share());
    if questions > MAX_QUESTIONS {
        problems.extend(openings.questions);
    }
    if verbless > MAX_VERBLESS {
        problems.extend(openings.verbless);
    }
    problems.extend(phrases(files));
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

/// Returns the files that people wrote, without this rule and its tests.
fn hand_written(files: &Files) -> impl Iterator<Item = (&str, &str)> {
    let is_this =
        |path: &str| path.starts_with("xtask/src/tidy/language") || path == "xtask/src/tidy/tests.rs";
    files.iter().filter(move |(path, text)| !is_generated(text) && !is_this(path))
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

fn first_word(text: &str) -> &str {
    text.split(|c| !is_word_character(c)).next().unwrap_or_default()
}

/// Returns true for a verb in the third person, such as "Returns".
fn is_verb(word: &str) -> bool {
    word.ends_with('s') && !NO_VERBS.contains(&word)
}

/// Returns true if a line of code declares a function.
fn is_function(line: &str) -> bool {
    let declaration = line.split('(').next().unwrap_or_default();
    let qualifiers = ["pub", "const", "async", "default", "crate)", "super)"];
    // The parenthesis of `pub(crate)` comes before that of the arguments.
    let line = if declaration == "pub" { line.split_once(')').map_or("", |(_, rest)| rest) } else { line };
    let mut words = line.split_whitespace().skip_while(|word| qualifiers.contains(word));
    words.next() == Some("fn")
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
            let is_exception = EXCEPTIONS.iter().any(|exception| {
                let position = exception.find(phrase);
                position.is_some_and(|position| {
                    line[..start + phrase.len()].ends_with(&exception[..position + phrase.len()])
                })
            });
            !before.ends_with(is_word_character) && !after.starts_with(is_word_character) && !is_exception
        })
    })
}

fn is_word_character(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
