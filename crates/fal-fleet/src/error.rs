//! The error type of this crate.

use std::{error::Error as StdError, fmt};

/// The result of the calls of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Every failure of this crate.
///
/// ```
/// use fal_fleet::{Error, ErrorKind};
///
/// fn report(error: &Error) {
///     match error.kind() {
///         ErrorKind::Database => eprintln!("try again later: {error}"),
///         _ => eprintln!("{error}"),
///     }
/// }
/// ```
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
    /// `true` if the same statement would fail again.
    is_permanent: bool,
}

/// The kind of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The database cannot be reached, or refused a statement. Nothing was changed.
    Database,
    /// A name, key, setting or input is invalid.
    Config,
    /// A key is known with another input.
    OtherInput,
    /// There is no batch or no request of this name.
    NotFound,
    /// A call of fal failed.
    Fal,
    /// A file of an output cannot be saved.
    Media,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let is_permanent = kind != ErrorKind::Database;
        Self { kind, message: message.into(), source: None, is_permanent }
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns true if the same call would fail again.
    pub(crate) fn is_permanent(&self) -> bool {
        self.is_permanent
    }

    /// Returns the error of a call of fal that somebody else keeps.
    pub(crate) fn from_fal(error: &fal_client::Error) -> Self {
        Self::new(ErrorKind::Fal, error.to_string())
    }

    /// Returns the kind of the failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        let message = match error.as_db_error() {
            Some(refusal) => format!("PostgreSQL refused a statement: {}", refusal.message()),
            None => format!("PostgreSQL cannot be used: {error}"),
        };
        // Wrong values, broken constraints and wrong statements. Everything else may be over soon.
        let is_permanent = error
            .code()
            .is_some_and(|code| ["22", "23", "42"].iter().any(|class| code.code().starts_with(class)));
        Self { is_permanent, ..Self::new(ErrorKind::Database, message).with_source(error) }
    }
}

impl From<deadpool_postgres::PoolError> for Error {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Backend(error) => error.into(),
            error => Self::new(ErrorKind::Database, format!("there is no connection to PostgreSQL: {error}"))
                .with_source(error),
        }
    }
}

#[cfg(feature = "embedded")]
impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        // A busy or full disk may be over soon. Everything else is a wrong value or statement.
        let is_permanent = !matches!(
            error.sqlite_error_code(),
            Some(
                rusqlite::ErrorCode::DatabaseBusy
                    | rusqlite::ErrorCode::DatabaseLocked
                    | rusqlite::ErrorCode::DiskFull
                    | rusqlite::ErrorCode::SystemIoFailure
            )
        );
        let message = format!("the embedded ledger cannot be used: {error}");
        Self { is_permanent, ..Self::new(ErrorKind::Database, message).with_source(error) }
    }
}

impl From<fal_client::Error> for Error {
    fn from(error: fal_client::Error) -> Self {
        Self::new(ErrorKind::Fal, error.to_string()).with_source(error)
    }
}
