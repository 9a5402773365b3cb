//! Failures, as lines for people or as JSON, with their exit codes.

use std::process::ExitCode;

use fal_client::{Error, ErrorKind};
use serde_json::{Value, json};

/// The kind of a failure, which decides the exit code. The names are part of the documented JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// The model or the service failed.
    Failed,
    /// The command or the input is wrong.
    Usage,
    /// The key is missing or refused, or the account is locked.
    Key,
    /// A model or a request does not exist.
    NotFound,
    /// There is no connection, or the answer came too late.
    Connection,
    /// The call is dearer than allowed.
    Cost,
    /// The user pressed Ctrl-C.
    Interrupted,
}

/// A failure of a command.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: FailureKind,
    /// One line for each mistake.
    lines: Vec<String>,
    request_id: Option<String>,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, line: impl Into<String>) -> Self {
        Self { kind, lines: vec![line.into()], request_id: None }
    }

    /// Creates the failure of a wrong command or input.
    pub(crate) fn usage(line: impl Into<String>) -> Self {
        Self::new(FailureKind::Usage, line)
    }

    /// Creates the failure of an input with these mistakes, at least one.
    pub(crate) fn mistakes(lines: Vec<String>) -> Self {
        Self { kind: FailureKind::Usage, lines, request_id: None }
    }

    /// Creates the failure of a command line that cannot be parsed, as one line. Help and versions are printed, and are no
    /// failure.
    pub(crate) fn from_command_line(error: clap::Error) -> Result<ExitCode> {
        if error.exit_code() == 0
            || error.kind() == clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
        {
            error.print().ok();
            return Ok(ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2)));
        }
        let text = error.render().to_string();
        // The usage, and the advice to read the help, are on lines of their own after the message.
        let message = text
            .split("\n\n")
            .take_while(|part| !part.starts_with("Usage:") && !part.starts_with("For more"));
        let message: Vec<&str> =
            message.flat_map(str::lines).map(str::trim).filter(|line| !line.is_empty()).collect();
        let message = message.join(" ");
        Err(Self::usage(message.trim_start_matches("error: ")))
    }

    pub(crate) fn with_request_id(mut self, id: &str) -> Self {
        self.request_id.get_or_insert_with(|| id.to_owned());
        self
    }

    /// Returns true if the user pressed Ctrl-C.
    pub(crate) fn is_interrupt(&self) -> bool {
        self.kind == FailureKind::Interrupted
    }

    /// Returns the lines.
    pub(crate) fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Returns the exit code.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self.kind {
            FailureKind::Failed => 1,
            FailureKind::Usage => 2,
            FailureKind::Key => 3,
            FailureKind::NotFound => 4,
            FailureKind::Connection => 5,
            FailureKind::Cost => 6,
            FailureKind::Interrupted => 130,
        })
    }

    /// Returns the failure as JSON.
    pub(crate) fn to_json(&self) -> Value {
        let mut error = json!({"kind": self.kind.name(), "problems": self.lines});
        if let Some(id) = &self.request_id {
            error["request_id"] = json!(id);
        }
        json!({"error": error})
    }

    /// Prints the failure to stderr.
    pub(crate) fn print(&self, is_json: bool) {
        if is_json {
            eprintln!("{}", self.to_json());
            return;
        }
        for line in &self.lines {
            eprintln!("{} {line}", console::style("error:").red().bold().for_stderr());
        }
    }
}

impl FailureKind {
    fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Usage => "usage",
            Self::Key => "key",
            Self::NotFound => "not_found",
            Self::Connection => "connection",
            Self::Cost => "cost",
            Self::Interrupted => "interrupted",
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Config
            | ErrorKind::InvalidInput(_)
            | ErrorKind::Encode
            | ErrorKind::Validation(_)
            | ErrorKind::File => FailureKind::Usage,
            ErrorKind::Auth | ErrorKind::Locked { .. } => FailureKind::Key,
            ErrorKind::NotFound => FailureKind::NotFound,
            ErrorKind::Timeout | ErrorKind::Transport | ErrorKind::RateLimited => FailureKind::Connection,
            _ => FailureKind::Failed,
        };
        let mut failure = Self::new(kind, error.to_string());
        failure.request_id = error.request_id().map(str::to_owned);
        failure
    }
}

/// The result of a command.
pub(crate) type Result<T> = std::result::Result<T, Failure>;
