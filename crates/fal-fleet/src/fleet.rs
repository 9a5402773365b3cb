//! A fleet: one database, and the batches in it.

#[cfg(feature = "embedded")]
use std::path::Path;
use std::{fmt, time::Duration};

use deadpool_postgres::Pool;
use fal_client::{Client, webhook::Verifier};
use futures_util::{Stream, stream};

#[cfg(feature = "embedded")]
use crate::ledger::embedded::Embedded;
use crate::{
    Batch, Result, Status, Webhooks, Worker, connections,
    ledger::{Ledger, move_batch, postgres::Postgres},
    meter,
};

/// A fleet of workers that share one database. Cloning is cheap, and clones share connections.
///
/// ```no_run
/// use fal_client::{Client, untyped};
/// use fal_fleet::Fleet;
/// use serde_json::json;
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let fleet = Fleet::connect("postgres://localhost/app").await?;
/// let inputs = (0..1000).map(|seed| (seed, untyped::input("fal-ai/flux/dev", json!({ "prompt": "a cat", "seed": seed }))));
/// fleet.batch("cats").concurrency(40).enqueue(inputs).await?;
///
/// let client = Client::from_env()?;
/// fleet.worker(client).run::<untyped::Any, _>(async |done| {
///     println!("{}: {}", done.key(), done.reply()?["images"][0]["url"]);
///     Ok(())
/// }).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Fleet {
    ledger: Ledger,
}

impl Fleet {
    /// Connects to PostgreSQL 15 or later, and creates or updates the schema `fal`. `url` is a connection string such as
    /// `postgres://user:password@host/database`.
    ///
    /// Connections are encrypted if the URL says so, and otherwise they are not. With `?sslmode=verify-full`, and also with
    /// `require` and `verify-ca`, a server without TLS, or whose certificate is not valid for its name, is refused. The
    /// certificate must be signed by an authority of the system, or of the file in PEM that `sslrootcert=/path/ca.pem` names.
    /// `prefer` and `allow` are errors, because they leave it to the network.
    ///
    /// At most 16 connections are open at a time. A connection that breaks is replaced when the next one is needed.
    ///
    /// # Errors
    ///
    /// `Config` if the URL or its certificates are invalid, or the schema is of a newer version of this crate; `Database` if the
    /// database cannot be reached, or the user may not create the schema.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::with_pool(connections::pool(url)?).await
    }

    /// Uses connections of the application, for example with a certificate of its own, and creates or updates the schema `fal`.
    ///
    /// A worker needs about as many connections as it sends requests and runs handlers at once.
    ///
    /// # Errors
    ///
    /// Those of [`connect`](Self::connect).
    pub async fn with_pool(pool: Pool) -> Result<Self> {
        Ok(Self { ledger: Ledger::Postgres(Postgres::open(pool).await?) })
    }

    /// Opens a file on this machine in place of a server, or creates it: for tests, and for batches on a laptop.
    ///
    /// Everything is the same as on PostgreSQL, except for [`Batch::enqueue_in`]. The file is one of SQLite, with the same tables
    /// and views. Other processes of this machine may open it, too. It must not be on a network drive.
    ///
    /// ```
    /// use fal_client::untyped;
    /// use fal_fleet::Fleet;
    /// use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("fleet.db");
    /// let fleet = Fleet::embedded(path).await?;
    /// let inputs = [("tom", untyped::input("fal-ai/flux/dev", json!({ "prompt": "a cat" })))];
    /// fleet.batch("cats").enqueue(inputs).await?;
    /// assert_eq!(fleet.batch("cats").status().await?.waiting, 1);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Config` if the file cannot be opened or is not such a file, or is of a newer version of this crate.
    #[cfg(feature = "embedded")]
    pub async fn embedded(path: impl AsRef<Path>) -> Result<Self> {
        Ok(Self { ledger: Ledger::Embedded(Embedded::open(path.as_ref()).await?) })
    }

    /// Returns the batch of this name, to add requests to it or to change it. It is created with its first requests.
    pub fn batch(&self, name: impl Into<String>) -> Batch {
        Batch::new(self.ledger.clone(), name.into())
    }

    /// Returns a worker that sends requests with `client`. It does nothing until it [runs](Worker::run).
    pub fn worker(&self, client: Client) -> Worker {
        Worker::new(self.ledger.clone(), client)
    }

    /// Returns the receiver of the webhooks of all batches.
    pub fn webhooks(&self, verifier: Verifier) -> Webhooks {
        Webhooks::new(self.ledger.clone(), verifier)
    }

    /// Moves a batch with all its requests to another fleet, and returns their number: for example from a laptop to a server.
    ///
    /// Waits until no request of it is being sent, for up to the lease of a worker. Requests in fal's queue, outputs that are not
    /// acknowledged, and what was spent go along. From then on the workers of the other fleet go on with it, and webhooks must be
    /// delivered there; those that come to this one are not known.
    ///
    /// After a failure the batch is stopped in both. Call it again to complete the move.
    ///
    /// ```no_run
    /// # async fn example() -> fal_fleet::Result<()> {
    /// use fal_fleet::Fleet;
    ///
    /// let (laptop, server) = (Fleet::embedded("fleet.db").await?, Fleet::connect("postgres://db.example/app").await?);
    /// println!("{} requests moved", laptop.move_batch("cats", &server).await?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `NotFound` if there is no such batch; `Config` if the other fleet has one of this name, or is the same.
    pub async fn move_batch(&self, batch: &str, to: &Self) -> Result<u64> {
        move_batch(batch, &self.ledger, &to.ledger).await
    }

    /// Returns the state of all batches.
    ///
    /// Counts every request, so it takes about a second for a million of them. With the feature `metrics`, it records the counts.
    ///
    /// ```no_run
    /// # async fn example(fleet: fal_fleet::Fleet) -> fal_fleet::Result<()> {
    /// println!("{}", fleet.status().await?); // cats: 960 waiting, 40 under way, 0 done, $0.00 spent of $20.00
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Database` if the database cannot be used.
    pub async fn status(&self) -> Result<Status> {
        let status = self.ledger.status(None).await?;
        meter::record_status(&status);
        Ok(status)
    }

    /// Returns the state of all batches again and again, with a pause in between.
    ///
    /// ```no_run
    /// use std::{pin::pin, time::Duration};
    /// use futures_util::StreamExt;
    ///
    /// # async fn example(fleet: fal_fleet::Fleet) -> fal_fleet::Result<()> {
    /// let mut states = pin!(fleet.watch(Duration::from_secs(5)));
    /// while let Some(status) = states.next().await {
    ///     println!("{}", status?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn watch(&self, pause: Duration) -> impl Stream<Item = Result<Status>> + Send + use<> {
        let ledger = self.ledger.clone();
        stream::unfold((ledger, Duration::ZERO), move |(ledger, wait)| async move {
            tokio::time::sleep(wait).await;
            let status = ledger.status(None).await;
            if let Ok(status) = &status {
                meter::record_status(status);
            }
            Some((status, (ledger, pause)))
        })
    }
}

impl fmt::Debug for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet").finish_non_exhaustive()
    }
}
