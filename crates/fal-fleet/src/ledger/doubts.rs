//! Requests that may have been accepted.

use std::time::{Duration, SystemTime};

use super::{Held, Ledger};
use crate::Result;

/// A request whose submit was not answered.
#[derive(Debug, Clone)]
pub(crate) struct Doubtful {
    pub(crate) held: Held,
    pub(crate) endpoint: String,
    pub(crate) input: String,
    pub(crate) begun_at: SystemTime,
}

impl Ledger {
    /// Takes requests in doubt of the batches of an account that are to be reconciled.
    pub(crate) async fn doubts(&self, account: &str, most: i64, lease: Duration) -> Result<Vec<Doubtful>> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "with due as (select r.id from fal.request r join fal.batch b on b.id = r.batch
                              where r.state = 'in_doubt' and r.due <= now() and b.account = $1 and b.reconcile
                              order by r.due, r.id limit $2 for update of r skip locked)
                 update fal.request r set epoch = r.epoch + 1, due = now() + make_interval(secs => $3)
                 from due where r.id = due.id
                 returning r.id, r.epoch, r.endpoint, r.input::text, coalesce(r.begun_at, now())",
            )
            .await?;
        let rows = client.query(&statement, &[&account, &most, &lease.as_secs_f64()]).await?;
        let doubts = rows.into_iter().map(|row| Doubtful {
            held: Held { id: row.get(0), epoch: row.get(1) },
            endpoint: row.get(2),
            input: row.get(3),
            begun_at: row.get(4),
        });
        Ok(doubts.collect())
    }

    /// Returns the ids of other requests of an endpoint that were sent since a time, with their inputs: none of them is one in
    /// doubt. The latest 10,000.
    pub(crate) async fn accepted_since(
        &self,
        endpoint: &str,
        since: SystemTime,
    ) -> Result<Vec<(String, String)>> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "select request_id, input::text from fal.request
                 where endpoint = $1 and request_id is not null and submitted_at >= $2
                 order by submitted_at desc limit 10000",
            )
            .await?;
        let rows = client.query(&statement, &[&endpoint, &since]).await?;
        Ok(rows.into_iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// Notes that a request in doubt was accepted under this id. Returns false if it was decided otherwise in the meantime.
    pub(crate) async fn found(&self, held: Held, request_id: &str) -> Result<bool> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "update fal.request
                 set state = 'submitted', request_id = $3, submitted_at = coalesce(begun_at, now()), due = now(), error = null
                 where id = $1 and epoch = $2 and state = 'in_doubt'
                   and not exists (select from fal.request o where o.request_id = $3)",
            )
            .await?;
        Ok(client.execute(&statement, &[&held.id, &held.epoch, &request_id]).await? == 1)
    }

    /// Notes that a request in doubt was not accepted: it waits again, and its money is free.
    pub(crate) async fn not_accepted(&self, held: Held) -> Result<bool> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "with old as (select id, reserved from fal.request where id = $1 and epoch = $2 and state = 'in_doubt' for update),
                      moved as (update fal.request r
                                set state = 'waiting', due = now(), owner = null, reserved = null, error = null
                                from old where r.id = old.id returning r.batch),
                      freed as (update fal.batch b set reserved = b.reserved - old.reserved
                                from old, moved where b.id = moved.batch and old.reserved is not null)
                 select count(*) from moved",
            )
            .await?;
        Ok(client.query_one(&statement, &[&held.id, &held.epoch]).await?.get::<_, i64>(0) == 1)
    }

    /// Leaves a request in doubt with the reason, and sets the time of the next look.
    pub(crate) async fn still_in_doubt(&self, held: Held, reason: &str, pause: Duration) -> Result<bool> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "update fal.request set due = now() + make_interval(secs => $3), error = json_build_object('message', $4::text)
                 where id = $1 and epoch = $2 and state = 'in_doubt'",
            )
            .await?;
        let reason = reason.replace('\0', "");
        Ok(client.execute(&statement, &[&held.id, &held.epoch, &pause.as_secs_f64(), &reason]).await? == 1)
    }
}
