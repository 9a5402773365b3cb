//! Claiming requests to submit: within the concurrency of the account and the budget of each batch.

use std::{collections::HashMap, sync::Arc};

use deadpool_postgres::Transaction;
use tokio_postgres::Row;

use super::{
    Postgres,
    reuse::{answer_all, candidates_to_send},
    values::{parse_optional_usd, parse_usd, usd_text},
};
use crate::{
    Result,
    ledger::{
        claim::{Candidate, ClaimOptions, Claimed, Claims, Estimates, Money, UNBOUNDED},
        request::message_json,
    },
};

/// The room that an account has at the moment.
struct Room {
    requests: i64,
    is_probe: bool,
}

/// A batch with requests that wait.
struct OpenBatch {
    id: i32,
    name: String,
    webhook: Option<String>,
    reuses: bool,
    money: Option<Money>,
}

impl Postgres {
    /// Marks waiting requests as begun and reserves their money, in one transaction that is durable when this returns.
    ///
    /// Claims of one account wait for one another, so that neither its concurrency nor a budget is exceeded.
    pub(crate) async fn claim(
        &self,
        options: ClaimOptions<'_>,
        estimates: Arc<dyn Estimates>,
    ) -> Result<Claims> {
        let mut client = self.connection().await?;
        let transaction = client.transaction().await?;
        let mut claims = Claims::default();
        let Some(room) = room(&transaction, options).await? else { return Ok(claims) };
        let mut left = room.requests;
        for batch in open_batches(&transaction, options.account).await? {
            if left <= 0 {
                break;
            }
            let found =
                claim_of_batch(&transaction, &batch, left, options, &*estimates, &mut claims.unpriced)
                    .await?;
            left -= i64::try_from(found.len()).unwrap_or(i64::MAX);
            claims
                .requests
                .extend(found.into_iter().map(|claimed| Claimed { is_probe: room.is_probe, ..claimed }));
        }
        if room.is_probe && !claims.requests.is_empty() {
            let statement = transaction
                .prepare_cached(
                    "update fal.account set probe_at = now() + make_interval(secs => probe_pause) where name = $1",
                )
                .await?;
            transaction.execute(&statement, &[&options.account]).await?;
        }
        transaction.commit().await?;
        Ok(claims)
    }
}

/// Returns the number of requests that may be sent now, and holds the account until the end of the transaction. `None` if there
/// is no room.
async fn room(transaction: &Transaction<'_>, options: ClaimOptions<'_>) -> Result<Option<Room>> {
    let statement = transaction
        .prepare_cached(
            "select case when is_adaptive then greatest(1, least(concurrency, round(width)))::bigint else concurrency::bigint end,
                    locked_at is not null, coalesce(probe_at <= now(), false)
             from fal.account where name = $1 for update",
        )
        .await?;
    let Some(account) = transaction.query_opt(&statement, &[&options.account]).await? else {
        return Ok(None);
    };
    let (width, is_locked, is_probe_due): (i64, bool, bool) =
        (account.get(0), account.get(1), account.get(2));
    if is_locked {
        return Ok(is_probe_due.then_some(Room { requests: 1, is_probe: true }));
    }
    let statement = transaction
        .prepare_cached(
            "select count(*) from fal.request r
             where r.state in ('begun', 'submitted') and r.batch in (select id from fal.batch where account = $1)",
        )
        .await?;
    let under_way: i64 = transaction.query_one(&statement, &[&options.account]).await?.get(0);
    let requests = (width - under_way).min(options.most);
    Ok((requests > 0).then_some(Room { requests, is_probe: false }))
}

/// Returns the batches that have something to send, and holds those that have a budget.
async fn open_batches(transaction: &Transaction<'_>, account: &str) -> Result<Vec<OpenBatch>> {
    let statement = transaction
        .prepare_cached(
            "select id, name, webhook, budget::text, max_per_request::text, reserved::text, spent::text, excess::text,
                    reuse <> 'off'
             from fal.batch b
             where account = $1 and stop_reason is null and (deadline is null or deadline > now())
               and exists (select from fal.request r where r.batch = b.id and r.state = 'waiting' and r.due <= now())
             order by priority desc, id
             for no key update",
        )
        .await?;
    let rows = transaction.query(&statement, &[&account]).await?;
    rows.iter().map(open_batch).collect()
}

fn open_batch(row: &Row) -> Result<OpenBatch> {
    let money = match row.get::<_, Option<&str>>(3) {
        Some(budget) => Some(Money {
            budget: parse_usd(budget)?,
            max_per_request: parse_optional_usd(row.get(4))?,
            reserved: parse_usd(row.get(5))?,
            spent: parse_usd(row.get(6))?,
            excess: parse_optional_usd(row.get(7))?,
        }),
        None => None,
    };
    Ok(OpenBatch { id: row.get(0), name: row.get(1), webhook: row.get(2), money, reuses: row.get(8) })
}

