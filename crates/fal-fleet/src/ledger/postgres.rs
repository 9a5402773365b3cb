//! The ledger on PostgreSQL.

mod batches;
mod claim;
mod doubts;
mod enqueue;
mod group;
#[cfg(feature = "media")]
mod media;
mod moves;
mod offers;
mod overview;
#[cfg(test)]
mod rate;
mod reuse;
mod schema;
mod transfer;
mod uploads;

use std::sync::Arc;

use deadpool_postgres::{Client, Pool};
use tokio_postgres::Transaction;
use uuid::Uuid;

use self::group::Group;
use super::{
    enqueue::{Enqueued, NewRequest},
    request::{Accepted, Finished, Held},
    settings::{BatchSettings, SavedBatch},
    values,
};
use crate::{Result, trace};

/// The ledger of one database.
#[derive(Debug, Clone)]
pub(crate) struct Postgres {
    pool: Pool,
    groups: Arc<Groups>,
}

/// The moves that are written together.
#[derive(Debug, Default)]
struct Groups {
    submitted: Group<Accepted>,
    finished: Group<(Held, Finished)>,
    acknowledged: Group<Held>,
}

impl Postgres {
    /// Creates or updates the schema.
    pub(crate) async fn open(pool: Pool) -> Result<Self> {
        let postgres = Self { pool, groups: Arc::default() };
        schema::migrate(&mut postgres.connection().await?).await?;
        Ok(postgres)
    }

    /// Returns a connection.
    async fn connection(&self) -> Result<Client> {
        Ok(self.pool.get().await?)
    }

    /// Returns the batch. Creates it if it does not exist, and changes it if a setting is given.
    pub(crate) async fn save_batch(&self, settings: &BatchSettings) -> Result<SavedBatch> {
        let mut client = self.connection().await?;
        let transaction = client.transaction().await?;
        let batch = settings.find_or_save(&*transaction).await?;
        transaction.commit().await?;
        Ok(batch)
    }

    /// Adds requests to a batch, and leaves those that it has.
    pub(crate) async fn add(&self, batch: SavedBatch, requests: &[NewRequest]) -> Result<Enqueued> {
        let mut client = self.connection().await?;
        let transaction = client.transaction().await?;
        set_trace(&transaction).await?;
        let added = enqueue::add(&*transaction, batch, requests).await?;
        transaction.commit().await?;
        Ok(added)
    }

    /// Notes that a worker lives. Forgets those that have not shown themselves for a day.
    pub(crate) async fn note_worker(&self, id: Uuid, name: &str, account: &str) -> Result<()> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "with gone as (delete from fal.worker where seen_at < now() - interval '1 day')
                 insert into fal.worker (id, name, account) values ($1::text::uuid, $2, $3)
                 on conflict (id) do update set seen_at = now()",
            )
            .await?;
        client.execute(&statement, &[&id.to_string(), &name, &account]).await?;
        Ok(())
    }

    /// Forgets a worker that has stopped.
    pub(crate) async fn forget_worker(&self, id: Uuid) -> Result<()> {
        let client = self.connection().await?;
        client.execute("delete from fal.worker where id = $1::text::uuid", &[&id.to_string()]).await?;
        Ok(())
    }
}

/// Gives the requests that a transaction adds the trace of the current span.
async fn set_trace(transaction: &Transaction<'_>) -> Result<()> {
    if let Some(parent) = trace::traceparent() {
        transaction.execute("select set_config('fal.traceparent', $1, true)", &[&parent]).await?;
    }
    Ok(())
}

/// Adds requests to a batch in a transaction of the application.
pub(crate) async fn add_in(
    transaction: &Transaction<'_>,
    settings: &BatchSettings,
    chunks: impl Iterator<Item = &[NewRequest]>,
) -> Result<Enqueued> {
    let batch = settings.find_or_save(transaction).await?;
    set_trace(transaction).await?;
    let mut enqueued = Enqueued::default();
    for chunk in chunks {
        enqueued += enqueue::add(transaction, batch, chunk).await?;
    }
    Ok(enqueued)
}
