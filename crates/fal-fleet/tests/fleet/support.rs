//! A fleet with an emulator.

use std::time::{Duration, SystemTime};

use fal_client::{
    Client,
    reconcile::Reconcile,
    untyped::{self, Any},
};
use fal_emulator::{Emulator, Pace, RequestKind};
use fal_fleet::{Done, Fleet, HandlerError, Worker};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::cluster;

pub(crate) const DEV: &str = "fal-ai/flux/dev";

/// Makes tests of functions that take a stage, on PostgreSQL and on an embedded ledger.
macro_rules! on_both_ledgers {
    ($($test:ident,)*) => {
        mod on_postgres {
            $(
                #[tokio::test]
                async fn $test() {
                    if let Some(stage) = crate::support::Stage::on_postgres().await {
                        super::$test(stage).await;
                    }
                }
            )*
        }

        mod embedded {
            $(
                #[tokio::test]
                async fn $test() {
                    super::$test(crate::support::Stage::embedded().await).await;
                }
            )*
        }
    };
}

/// A fleet on a ledger of its own, and an emulator.
pub(crate) struct Stage {
    pub(crate) fleet: Fleet,
    pub(crate) emulator: Emulator,
    database: Database,
}

enum Database {
    Postgres { url: String },
    Embedded { folder: TempDir },
}

impl Stage {
    /// Returns `None` if there is no PostgreSQL.
    pub(crate) async fn on_postgres() -> Option<Self> {
        let url = cluster::new_database().await?;
        let fleet = Fleet::connect(&url).await.unwrap();
        Some(Self::new(fleet, Database::Postgres { url }).await)
    }

    pub(crate) async fn embedded() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let fleet = Fleet::embedded(folder.path().join("fleet.db")).await.unwrap();
        Self::new(fleet, Database::Embedded { folder }).await
    }

    async fn new(fleet: Fleet, database: Database) -> Self {
        let emulator = Emulator::builder().pace(Pace::instant()).start().await.unwrap();
        Self { fleet, emulator, database }
    }

    /// Returns the stage with an emulator of another pace.
    pub(crate) async fn with_pace(self, pace: Pace) -> Self {
        Self { emulator: Emulator::builder().pace(pace).start().await.unwrap(), ..self }
    }

    /// Returns the connection string of PostgreSQL.
    pub(crate) fn url(&self) -> &str {
        match &self.database {
            Database::Postgres { url } => url,
            Database::Embedded { .. } => panic!("this test needs PostgreSQL"),
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::builder().emulator(self.emulator.url()).build().unwrap()
    }

    /// Returns a worker that does not wait for long, and ends when nothing is left.
    pub(crate) fn worker(&self) -> Worker {
        let reconcile =
            Reconcile::default().lag(Duration::from_secs(1)).first_pause(Duration::from_millis(100));
        self.fleet
            .worker(self.client())
            .poll_interval(Duration::from_millis(20))
            .probe_pauses(Duration::from_millis(300), Duration::from_millis(600))
            .reconcile_settings(reconcile)
            .until_finished()
    }

    /// Runs a number of workers until nothing is left, and returns the keys that were handled, sorted.
    pub(crate) async fn work(&self, workers: usize) -> Vec<String> {
        let (sender, mut keys) = mpsc::unbounded_channel();
        let workers =
            (0..workers).map(|_| self.worker().submits_at_once(4).run::<Any, _>(sends_keys(sender.clone())));
        futures_util::future::try_join_all(workers).await.unwrap();
        drop(sender);
        let mut handled = Vec::new();
        while let Some(key) = keys.recv().await {
            handled.push(key);
        }
        handled.sort();
        handled
    }

    /// Returns the number of submits that the emulator has received.
    pub(crate) fn submits(&self) -> usize {
        self.emulator.requests().iter().filter(|request| request.kind == RequestKind::Submit).count()
    }

    /// Returns a number from the database.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        match &self.database {
            Database::Postgres { url } => {
                cluster::connect(url).await.query_one(query, &[]).await.unwrap().get(0)
            }
            Database::Embedded { folder } => open(folder).query_row(query, [], |row| row.get(0)).unwrap(),
        }
    }

    /// Returns the expression of the seconds until a time of a row.
    pub(crate) fn seconds_until(&self, column: &str) -> String {
        match &self.database {
            Database::Postgres { .. } => format!("extract(epoch from {column} - now())"),
            Database::Embedded { .. } => format!("{column} - now()"),
        }
    }

    /// Runs one statement, and returns the number of rows that it has changed.
    pub(crate) async fn update(&self, statement: &str) -> u64 {
        match &self.database {
            Database::Postgres { url } => cluster::connect(url).await.execute(statement, &[]).await.unwrap(),
            Database::Embedded { folder } => open(folder).execute(statement, []).unwrap() as u64,
        }
    }

    pub(crate) async fn execute(&self, statements: &str) {
        match &self.database {
            Database::Postgres { url } => cluster::execute(url, statements).await,
            Database::Embedded { folder } => open(folder).execute_batch(statements).unwrap(),
        }
    }
}

/// Opens an embedded ledger beside its fleet, with the function `now` of PostgreSQL.
fn open(folder: &TempDir) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    // A worker writes at the same time, and a slow disk takes its time.
    connection.busy_timeout(Duration::from_secs(60)).unwrap();
    let path = folder.path().join("fleet.db");
    connection.execute("attach database ?1 as fal", [path.to_str().unwrap()]).unwrap();
    let now = |_: &mut rusqlite::functions::Context<'_>| {
        Ok(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs_f64())
    };
    connection
        .create_scalar_function("now", 0, rusqlite::functions::FunctionFlags::SQLITE_UTF8, now)
        .unwrap();
    connection
}

/// Returns a handler that sends the key of each output.
pub(crate) fn sends_keys(
    sender: mpsc::UnboundedSender<String>,
) -> impl AsyncFn(Done<Any>) -> Result<(), HandlerError> {
    async move |done: Done<Any>| {
        assert!(!done.reply()?["images"].is_null());
        sender.send(done.key().to_owned())?;
        Ok(())
    }
}

/// Returns inputs with the keys `0000`, `0001` and so on.
pub(crate) fn inputs(count: usize) -> impl Iterator<Item = (String, untyped::Input)> {
    (0..count).map(|index| {
        (key(index), untyped::input(DEV, json!({ "prompt": format!("cat {index}"), "seed": index })))
    })
}

pub(crate) fn keys(count: usize) -> Vec<String> {
    (0..count).map(key).collect()
}

fn key(index: usize) -> String {
    format!("{index:04}")
}
