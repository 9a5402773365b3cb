//! Batches and accounts.

use std::time::{Duration, SystemTime};

use fal_client::{
    Usd,
    batch::{Budget, Concurrency},
};
use tokio_postgres::GenericClient;

use super::{Ledger, usd_text};
use crate::{Error, ErrorKind, Result};

/// The settings of a batch. Those that are not set keep what the database has.
#[derive(Debug, Clone, Default)]
pub(crate) struct BatchSettings {
    pub(crate) name: String,
    pub(crate) account: Option<String>,
    pub(crate) concurrency: Option<Concurrency>,
    pub(crate) priority: Option<i32>,
    pub(crate) budget: Option<Budget>,
    pub(crate) webhook: Option<String>,
    pub(crate) reconcile: Option<bool>,
    pub(crate) deadline: Option<SystemTime>,
    pub(crate) retries: Option<u32>,
}

impl BatchSettings {
    /// Returns the id of the batch. Creates it if it does not exist, and changes it if a setting is given.
    ///
    /// A batch that is not changed is not locked either, so that a long transaction that adds requests holds no worker up.
    pub(crate) async fn find_or_save(&self, client: &impl GenericClient) -> Result<i32> {
        let is_plain = matches!(
            self,
            Self {
                name: _,
                account: None,
                concurrency: None,
                priority: None,
                budget: None,
                webhook: None,
                reconcile: None,
                deadline: None,
                retries: None,
            }
        );
        if is_plain {
            let statement = client.prepare("select id from fal.batch where name = $1").await?;
            if let Some(row) = client.query_opt(&statement, &[&self.name]).await? {
                return Ok(row.get(0));
            }
        }
        self.save(client).await
    }

    /// Creates the batch, or changes its settings. Returns its id.
    async fn save(&self, client: &impl GenericClient) -> Result<i32> {
        check_name("a batch", &self.name)?;
        if let Some(account) = &self.account {
            check_name("an account", account)?;
        }
        let account = self.account.as_deref();
        let (concurrency, is_adaptive) = match &self.concurrency {
            Some(concurrency) => {
                (i32::try_from(concurrency.limit()).ok().or(Some(i32::MAX)), Some(concurrency.is_adaptive()))
            }
            None => (None, None),
        };
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
        let budget = self.budget.map(|budget| usd_text(budget.limit()));
        let max_per_request = self.budget.and_then(|budget| budget.request_limit()).map(usd_text);
        let retries = self.retries.map(|retries| i32::try_from(retries).unwrap_or(i32::MAX));
        let statement = client
            .prepare(
                "insert into fal.batch as b (name, account, priority, budget, max_per_request, webhook, reconcile, deadline, retries)
                 values ($1, coalesce($2, 'default'), coalesce($3::int, 0), $4::text::numeric, $5::text::numeric, $6, coalesce($7::bool, false),
                         $8::timestamptz, coalesce($9::int, 0))
                 on conflict (name) do update
                 set account = coalesce($2, b.account), priority = coalesce($3::int, b.priority),
                     budget = coalesce($4::text::numeric, b.budget),
                     max_per_request = case when $4::text is null then b.max_per_request else $5::text::numeric end,
                     webhook = coalesce($6, b.webhook), reconcile = coalesce($7::bool, b.reconcile),
                     deadline = coalesce($8::timestamptz, b.deadline), retries = coalesce($9::int, b.retries),
                     -- More money lets a batch go on.
                     stop_reason = case when coalesce($4::text::numeric, b.budget) > b.budget then null else b.stop_reason end
                 returning id",
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
                ],
            )
            .await?;
        Ok(row.get(0))
    }
}

/// Checks a name or key: 1 to 256 characters, of which none is NUL.
pub(super) fn check_name(of: &str, name: &str) -> Result<()> {
    if (1..=256).contains(&name.chars().count()) && !name.contains('\0') {
        return Ok(());
    }
    let shown: String = name.escape_debug().take(60).collect();
    Err(Error::config(format!(
        "`{shown}` cannot be the name of {of}: it needs 1 to 256 characters, and none of them NUL"
    )))
}

/// The first and the longest pause between two probes of a locked account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProbePauses {
    pub(crate) first: Duration,
    pub(crate) max: Duration,
}

impl Ledger {
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

/// Returns the error of a batch that does not exist.
pub(super) fn no_batch(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no batch `{}`", name.escape_debug()))
}

/// The part of a budget that a request needs.
pub(super) fn estimate(max_per_request: Option<Usd>, price: Option<Usd>, excess: Option<Usd>) -> Option<Usd> {
    let estimate = max_per_request.or(price)?;
    Some(estimate.max(excess.unwrap_or_default()))
}
