//! Failures of the command.

use std::{fmt, io, path::Path};

use crate::{Error, Errors, error::to_texts};

/// The reason that the command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Errors in documents, files or arguments.
    Problems(Vec<Error>),
    /// The number of files that `--check` found stale.
    Stale(usize),
}

impl From<Errors> for Failure {
    fn from(Errors(errors): Errors) -> Self {
        Self::Problems(errors)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Problems(vec![error])
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problems(errors) => {
                for error in to_texts(errors) {
                    writeln!(f, "error: {}\n", replace_control_characters(&error))?;
                }
                let plural = if errors.len() == 1 { "problem" } else { "problems" };
                write!(f, "{} {plural}; nothing was written", errors.len())
            }
            Self::Stale(1) => f.write_str("1 file is stale; run this command without `--check`"),
            Self::Stale(count) => {
                write!(f, "{count} files are stale; run this command without `--check`")
            }
        }
    }
}

/// Replaces control characters, because names in documents must not control the terminal.
fn replace_control_characters(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// Converts an I/O error at `path`.
pub(crate) fn io_error(path: &Path, error: &io::Error) -> Error {
    let help = match error.kind() {
        io::ErrorKind::NotFound => "check the path",
        io::ErrorKind::PermissionDenied => "check the permissions of the file and its folder",
        _ => "check the path and the disk",
    };
    Error::new(path.display().to_string(), error.to_string()).with_help(help)
}
