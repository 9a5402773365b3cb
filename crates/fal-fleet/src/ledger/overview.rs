//! The state of a fleet, and changes of many requests by people.

use std::{fmt, time::Duration};

use fal_client::Usd;

use super::{
    Ledger,
    batches::no_batch,
    values::{parse_optional_usd, parse_usd},
};
use crate::Result;

/// The state of a fleet, from [`Fleet::status`](crate::Fleet::status). Prints one line for each batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Status {
    /// The batches, in the order in which they were created.
    pub batches: Vec<BatchStatus>,
    /// The number of workers that were seen in the last minute.
    pub workers: u64,
    /// The accounts that are locked, with fal's reason.
    pub locked: Vec<(String, String)>,
}

/// The state of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchStatus {
    /// The name of the batch.
    pub name: String,
    /// The number of requests that are not sent.
    pub waiting: u64,
    /// The number of requests that are being sent, or in fal's queue.
    pub under_way: u64,
    /// The number of requests whose output is there.
    pub done: u64,
    /// The number of requests that the handler has acknowledged. They count as done, too.
    pub acknowledged: u64,
    /// The number of requests that have failed.
    pub failed: u64,
    /// The number of requests that may have been accepted.
    pub in_doubt: u64,
    /// The number of requests that were finished in the last minute.
    pub finished_last_minute: u64,
    /// The time for which the request waits that has waited longest.
    pub oldest_waiting: Option<Duration>,
    /// The budget, if there is one.
    pub budget: Option<Usd>,
    /// The cost of finished requests, as far as it is known.
    pub spent: Usd,
    /// The money that is reserved for requests that are not finished.
    pub reserved: Usd,
    /// The reason for which the batch sends nothing more.
    pub stop_reason: Option<String>,
}

impl BatchStatus {
    /// Returns true if every request has ended, and every output is acknowledged.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.waiting + self.under_way + self.in_doubt == 0 && self.acknowledged == self.done
    }
}

impl fmt::Display for BatchStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} waiting, {} under way, {} done",
            self.name, self.waiting, self.under_way, self.done
        )?;
        for (count, word) in [
            (self.done - self.acknowledged, "not acknowledged"),
            (self.failed, "failed"),
            (self.in_doubt, "in doubt"),
        ] {
            if count > 0 {
                write!(f, ", {count} {word}")?;
            }
        }
        write!(f, ", {} spent", self.spent)?;
        if let Some(budget) = self.budget {
            write!(f, " of {budget}")?;
        }
        if let Some(reason) = &self.stop_reason {
            write!(f, "; stopped: {reason}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for batch in &self.batches {
            writeln!(f, "{batch}")?;
        }
        for (account, reason) in &self.locked {
            writeln!(f, "the account `{account}` is locked: {reason}")?;
        }
        write!(f, "{} workers", self.workers)
    }
}

impl Ledger {
    /// Counts the requests of every batch, or of one.
    pub(crate) async fn status(&self, batch: Option<&str>) -> Result<Status> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "select b.name, p.waiting, p.begun + p.submitted, p.done, p.acknowledged, p.failed, p.in_doubt, p.finished_last_minute,
                        extract(epoch from now() - p.oldest_waiting)::float8, b.budget::text, b.spent::text, b.reserved::text, b.stop_reason
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
                    and not exists (select from fal.request r
                                    where r.state = 'done' and r.acknowledged_at is null and ($2 = '' or r.endpoint = $2))",
            )
            .await?;
        Ok(client.query_one(&statement, &[&account, &endpoint]).await?.get(0))
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
