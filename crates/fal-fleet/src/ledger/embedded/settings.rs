//! Batches, accounts, and requests that are added.

use fal_client::batch::Budget;
use rusqlite::{OptionalExtension, named_params};
use uuid::Uuid;

use super::{
    Embedded,
    rows::{Account, Amount, ErrorTypes, Unit, seconds},
};
use crate::{
    Result,
    ledger::{
        enqueue::{Enqueued, NewRequest, check_keys, other_input},
        reuse::Reuse,
        settings::{BatchSettings, ProbePauses, SavedBatch, no_batch},
    },
    trace,
};

impl Unit<'_> {
    /// Returns the id of a batch.
    pub(super) fn batch_id(&self, name: &str) -> Result<i32> {
        self.find_batch(name)?.map(|batch| batch.id).ok_or_else(|| no_batch(name))
    }

    fn find_batch(&self, name: &str) -> Result<Option<SavedBatch>> {
        let mut statement = self.prepare_cached("select id, reuse from fal.batch where name = ?1")?;
        Ok(statement.query_row([name], saved_batch).optional()?)
    }

    fn save_batch(&self, settings: &BatchSettings) -> Result<SavedBatch> {
        if settings.is_plain()
            && let Some(batch) = self.find_batch(&settings.name)?
        {
            return Ok(batch);
        }
        settings.check()?;
        let (concurrency, is_adaptive) = settings.concurrency();
        self.execute(
            "insert into fal.account as a (name, concurrency, is_adaptive)
             values (coalesce(?1, (select account from fal.batch where name = ?4), 'default'), coalesce(?2, 16),
                     coalesce(?3, false))
             on conflict (name) do update
             set concurrency = coalesce(?2, a.concurrency), is_adaptive = coalesce(?3, a.is_adaptive)",
            (&settings.account, concurrency, is_adaptive, &settings.name),
        )?;
        let mut statement = self.prepare_cached(
            "insert into fal.batch as b
                 (name, account, priority, budget, max_per_request, webhook, reconcile, deadline, retries, reuse,
                  retry_transient, retry_error_types, retry_pause, retry_max_pause)
             values (:name, coalesce(:account, 'default'), coalesce(:priority, 0), :budget, :max, :webhook,
                     coalesce(:reconcile, false), :deadline, coalesce(:retries, 0), coalesce(:reuse, 'off'),
                     coalesce(:transient, true), coalesce(:types, '[]'), coalesce(:pause, 5), coalesce(:max_pause, 600))
             on conflict (name) do update
             set account = coalesce(:account, b.account), priority = coalesce(:priority, b.priority),
                 budget = coalesce(:budget, b.budget),
                 max_per_request = case when :budget is null then b.max_per_request else :max end,
                 webhook = coalesce(:webhook, b.webhook), reconcile = coalesce(:reconcile, b.reconcile),
                 deadline = coalesce(:deadline, b.deadline), retries = coalesce(:retries, b.retries),
                 reuse = coalesce(:reuse, b.reuse), retry_transient = coalesce(:transient, b.retry_transient),
                 retry_error_types = coalesce(:types, b.retry_error_types),
                 retry_pause = coalesce(:pause, b.retry_pause),
                 retry_max_pause = coalesce(:max_pause, b.retry_max_pause),
                 stop_reason = case when cast(:budget as real) > cast(b.budget as real) then null else b.stop_reason end
             returning id, reuse",
        )?;
        let policy = settings.retry_failed.as_ref();
        Ok(statement.query_row(
            named_params! {
                ":name": settings.name,
                ":account": settings.account,
                ":priority": settings.priority,
                ":budget": settings.budget.as_ref().map(|budget| Amount(budget.limit())),
                ":max": settings.budget.as_ref().and_then(Budget::request_limit).map(Amount),
                ":webhook": settings.webhook,
                ":reconcile": settings.reconcile,
                ":deadline": settings.deadline.map(seconds),
                ":retries": settings.retries(),
                ":reuse": settings.reuse.map(Reuse::name),
                ":transient": policy.map(|policy| policy.transient),
                ":types": policy.map(|policy| ErrorTypes(policy.error_types.clone())),
                ":pause": policy.map(|policy| policy.pause.as_secs_f64()),
                ":max_pause": policy.map(|policy| policy.max_pause.as_secs_f64()),
            },
            saved_batch,
        )?)
    }

    fn add(&self, batch: SavedBatch, requests: &[NewRequest], traceparent: Option<&str>) -> Result<Enqueued> {
        let mut enqueued = Enqueued::default();
        for NewRequest { key, endpoint, input } in requests {
            let added = self.execute(
                "insert into fal.request (batch, key, endpoint, input, due, token, content, traceparent)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 on conflict (batch, key) do nothing",
                (
                    batch.id,
                    key,
                    endpoint,
                    input,
                    self.now,
                    Uuid::new_v4().to_string(),
                    batch.reuse.content(endpoint, input),
                    traceparent,
                ),
            )?;
            if added == 0 {
                let is_same = self.value::<bool>(
                    "select endpoint = ?3 and input = ?4 from fal.request where batch = ?1 and key = ?2",
                    (batch.id, key, endpoint, input),
                )?;
                if !is_same {
                    return Err(other_input(key));
                }
            }
            enqueued += Enqueued { added: u64::from(added > 0), known: u64::from(added == 0) };
        }
        Ok(enqueued)
    }
}