async fn claim_of_batch(
    transaction: &Transaction<'_>,
    batch: &OpenBatch,
    most: i64,
    options: ClaimOptions<'_>,
    estimates: &dyn Estimates,
    unpriced: &mut Vec<String>,
) -> Result<Vec<Claimed>> {
    let candidates = match batch.reuses {
        true => candidates_to_send(transaction, batch.id, most, options.account).await?,
        false => candidates(transaction, batch.id, most).await?,
    };
    let candidates = match &batch.money {
        None => candidates,
        Some(money) => {
            let affordable = money.affordable(candidates, estimates, unpriced);
            fail_unbounded(transaction, &affordable.unbounded).await?;
            if let Some(reason) = &affordable.stop_reason {
                let is_stopped = stop_at_budget(transaction, batch.id, reason).await?;
                if is_stopped && batch.reuses {
                    answer_all(transaction, batch.id, options.account).await?;
                }
            }
            affordable.candidates
        }
    };
    begin(transaction, batch, candidates, options).await
}

/// Returns the requests of a batch that are to be sent next.
pub(super) async fn candidates(
    transaction: &Transaction<'_>,
    batch: i32,
    most: i64,
) -> Result<Vec<Candidate>> {
    let statement = transaction
        .prepare_cached(
            "select id, key, endpoint, input::text, token::text, content, traceparent from fal.request
             where batch = $1 and state = 'waiting' and due <= now()
             order by due, id limit $2 for update skip locked",
        )
        .await?;
    let rows = transaction.query(&statement, &[&batch, &most]).await?;
    Ok(rows.iter().map(candidate).collect())
}

fn candidate(row: &Row) -> Candidate {
    Candidate {
        id: row.get(0),
        key: row.get(1),
        endpoint: row.get(2),
        input: row.get(3),
        token: row.get(4),
        reserve: None,
        content: row.get(5),
        traceparent: row.get(6),
    }
}

async fn fail_unbounded(transaction: &Transaction<'_>, ids: &[i64]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let statement = transaction
        .prepare_cached(
            "update fal.request set state = 'failed', done_at = now(), error = $2::text::json where id = any($1)",
        )
        .await?;
    transaction.execute(&statement, &[&ids, &message_json(UNBOUNDED)]).await?;
    Ok(())
}

/// Stops a batch that has no room for another request, if no money can become free.
async fn stop_at_budget(transaction: &Transaction<'_>, batch: i32, reason: &str) -> Result<bool> {
    let statement = transaction
        .prepare_cached(
            "update fal.batch b set stop_reason = $2
             where b.id = $1
               and not exists (select from fal.request r where r.batch = $1 and r.state in ('begun', 'submitted'))
               and not (b.reconcile and exists (select from fal.request r where r.batch = $1 and r.state = 'in_doubt'))",
        )
        .await?;
    Ok(transaction.execute(&statement, &[&batch, &reason]).await? == 1)
}

/// Moves requests from waiting to begun.
async fn begin(
    transaction: &Transaction<'_>,
    batch: &OpenBatch,
    candidates: Vec<Candidate>,
    options: ClaimOptions<'_>,
) -> Result<Vec<Claimed>> {
    if candidates.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = candidates.iter().map(|candidate| candidate.id).collect();
    let reserves: Vec<Option<String>> =
        candidates.iter().map(|candidate| candidate.reserve.map(usd_text)).collect();
    let statement = transaction
        .prepare_cached(
            "update fal.request r
             set state = 'begun', epoch = r.epoch + 1, attempts = r.attempts + 1, owner = $3::text::uuid, begun_at = now(),
                 due = now() + make_interval(secs => $4), reserved = c.reserved::numeric, estimate = c.reserved::numeric
             from unnest($1::bigint[], $2::text[]) as c (id, reserved)
             where r.id = c.id
             returning r.id, r.epoch, r.attempts",
        )
        .await?;
    let (owner, lease) = (options.owner.to_string(), options.lease.as_secs_f64());
    let begun = transaction.query(&statement, &[&ids, &reserves, &owner, &lease]).await?;
    if batch.money.is_some() {
        let statement = transaction
            .prepare_cached(
                "update fal.batch set reserved = reserved + (select sum(x::numeric) from unnest($2::text[]) as x) where id = $1",
            )
            .await?;
        transaction.execute(&statement, &[&batch.id, &reserves]).await?;
    }
    let numbers: HashMap<i64, (i32, i32)> =
        begun.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect();
    let claimed = candidates.into_iter().filter_map(|candidate| {
        let (epoch, attempt) = *numbers.get(&candidate.id)?;
        Some(candidate.claimed(epoch, attempt, &batch.name, batch.webhook.as_deref()))
    });
    Ok(claimed.collect())
}
