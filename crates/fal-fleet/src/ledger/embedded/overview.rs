//! The state of a fleet, its workers, and changes of many requests by people.

use std::time::Duration;

use uuid::Uuid;

use super::{
    Embedded,
    rows::{Amount, Unit},
};
use crate::{
    Result,
    ledger::status::{BatchStatus, FailedRequest, Status},
};

/// The time without a sign of life after which a worker is forgotten, in seconds.
const FORGOTTEN: f64 = 86_400.0;

impl Embedded {
    pub(crate) async fn note_worker(&self, id: Uuid, name: &str, account: &str) -> Result<()> {
        let (name, account) = (name.to_owned(), account.to_owned());
        self.run(move |unit| {
            unit.execute("delete from fal.worker where seen_at < ?1", [unit.now - FORGOTTEN])?;
            unit.execute(
                "insert into fal.worker (id, name, account, started_at, seen_at) values (?1, ?2, ?3, ?4, ?4)
                 on conflict (id) do update set seen_at = ?4",
                (id.to_string(), name, account, unit.now),
            )?;
            Ok(())
        })
        .await
    }

    pub(crate) async fn forget_worker(&self, id: Uuid) -> Result<()> {
        self.run(move |unit| unit.execute("delete from fal.worker where id = ?1", [id.to_string()]).map(drop))
            .await
    }

    pub(crate) async fn status(&self, batch: Option<&str>) -> Result<Status> {
        let batch = batch.map(str::to_owned);
        self.run(move |unit| {
            let batches = unit.rows(
                "select b.*, p.* from fal.batch b join fal.progress p on p.batch = b.name
                 where ?1 is null or b.name = ?1 order by b.id",
                [batch],
                |row| batch_status(row, unit.now),
            )?;
            let workers =
                unit.value("select count(*) from fal.worker where seen_at > ?1", [unit.now - 60.0])?;
            let locked = unit.rows(
                "select name, coalesce(lock_reason, '') from fal.account where locked_at is not null order by name",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            Ok(Status { batches, workers, locked })
        })
        .await
    }

    pub(crate) async fn is_finished(&self, account: &str, endpoint: &str) -> Result<bool> {
        let (account, endpoint) = (account.to_owned(), endpoint.to_owned());
        self.run(move |unit| {
            unit.value(
                "select not exists (select 1 from fal.request r join fal.batch b on b.id = r.batch
                                    where b.account = ?1
                                      and (r.state in ('begun', 'submitted') or r.state = 'in_doubt' and b.reconcile
                                           or r.state = 'waiting' and b.stop_reason is null
                                              and (b.deadline is null or b.deadline > ?3)))
                    and not exists (select 1 from fal.request r join fal.batch b on b.id = r.batch
                                    where b.account = ?1 and r.state = 'done' and r.acknowledged_at is null
                                      and ?2 in ('', r.endpoint))",
                (account, endpoint, unit.now),
            )
        })
        .await
    }

    pub(crate) async fn failures(&self, batch: &str, most: u32) -> Result<Vec<FailedRequest>> {
        let batch = batch.to_owned();
        self.run(move |unit| {
            unit.rows(
                "select r.key, r.request_id, coalesce(r.error ->> 'message', '') as message, r.state = 'in_doubt' as in_doubt
                 from fal.request r join fal.batch b on b.id = r.batch
                 where b.name = ?1 and r.state in ('failed', 'in_doubt') order by r.id limit ?2",
                (batch, most),
                |row| {
                    Ok(FailedRequest {
                        key: row.get("key")?,
                        request_id: row.get("request_id")?,
                        message: row.get("message")?,
                        is_in_doubt: row.get("in_doubt")?,
                    })
                },
            )
        })
        .await
    }

    pub(crate) async fn retry(&self, batch: &str, key: Option<&str>) -> Result<u64> {
        self.change(batch, key, |unit, batch, key| {
            let failed: Vec<i64> = unit.rows(
                "select id from fal.request where state = 'failed' and batch = ?1 and (?2 is null or key = ?2)",
                (batch, key),
                |row| row.get(0),
            )?;
            for id in &failed {
                unit.execute(
                    "update fal.request
                     set state = 'waiting', due = ?2, request_id = null, ticket = null, token = ?3, error = null,
                         done_at = null
                     where id = ?1",
                    (id, unit.now, Uuid::new_v4().to_string()),
                )?;
            }
            Ok(failed.len())
        })
        .await
    }

    pub(crate) async fn cancel(&self, batch: &str, key: Option<&str>) -> Result<u64> {
        self.change(batch, key, |unit, batch, key| {
            unit.execute(
                "update fal.request
                 set state = 'failed', done_at = ?3, error = json_object('message', 'cancelled before it was sent')
                 where state = 'waiting' and batch = ?1 and (?2 is null or key = ?2)",
                (batch, key, unit.now),
            )
        })
        .await
    }

    pub(crate) async fn prune(&self, batch: &str, age: Duration) -> Result<u64> {
        self.change(batch, None, move |unit, batch, _| {
            let before = unit.now - age.as_secs_f64();
            unit.execute("delete from fal.request where batch = ?1 and acknowledged_at < ?2", (batch, before))
        })
        .await
    }

    /// Changes one or all requests of a batch, and returns their number.
    async fn change(
        &self,
        batch: &str,
        key: Option<&str>,
        change: impl FnOnce(&Unit<'_>, i32, Option<String>) -> Result<usize> + Send + 'static,
    ) -> Result<u64> {
        let (batch, key) = (batch.to_owned(), key.map(str::to_owned));
        self.run(move |unit| {
            let batch = unit.batch_id(&batch)?;
            Ok(u64::try_from(change(unit, batch, key)?).unwrap_or(u64::MAX))
        })
        .await
    }
}

fn batch_status(row: &rusqlite::Row<'_>, now: f64) -> rusqlite::Result<BatchStatus> {
    let count = |column: &str| row.get::<_, u64>(column);
    let oldest: Option<f64> = row.get("oldest_waiting")?;
    Ok(BatchStatus {
        name: row.get("name")?,
        waiting: count("waiting")?,
        under_way: count("begun")? + count("submitted")?,
        done: count("done")?,
        acknowledged: count("acknowledged")?,
        failed: count("failed")?,
        in_doubt: count("in_doubt")?,
        finished_last_minute: count("finished_last_minute")?,
        oldest_waiting: oldest.and_then(|due| Duration::try_from_secs_f64(now - due).ok()),
        budget: row.get::<_, Option<Amount>>("budget")?.map(|amount| amount.0),
        spent: row.get::<_, Amount>("spent")?.0,
        reserved: row.get::<_, Amount>("reserved")?.0,
        stop_reason: row.get("stop_reason")?,
        reused: count("reused")?,
    })
}
