//! Rows of the tables, and the transaction that reads and writes them.

use std::{
    ops::Deref,
    time::{Duration, SystemTime},
};

use fal_client::Usd;
use rusqlite::{
    OptionalExtension, Params, ToSql, Transaction,
    types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef},
};
use serde::{Deserialize, Serialize};

use crate::{
    Result,
    ledger::{
        request::{Held, State},
        values::usd_text,
    },
};

/// Declares a table with an id, to read and write whole rows of it.
macro_rules! table {
    ($(#[$doc:meta])* struct $Row:ident of $table:literal { $($column:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Serialize, Deserialize)]
        pub(super) struct $Row { $(pub(super) $column: $type,)* }

        impl $Row {
            /// Reads a row of all columns.
            pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
                Ok(Self { $($column: row.get(stringify!($column))?,)* })
            }

            /// Writes all columns of the row with this id.
            pub(super) fn save(&self, unit: &Unit<'_>) -> Result<()> {
                const UPDATE: &str = concat!(
                    "update fal.", $table, " set ",
                    $(stringify!($column), " = :", stringify!($column), ", ",)*
                    "id = :id where id = :id"
                );
                unit.execute(UPDATE, &[$((concat!(":", stringify!($column)), &self.$column as &dyn ToSql),)*])?;
                Ok(())
            }
        }
    };
}

table! {
    /// An account at fal.
    struct Account of "account" {
        id: i64,
        name: String,
        concurrency: i64,
        is_adaptive: bool,
        width: f64,
        grows_from: f64,
        locked_at: Option<f64>,
        lock_reason: Option<String>,
        probe_at: Option<f64>,
        probe_pause: Option<f64>,
    }
}

table! {
    /// A batch.
    struct Batch of "batch" {
        id: i32,
        name: String,
        account: String,
        priority: i32,
        budget: Option<Amount>,
        max_per_request: Option<Amount>,
        reserved: Amount,
        spent: Amount,
        excess: Option<Amount>,
        webhook: Option<String>,
        reconcile: bool,
        deadline: Option<f64>,
        retries: i32,
        stop_reason: Option<String>,
        reuse: String,
        retry_transient: bool,
        retry_error_types: ErrorTypes,
        retry_pause: f64,
        retry_max_pause: f64,
    }
}

table! {
    /// A request.
    struct Request of "request" {
        id: i64,
        batch: i32,
        key: String,
        endpoint: String,
        input: String,
        state: State,
        due: f64,
        epoch: i32,
        owner: Option<String>,
        attempts: i32,
        failures: i32,
        offers: i32,
        token: String,
        request_id: Option<String>,
        ticket: Option<String>,
        reserved: Option<Amount>,
        cost: Option<Amount>,
        units: Option<String>,
        begun_at: Option<f64>,
        submitted_at: Option<f64>,
        done_at: Option<f64>,
        acknowledged_at: Option<f64>,
        output: Option<String>,
        error: Option<String>,
        content: Option<String>,
        reused_from: Option<String>,
        saved: Option<String>,
        traceparent: Option<String>,
        estimate: Option<Amount>,
    }
}

impl Request {
    pub(super) fn held(&self) -> Held {
        Held { id: self.id, epoch: self.epoch }
    }
}

/// An amount of money, as decimal text.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Amount(pub(super) Usd);

impl ToSql for Amount {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(usd_text(self.0).into())
    }
}

impl FromSql for Amount {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map(Self).map_err(FromSqlError::other)
    }
}

/// A list of types of failures, as JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct ErrorTypes(pub(super) Vec<String>);

impl ToSql for ErrorTypes {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        serde_json::to_string(&self.0)
            .map(ToSqlOutput::from)
            .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
    }
}

impl FromSql for ErrorTypes {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Self).map_err(FromSqlError::other)
    }
}

impl ToSql for State {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.name().into())
    }
}

impl FromSql for State {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::parse(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

/// A transaction, and the time at which it began.
pub(super) struct Unit<'a> {
    transaction: Transaction<'a>,
    /// In seconds since 1970.
    pub(super) now: f64,
}

impl<'a> Unit<'a> {
    pub(super) fn new(transaction: Transaction<'a>) -> Self {
        Self { transaction, now: seconds(SystemTime::now()) }
    }

    pub(super) fn commit(self) -> Result<()> {
        Ok(self.transaction.commit()?)
    }

    /// Returns the time after a pause.
    pub(super) fn after(&self, pause: Duration) -> f64 {
        self.now + pause.as_secs_f64()
    }

    /// Changes rows, and returns their number.
    pub(super) fn execute(&self, statement: &str, params: impl Params) -> Result<usize> {
        Ok(self.prepare_cached(statement)?.execute(params)?)
    }

    /// Returns the rows that a statement finds or changes.
    pub(super) fn rows<T>(
        &self,
        statement: &str,
        params: impl Params,
        read: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        Ok(self.prepare_cached(statement)?.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
    }

    /// Returns the value of one column in one row.
    pub(super) fn value<T: FromSql>(&self, statement: &str, params: impl Params) -> Result<T> {
        Ok(self.prepare_cached(statement)?.query_row(params, |row| row.get(0))?)
    }

    /// Returns a request in a state, if the worker still holds it.
    pub(super) fn held(&self, held: Held, state: State) -> Result<Option<Request>> {
        let statement = "select * from fal.request where id = ?1 and epoch = ?2 and state = ?3 and acknowledged_at is null";
        let mut statement = self.prepare_cached(statement)?;
        Ok(statement.query_row((held.id, held.epoch, state), Request::read).optional()?)
    }

    /// Returns the batch with an id.
    pub(super) fn batch(&self, id: i32) -> Result<Batch> {
        Ok(self.prepare_cached("select * from fal.batch where id = ?1")?.query_row([id], Batch::read)?)
    }

    /// Returns an account, if there is one of this name.
    pub(super) fn account(&self, name: &str) -> Result<Option<Account>> {
        let mut statement = self.prepare_cached("select * from fal.account where name = ?1")?;
        Ok(statement.query_row([name], Account::read).optional()?)
    }
}

impl Deref for Unit<'_> {
    type Target = rusqlite::Connection;

    fn deref(&self) -> &rusqlite::Connection {
        &self.transaction
    }
}

/// Returns the seconds since 1970.
pub(super) fn seconds(time: SystemTime) -> f64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// Returns the time that is some seconds after 1970.
pub(super) fn time(seconds: f64) -> SystemTime {
    let since = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    SystemTime::UNIX_EPOCH.checked_add(since).unwrap_or(SystemTime::UNIX_EPOCH)
}
