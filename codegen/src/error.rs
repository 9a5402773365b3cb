//! Problems in documents, with their places and ways to solve them.

use std::{collections::HashSet, fmt};

/// A problem in a document. It is printed as `file: pointer: message`, and the help on a line of its own.
///
/// `Debug` prints the same, because it is the form in which a failed `main` of a build script shows it.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Error {
    /// The document, by the name that the caller gave it.
    pub file: String,
    /// The place in the document, as a JSON pointer. Empty for the whole document.
    pub pointer: String,
    /// The problem.
    pub message: String,
    /// A way to solve it.
    pub help: String,
}

impl Error {
    /// Creates a problem with a whole file.
    pub fn new(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: file.into(), pointer: String::new(), message: message.into(), help: String::new() }
    }

    /// Adds the place in the document, as a JSON pointer.
    #[must_use]
    pub fn with_pointer(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = pointer.into();
        self
    }

    /// Adds what to do about the problem.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.file)?;
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        f.write_str(&self.message)?;
        if !self.help.is_empty() {
            write!(f, "\n  help: {}", self.help)?;
        }
        Ok(())
    }
}

/// Returns the errors as texts. Of neighbours with the same help, only the last has it.
pub(crate) fn to_texts(errors: &[Error]) -> Vec<String> {
    let followed = errors.iter().zip(errors.iter().skip(1).map(Some).chain([None]));
    let texts = followed.map(|(error, next)| match next {
        Some(next) if next.help == error.help => Error { help: String::new(), ..error.clone() }.to_string(),
        _ => error.to_string(),
    });
    texts.collect()
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {}

/// All problems of a run, so that one run shows every one of them. Never empty. `Debug` prints what `Display` does.
#[derive(Clone, PartialEq, Eq)]
pub struct Errors(pub Vec<Error>);

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&to_texts(&self.0).join("\n"))
    }
}

impl fmt::Debug for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Errors {}

impl From<Error> for Errors {
    fn from(error: Error) -> Self {
        Self(vec![error])
    }
}

impl Errors {
    /// Returns `value` if there are no errors. A problem that two parts of a document share is reported once.
    pub(crate) fn or<T>(mut errors: Vec<Error>, value: T) -> Result<T, Self> {
        let mut seen = HashSet::new();
        errors.retain(|error| seen.insert(error.clone()));
        if errors.is_empty() { Ok(value) } else { Err(Self(errors)) }
    }
}

/// Appends a token to a JSON pointer, escaped as RFC 6901 asks.
pub(crate) fn pointer(parent: &str, token: impl fmt::Display) -> String {
    format!("{parent}/{}", token.to_string().replace('~', "~0").replace('/', "~1"))
}

/// Removes the escapes from a token of a JSON pointer.
pub(crate) fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}