fn saved_batch(row: &rusqlite::Row<'_>) -> rusqlite::Result<SavedBatch> {
    Ok(SavedBatch { id: row.get(0)?, reuse: Reuse::parse(&row.get::<_, String>(1)?) })
}

impl Embedded {
    pub(crate) async fn save_batch(&self, settings: &BatchSettings) -> Result<SavedBatch> {
        let settings = settings.clone();
        self.run(move |unit| unit.save_batch(&settings)).await
    }

    pub(crate) async fn add(&self, batch: SavedBatch, requests: &[NewRequest]) -> Result<Enqueued> {
        check_keys(requests)?;
        // Of the span of the caller, which the thread for the disk does not have.
        let (requests, traceparent) = (requests.to_vec(), trace::traceparent());
        self.run(move |unit| unit.add(batch, &requests, traceparent.as_deref())).await
    }

    pub(crate) async fn stop_batch(&self, batch: &str, reason: Option<&str>) -> Result<()> {
        let (batch, reason) = (batch.to_owned(), reason.map(str::to_owned));
        self.run(move |unit| {
            let changed =
                unit.execute("update fal.batch set stop_reason = ?2 where name = ?1", (&batch, reason))?;
            if changed == 0 { Err(no_batch(&batch)) } else { Ok(()) }
        })
        .await
    }

    pub(crate) async fn lock_account(
        &self,
        account: &str,
        reason: &str,
        is_probe: bool,
        pauses: ProbePauses,
    ) -> Result<()> {
        let reason = reason.to_owned();
        self.change_account(account, move |unit, account| {
            // Requests that were under way when the lock began put the probe off no further.
            if account.locked_at.is_some() && !is_probe {
                return Ok(());
            }
            let max = pauses.max.as_secs_f64();
            let pause = match account.locked_at {
                Some(_) => account.probe_pause.map_or(max, |pause| (pause * 2.0).min(max)),
                None => pauses.first.as_secs_f64(),
            };
            account.locked_at.get_or_insert(unit.now);
            account.lock_reason = Some(reason);
            account.probe_pause = Some(pause);
            account.probe_at = Some(unit.now + pause);
            Ok(())
        })
        .await
    }

    pub(crate) async fn unlock_account(&self, account: &str) -> Result<()> {
        self.change_account(account, |_, account| {
            account.locked_at = None;
            account.lock_reason = None;
            account.probe_at = None;
            account.probe_pause = None;
            Ok(())
        })
        .await
    }

    pub(crate) async fn shrink(&self, account: &str) -> Result<()> {
        self.change_account(account, |unit, account| {
            if account.is_adaptive && account.grows_from < unit.now + 4.0 {
                let submitted = unit.value::<f64>(
                    "select cast(count(*) as real) from fal.request r join fal.batch b on b.id = r.batch
                     where b.account = ?1 and r.state = 'submitted'",
                    [&account.name],
                )?;
                account.width = account.width.min(submitted).max(1.0);
                account.grows_from = unit.now + 5.0;
            }
            Ok(())
        })
        .await
    }

    pub(crate) async fn grow(&self, account: &str) -> Result<()> {
        self.change_account(account, |unit, account| {
            let most = account.concurrency as f64;
            if account.is_adaptive && account.grows_from <= unit.now && account.width < most {
                account.width = (account.width + 1.0 / account.width).min(most);
            }
            Ok(())
        })
        .await
    }

    async fn change_account(
        &self,
        account: &str,
        change: impl FnOnce(&Unit<'_>, &mut Account) -> Result<()> + Send + 'static,
    ) -> Result<()> {
        let account = account.to_owned();
        self.run(move |unit| {
            let Some(mut account) = unit.account(&account)? else { return Ok(()) };
            change(unit, &mut account)?;
            account.save(unit)
        })
        .await
    }
}
