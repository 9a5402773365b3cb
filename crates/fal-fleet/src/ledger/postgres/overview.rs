//! The state of a fleet, and changes of many requests by people.

use std::time::Duration;

use super::{
    Postgres,
    values::{parse_optional_usd, parse_usd},
};
use crate::{
    Result,
    ledger::{
        settings::no_batch,
        status::{BatchStatus, FailedRequest, Status},
    },
};

impl Postgres {
    /// Counts the requests of every batch, or of one.
    pub(crate) async fn status(&self, batch: Option<&str>) -> Result<Status> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "select b.name, p.waiting, p.begun + p.submitted, p.done, p.acknowledged, p.failed, p.in_doubt, p.finished_last_minute,
                        extract(epoch from now() - p.oldest_waiting)::float8, b.budget::text, b.spent::text, b.reserved::text, b.stop_reason, p.reused
                 from fal.batch b join fal.progress p on p.batch = b.name
                 where $1::text is null or b.name = $1 order by b.id",
            )
            .await?;
        let mut batches = Vec::new();
        for row in client.query(&statement, &[&batch]).await? {
            let count = |column: usize| u64::try_from(row.get::<_, i64>(column)).unwrap_or(0);
            batches.push(BatchStatus {
                name: row.get(0),
                waiting: count(1),
                under_way: count(2),
                done: count(3),
                acknowledged: count(4),
                failed: count(5),
                in_doubt: count(6),
                finished_last_minute: count(7),
                oldest_waiting: row
                    .get::<_, Option<f64>>(8)
                    .and_then(|secs| Duration::try_from_secs_f64(secs).ok()),
                budget: parse_optional_usd(row.get(9))?,
                spent: parse_usd(row.get(10))?,
                reserved: parse_usd(row.get(11))?,
                stop_reason: row.get(12),
                reused: count(13),
            });
        }
        let row = client
            .query_one("select count(*) from fal.worker where seen_at > now() - interval '1 minute'", &[])
            .await?;
        let workers = u64::try_from(row.get::<_, i64>(0)).unwrap_or(0);
        let locked = client
            .query("select name, coalesce(lock_reason, '') from fal.account where locked_at is not null order by name", &[])
            .await?;
        let locked = locked.into_iter().map(|row| (row.get(0), row.get(1))).collect();
        Ok(Status { batches, workers, locked })
    }

    /// Returns true if nothing is left to do for the workers of an account that handle this endpoint.
    pub(crate) async fn is_finished(&self, account: &str, endpoint: &str) -> Result<bool> {
        let client = self.connection().await?;
        // One look for each state, because each has an index of its own.
        let statement = client
            .prepare_cached(
                "select not exists (select from fal.request r join fal.batch b on b.id = r.batch
                                    where b.account = $1 and r.state in ('begun', 'submitted'))
                    and not exists (select from fal.batch b where b.account = $1 and b.stop_reason is null
                                    and (b.deadline is null or b.deadline > now())
                                    and exists (select from fal.request r where r.batch = b.id and r.state = 'waiting'))
                    and not exists (select from fal.request r join fal.batch b on b.id = r.batch
                                    where b.account = $1 and b.reconcile and r.state = 'in_doubt')
                    and not exists (select from fal.batch b where b.account = $1
                                    and exists (select from fal.request r
                                                where r.batch = b.id and r.state = 'done' and r.acknowledged_at is null
                                                  and ($2 = '' or r.endpoint = $2)))",
            )
            .await?;
        Ok(client.query_one(&statement, &[&account, &endpoint]).await?.get(0))
    }

    /// Returns the requests of a batch that have failed or are in doubt, in the order of their ids.
    pub(crate) async fn failures(&self, batch: &str, most: u32) -> Result<Vec<FailedRequest>> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "select r.key, r.request_id, coalesce(r.error ->> 'message', ''), r.state = 'in_doubt'
                 from fal.request r join fal.batch b on b.id = r.batch
                 where b.name = $1 and r.state in ('failed', 'in_doubt') order by r.id limit $2",
            )
            .await?;
        let rows = client.query(&statement, &[&batch, &i64::from(most)]).await?;
        let failed = rows.iter().map(|row| FailedRequest {
            key: row.get(0),
            request_id: row.get(1),
            message: row.get(2),
            is_in_doubt: row.get(3),
        });
        Ok(failed.collect())
    }

    /// Lets failed requests wait again: one of them, or all of a batch. Returns their number.
    pub(crate) async fn retry(&self, batch: &str, key: Option<&str>) -> Result<u64> {
        self.change(
            batch,
            key,
            "update fal.request r
             set state = 'waiting', due = now(), request_id = null, ticket = null, token = gen_random_uuid(), error = null,
                 done_at = null
             where r.state = 'failed' and r.batch = $1 and ($2::text is null or r.key = $2)",
        )
        .await
    }

    /// Ends requests that wait: one of them, or all of a batch. Returns their number.
    pub(crate) async fn cancel(&self, batch: &str, key: Option<&str>) -> Result<u64> {
        self.change(
            batch,
            key,
            "update fal.request r
             set state = 'failed', done_at = now(), error = json_build_object('message', 'cancelled before it was sent')
             where r.state = 'waiting' and r.batch = $1 and ($2::text is null or r.key = $2)",
        )
        .await
    }

    /// Deletes requests that were acknowledged this long ago. Returns their number.
    pub(crate) async fn prune(&self, batch: &str, age: Duration) -> Result<u64> {
        let client = self.connection().await?;
        let row = client.query_opt("select id from fal.batch where name = $1", &[&batch]).await?;
        let id: i32 = row.ok_or_else(|| no_batch(batch))?.get(0);
        let deleted = client
            .execute(
                "delete from fal.request where batch = $1 and acknowledged_at < now() - make_interval(secs => $2)",
                &[&id, &age.as_secs_f64()],
            )
            .await?;
        Ok(deleted)
    }

    async fn change(&self, batch: &str, key: Option<&str>, statement: &str) -> Result<u64> {
        let client = self.connection().await?;
        let row = client.query_opt("select id from fal.batch where name = $1", &[&batch]).await?;
        let id: i32 = row.ok_or_else(|| no_batch(batch))?.get(0);
        Ok(client.execute(statement, &[&id, &key]).await?)
    }
}
