//! Why nothing was written: every problem, one block each.

use std::{fmt, io, path::Path};

use fal_codegen::{Error, Errors};

/// Why the command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Problems with documents, files or arguments.
    Problems(Vec<Error>),
    /// Files that `--check` found stale.
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
                for error in errors {
                    writeln!(f, "error: {}\n", printable(&error.to_string()))?;
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

/// Names out of documents must not move the cursor of a terminal.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// A problem of the disk.
pub(crate) fn disk(path: &Path, error: &io::Error) -> Error {
    let help = match error.kind() {
        io::ErrorKind::NotFound => "check the path",
        io::ErrorKind::PermissionDenied => "check the permissions of the file and its folder",
        _ => "check the path and the disk",
    };
    Error::new(path.display().to_string(), error.to_string()).help(help)
}
