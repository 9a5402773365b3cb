//! The ledger: every request with its state, moved by compare-and-set.
//!
//! A request is `waiting`, then `begun` before its submit is sent, `submitted` once fal has named its id, and at last `done` or
//! `failed`. One whose submit was not answered is `in_doubt`. A worker that takes a request raises its epoch and moves the
//! time of its next step by a lease. It may write as long as nobody else has taken the request, so a worker that was
//! stopped for longer than its lease changes nothing.

mod batches;
mod claim;
mod doubts;
mod enqueue;
mod group;
mod moves;
mod offers;
mod overview;
#[cfg(test)]
mod rate;
mod values;

use std::sync::Arc;

use deadpool_postgres::{Client, Pool};
use uuid::Uuid;

use self::group::Group;
pub(crate) use self::{
    batches::{BatchSettings, ProbePauses},
    claim::{ClaimOptions, Claimed, Estimates},
    doubts::Doubtful,
    enqueue::{CHUNK, NewRequest, add as add_requests},
    moves::{Accepted, Delivered, Finished, Followed, Held},
    offers::Offered,
    values::usd_text,
};
pub use self::{
    enqueue::Enqueued,
    overview::{BatchStatus, Status},
};
use crate::Result;

/// The ledger of one database.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
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

impl Ledger {
    pub(crate) fn new(pool: Pool) -> Self {
        Self { pool, groups: Arc::default() }
    }

    /// Returns a connection.
    pub(crate) async fn connection(&self) -> Result<Client> {
        Ok(self.pool.get().await?)
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
