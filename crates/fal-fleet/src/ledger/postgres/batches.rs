//! Batches and accounts.

use fal_client::batch::Budget;
use tokio_postgres::{GenericClient, Row};

use super::{Postgres, values::usd_text};
use crate::{
    Result,
    ledger::{
        reuse::Reuse,
        settings::{BatchSettings, ProbePauses, SavedBatch, no_batch},
    },
};

impl BatchSettings {
    /// Returns the batch. Creates it if it does not exist, and changes it if a setting is given.
    ///
    /// A batch that is not changed is not locked either, so that a long transaction that adds requests holds no worker up.
    pub(crate) async fn find_or_save(&self, client: &impl GenericClient) -> Result<SavedBatch> {
        if self.is_plain() {
            let statement = client.prepare("select id, reuse from fal.batch where name = $1").await?;
            if let Some(row) = client.query_opt(&statement, &[&self.name]).await? {
                return Ok(saved_batch(&row));
            }
        }
        self.save(client).await
    }

    /// Creates the batch, or changes its settings.
    async fn save(&self, client: &impl GenericClient) -> Result<SavedBatch> {
        self.check()?;
        let account = self.account.as_deref();
        let (concurrency, is_adaptive) = self.concurrency();
        let statement = client
            .prepare(
                "insert into fal.account as a (name, concurrency, is_adaptive)
                 values (coalesce($1, (select account from fal.batch where name = $4), 'default'), coalesce($2::int, 16),
                         coalesce($3::bool, false))
                 on conflict (name) do update
                 set concurrency = coalesce($2::int, a.concurrency), is_adaptive = coalesce($3::bool, a.is_adaptive)",
            )
            .await?;
        client.execute(&statement, &[&account, &concurrency, &is_adaptive, &self.name]).await?;
        let budget = self.budget.as_ref().map(|budget| usd_text(budget.limit()));
        let max_per_request = self.budget.as_ref().and_then(Budget::request_limit).map(usd_text);
        let retries = self.retries();
        let policy = self.retry_failed.as_ref();
        let retry_transient = policy.map(|policy| policy.transient);
        let retry_error_types = policy.map(|policy| &policy.error_types);
        let retry_pause = policy.map(|policy| policy.pause.as_secs_f64());
        let retry_max_pause = policy.map(|policy| policy.max_pause.as_secs_f64());
        let statement = client
            .prepare(
                "insert into fal.batch as b (name, account, priority, budget, max_per_request, webhook, reconcile, deadline, retries, reuse,
                                             retry_transient, retry_error_types, retry_pause, retry_max_pause)
                 values ($1, coalesce($2, 'default'), coalesce($3::int, 0), $4::text::numeric, $5::text::numeric, $6, coalesce($7::bool, false),
                         $8::timestamptz, coalesce($9::int, 0), coalesce($10, 'off'), coalesce($11::bool, true),
                         coalesce($12::text[], '{}'), coalesce($13::float8, 5), coalesce($14::float8, 600))
                 on conflict (name) do update
                 set account = coalesce($2, b.account), priority = coalesce($3::int, b.priority),
                     budget = coalesce($4::text::numeric, b.budget),
                     max_per_request = case when $4::text is null then b.max_per_request else $5::text::numeric end,
                     webhook = coalesce($6, b.webhook), reconcile = coalesce($7::bool, b.reconcile),
                     deadline = coalesce($8::timestamptz, b.deadline), retries = coalesce($9::int, b.retries),
                     reuse = coalesce($10, b.reuse), retry_transient = coalesce($11::bool, b.retry_transient),
                     retry_error_types = coalesce($12::text[], b.retry_error_types),
                     retry_pause = coalesce($13::float8, b.retry_pause),
                     retry_max_pause = coalesce($14::float8, b.retry_max_pause),
                     -- More money lets a batch go on.
                     stop_reason = case when coalesce($4::text::numeric, b.budget) > b.budget then null else b.stop_reason end
                 returning id, reuse",
            )
            .await?;
        let row = client
            .query_one(
                &statement,
                &[
                    &self.name,
                    &account,
                    &self.priority,
                    &budget,
                    &max_per_request,
                    &self.webhook,
                    &self.reconcile,
                    &self.deadline,
                    &retries,
                    &self.reuse.map(Reuse::name),
                    &retry_transient,
                    &retry_error_types,
                    &retry_pause,
                    &retry_max_pause,
                ],
            )
            .await?;
        Ok(saved_batch(&row))
    }
}

fn saved_batch(row: &Row) -> SavedBatch {
    SavedBatch { id: row.get(0), reuse: Reuse::parse(row.get(1)) }
}

impl Postgres {
    /// Notes that an account is locked. Its workers send nothing but a probe after the pause, which doubles with every probe
    /// that is refused.
    pub(crate) async fn lock_account(
        &self,
        account: &str,
        reason: &str,
        is_probe: bool,
        pauses: ProbePauses,
    ) -> Result<()> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "with pause as (
                     select case when locked_at is null then $3 else least(probe_pause * 2, $4) end as secs
                     from fal.account where name = $1)
                 update fal.account
                 set lock_reason = $2, locked_at = coalesce(locked_at, now()), probe_pause = pause.secs,
                     probe_at = now() + make_interval(secs => pause.secs)
                 from pause
                 -- Requests that were under way when the lock began put the probe off no further.
                 where name = $1 and (locked_at is null or $5)",
            )
            .await?;
        let (first, max) = (pauses.first.as_secs_f64(), pauses.max.as_secs_f64());
        client.execute(&statement, &[&account, &reason.replace('\0', ""), &first, &max, &is_probe]).await?;
        Ok(())
    }

    /// Notes that a request of an account was accepted, which ends a lock.
    pub(crate) async fn unlock_account(&self, account: &str) -> Result<()> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "update fal.account set locked_at = null, lock_reason = null, probe_at = null, probe_pause = null
                 where name = $1 and locked_at is not null",
            )
            .await?;
        client.execute(&statement, &[&account]).await?;
        Ok(())
    }

    /// Lowers the number of requests under way of an adaptive account, after a 429, to what fal has accepted.
    pub(crate) async fn shrink(&self, account: &str) -> Result<()> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "update fal.account a
                 set width = greatest(1, least(a.width, (select count(*) from fal.request r join fal.batch b on b.id = r.batch
                                                         where b.account = a.name and r.state = 'submitted'))),
                     grows_from = now() + interval '5 seconds'
                 where a.name = $1 and a.is_adaptive and a.grows_from < now() + interval '4 seconds'",
            )
            .await?;
        client.execute(&statement, &[&account]).await?;
        Ok(())
    }

    /// Raises the number of requests under way of an adaptive account after a request has ended: by one each time that as many
    /// requests have ended as may be under way.
    pub(crate) async fn grow(&self, account: &str) -> Result<()> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "update fal.account set width = least(concurrency, width + 1 / width)
                 where name = $1 and is_adaptive and grows_from <= now() and width < concurrency",
            )
            .await?;
        client.execute(&statement, &[&account]).await?;
        Ok(())
    }

    /// Puts a batch on hold, or lets it go on with `None`.
    pub(crate) async fn stop_batch(&self, batch: &str, reason: Option<&str>) -> Result<()> {
        let client = self.connection().await?;
        let changed = client
            .execute("update fal.batch set stop_reason = $2 where name = $1", &[&batch, &reason])
            .await?;
        if changed == 0 { Err(no_batch(batch)) } else { Ok(()) }
    }
}
