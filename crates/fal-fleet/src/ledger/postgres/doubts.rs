//! Requests that may have been accepted.

use std::time::Duration;

use super::Postgres;
use crate::{
    Result,
    ledger::request::{DoubtWindow, Doubtful, Held},
};

impl Postgres {
    /// Takes requests in doubt of the batches of an account that are to be reconciled.
    pub(crate) async fn doubts(&self, account: &str, most: i64, lease: Duration) -> Result<Vec<Doubtful>> {
        let client = self.connection().await?;
        // `+ 0` keeps the index of all keys out of the plan, which a table without statistics would read, as after a crash.
        let statement = client
            .prepare_cached(
                "with due as (select r.id from fal.request r join fal.batch b on b.id = r.batch + 0
                              where r.state = 'in_doubt' and r.due <= now() and b.account = $1 and b.reconcile
                              order by r.due, r.id limit $2 for update of r skip locked)
                 update fal.request r set epoch = r.epoch + 1, due = now() + make_interval(secs => $3)
                 from due where r.id = due.id
                 returning r.id, r.epoch, r.endpoint, r.input::text, coalesce(r.begun_at, now()), now()",
            )
            .await?;
        let rows = client.query(&statement, &[&account, &most, &lease.as_secs_f64()]).await?;
        let doubts = rows.into_iter().map(|row| Doubtful {
            held: Held { id: row.get(0), epoch: row.get(1) },
            endpoint: row.get(2),
            input: row.get(3),
            begun_at: row.get(4),
            taken_at: row.get(5),
        });
        Ok(doubts.collect())
    }

    /// Returns the ids of other requests around doubts, with their inputs: none of them is one in doubt.
    pub(crate) async fn accepted_around(&self, window: &DoubtWindow) -> Result<Vec<(String, String)>> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "(select request_id, input::text from fal.request
                  where endpoint = $1 and request_id is not null and submitted_at between $4 and $5
                    and fingerprint in (select fingerprint from fal.request where id = any($2))
                  order by submitted_at limit 10000)
                 union (select request_id, input::text from fal.request
                        where endpoint = $1 and request_id is not null and submitted_at between $4 and $3
                        order by submitted_at desc limit 1000)
                 union (select request_id, input::text from fal.request
                        where endpoint = $1 and request_id is not null and submitted_at between $3 and $5
                        order by submitted_at limit 1000)",
            )
            .await?;
        let DoubtWindow { endpoint, doubts, first, from, until } = window;
        let rows = client.query(&statement, &[endpoint, doubts, first, from, until]).await?;
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
}
