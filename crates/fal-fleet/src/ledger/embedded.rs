//! The ledger in a file of SQLite, for one machine.
//!
//! Every operation is a transaction of the one connection, so that nothing happens at the same time. Other processes may read the
//! file, and work on it.

mod claim;
#[cfg(feature = "media")]
mod media;
mod moves;
mod overview;
mod reuse;
mod rows;
mod settings;
mod transfer;
mod uploads;

use std::{
    path::Path,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use self::rows::Unit;
use crate::{Error, ErrorKind, Result, sync::lock};

/// The versions of the schema, from the first. Each is applied once, and never changed.
const VERSIONS: [&str; 5] = [
    include_str!("embedded/schema.sql"),
    include_str!("embedded/media.sql"),
    include_str!("embedded/trace.sql"),
    include_str!("embedded/upload.sql"),
    include_str!("embedded/retry.sql"),
];

/// The time for which a transaction, and each step of opening, waits for another connection.
const PATIENCE: Duration = Duration::from_secs(30);

/// The time between two attempts to open a file that is locked.
const PAUSE: Duration = Duration::from_millis(5);

/// The number of statements that are kept.
const STATEMENTS: usize = 64;

/// The ledger in one file.
#[derive(Debug, Clone)]
pub(crate) struct Embedded {
    connection: Arc<Mutex<Connection>>,
}

impl Embedded {
    /// Opens or creates a file, and creates or updates its tables.
    pub(crate) async fn open(path: &Path) -> Result<Self> {
        let path = path.to_owned();
        let connection = blocking(move || open(&path)).await?;
        let embedded = Self { connection: Arc::new(Mutex::new(connection)) };
        embedded.run(migrate).await?;
        Ok(embedded)
    }

    /// Runs a transaction, which is on the disk when this returns.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Unit<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let connection = self.connection.clone();
        blocking(move || {
            let mut connection = lock(&connection);
            let unit = Unit::new(connection.transaction_with_behavior(TransactionBehavior::Immediate)?);
            let outcome = work(&unit)?;
            unit.commit()?;
            Ok(outcome)
        })
        .await
    }
}

/// Runs work that waits for the disk, on a thread for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    let outcome = tokio::task::spawn_blocking(work).await;
    outcome.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Database, format!("the embedded ledger was interrupted: {error}")))
    })
}

fn open(path: &Path) -> Result<Connection> {
    let shown = path.display();
    let name = path.to_str().filter(|name| !name.is_empty() && !name.contains('\0')).ok_or_else(|| {
        Error::config(format!("`{shown}` cannot be the path of an embedded ledger: it needs to be UTF-8"))
    })?;
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_in_memory_with_flags(flags)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.busy_timeout(PATIENCE)?;
    // Under the name of the schema on PostgreSQL, so that the tables have the same names.
    let attach = || connection.execute("attach database ?1 as fal", [name]);
    let settings = "pragma fal.journal_mode = wal; pragma fal.synchronous = full; pragma foreign_keys = on";
    repeat_while_locked(attach)
        .and_then(|_| repeat_while_locked(|| connection.execute_batch(settings)))
        .map_err(|error| {
            Error::config(format!("`{shown}` cannot be opened as an embedded ledger: {error}"))
        })?;
    Ok(connection)
}

/// Repeats an operation for up to [`PATIENCE`] while another connection has locked the file.
///
/// The busy timeout is not enough. Changing a new file to WAL turns a read lock into a write lock, and SQLite does not wait for
/// another connection that does the same: each would keep its read lock while it waits for the other.
fn repeat_while_locked<T>(operation: impl Fn() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let start = Instant::now();
    loop {
        let outcome = operation();
        let code = outcome.as_ref().err().and_then(rusqlite::Error::sqlite_error_code);
        let is_locked = matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked));
        if !is_locked || start.elapsed() >= PATIENCE {
            return outcome;
        }
        thread::sleep(PAUSE);
    }
}

fn migrate(unit: &Unit<'_>) -> Result<()> {
    let applied: usize = unit.value("pragma fal.user_version", [])?;
    if applied > VERSIONS.len() {
        return Err(crate::ledger::newer_schema(applied, VERSIONS.len()));
    }
    for version in VERSIONS.iter().skip(applied) {
        unit.execute_batch(version)?;
    }
    unit.pragma_update(Some("fal"), "user_version", VERSIONS.len())?;
    Ok(())
}
