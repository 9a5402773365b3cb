//! What is wrong with a document, where, and what to do about it.

use std::{collections::HashSet, fmt};

/// A problem in one document. Printed as `file: pointer: message`, then the help on a line of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Error {
    /// The document, as it was named by the caller.
    pub file: String,
    /// Where in the document, as a JSON pointer. Empty for the whole of it.
    pub pointer: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: String,
}

impl Error {
    /// A problem in `file`; see [`Error::at`] and [`Error::help`] for the rest.
    pub fn new(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: file.into(), pointer: String::new(), message: message.into(), help: String::new() }
    }

    /// Adds where in the document the problem is.
    #[must_use]
    pub fn at(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = pointer.into();
        self
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
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

impl std::error::Error for Error {}

/// Every problem found in one run, so that one run is enough to see them all. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Errors(pub Vec<Error>);

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            write!(f, "{}{error}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Errors {}

impl From<Error> for Errors {
    fn from(error: Error) -> Self {
        Self(vec![error])
    }
}

impl Errors {
    /// `value`, unless something is wrong. What two parts of a document share is wrong once.
    pub(crate) fn or<T>(mut errors: Vec<Error>, value: T) -> Result<T, Self> {
        let mut seen = HashSet::new();
        errors.retain(|error| seen.insert(error.clone()));
        if errors.is_empty() { Ok(value) } else { Err(Self(errors)) }
    }
}

/// Appends one token to a JSON pointer, escaped as RFC 6901 asks.
pub(crate) fn pointer(parent: &str, token: impl fmt::Display) -> String {
    format!("{parent}/{}", token.to_string().replace('~', "~0").replace('/', "~1"))
}
