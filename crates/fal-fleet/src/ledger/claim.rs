//! Claiming requests to submit: within the concurrency of the account and the budget of each batch.

use std::time::Duration;

use deadpool_postgres::Transaction;
use fal_client::Usd;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    Ledger,
    batches::estimate,
    usd_text,
    values::{parse_optional_usd, parse_usd},
};
use crate::Result;

/// A request that this worker may submit, once.
#[derive(Debug, Clone)]
pub(crate) struct Claimed {
    pub(crate) id: i64,
    pub(crate) epoch: i32,
    pub(crate) batch: String,
    pub(crate) key: String,
    pub(crate) endpoint: String,
    pub(crate) input: String,
    /// The number of this submit, from 1.
    pub(crate) attempt: i32,
    pub(crate) token: String,
    pub(crate) webhook: Option<String>,
    /// The request finds out if the lock of the account has ended.
    pub(crate) is_probe: bool,
}

/// The requests of one claim.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    pub(crate) requests: Vec<Claimed>,
    /// Endpoints whose price is needed before their requests can be claimed.
    pub(crate) unpriced: Vec<String>,
}

/// The largest cost of a request by its endpoint and input.
pub(crate) trait Estimates: Sync {
    /// Returns `None` if the price of the endpoint was not asked for yet, and `Some(None)` if the cost has no bound.
    fn estimate(&self, endpoint: &str, input: &str) -> Option<Option<Usd>>;
}

/// A claim of one worker.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClaimOptions<'a> {
    pub(crate) owner: Uuid,
    pub(crate) account: &'a str,
    pub(crate) most: i64,
    pub(crate) lease: Duration,
}

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
    money: Option<Money>,
}

/// The budget of a batch.
struct Money {
    budget: Usd,
    max_per_request: Option<Usd>,
    reserved: Usd,
    spent: Usd,
    excess: Option<Usd>,
}

/// A request that may be claimed.
struct Candidate {
    row: Row,
    reserve: Option<Usd>,
}

impl Ledger {
    /// Marks waiting requests as begun and reserves their money, in one transaction that is durable when this returns.
    ///
    /// Claims of one account wait for one another, so that neither its concurrency nor a budget is exceeded.
    pub(crate) async fn claim(&self, options: ClaimOptions<'_>, estimates: &dyn Estimates) -> Result<Claims> {
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
                claim_of_batch(&transaction, &batch, left, options, estimates, &mut claims.unpriced).await?;
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
            "select id, name, webhook, budget::text, max_per_request::text, reserved::text, spent::text, excess::text
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
    Ok(OpenBatch { id: row.get(0), name: row.get(1), webhook: row.get(2), money })
}

async fn claim_of_batch(
    transaction: &Transaction<'_>,
    batch: &OpenBatch,
    most: i64,
    options: ClaimOptions<'_>,
    estimates: &dyn Estimates,
    unpriced: &mut Vec<String>,
) -> Result<Vec<Claimed>> {
    let statement = transaction
        .prepare_cached(
            "select id, key, endpoint, input::text, token::text from fal.request
             where batch = $1 and state = 'waiting' and due <= now()
             order by due, id limit $2 for update skip locked",
        )
        .await?;
    let rows = transaction.query(&statement, &[&batch.id, &most]).await?;
    let candidates = match &batch.money {
        None => rows.into_iter().map(|row| Candidate { row, reserve: None }).collect(),
        Some(money) => affordable(transaction, batch.id, money, rows, estimates, unpriced).await?,
    };
    begin(transaction, batch, candidates, options).await
}

/// Returns the first of the requests for which the budget has room. Stops the batch if it has room for none and no money can
/// become free.
async fn affordable(
    transaction: &Transaction<'_>,
    batch: i32,
    money: &Money,
    rows: Vec<Row>,
    estimates: &dyn Estimates,
    unpriced: &mut Vec<String>,
) -> Result<Vec<Candidate>> {
    let mut taken = money.spent + money.reserved;
    let mut candidates = Vec::new();
    for row in rows {
        let (endpoint, input): (&str, &str) = (row.get(2), row.get(3));
        let price = match money.max_per_request {
            Some(_) => None,
            None => match estimates.estimate(endpoint, input) {
                Some(price) => price,
                None => {
                    if !unpriced.iter().any(|known| known == endpoint) {
                        unpriced.push(endpoint.to_owned());
                    }
                    continue;
                }
            },
        };
        let Some(reserve) = estimate(money.max_per_request, price, money.excess) else {
            fail_unbounded(transaction, row.get(0)).await?;
            continue;
        };
        if taken + reserve > money.budget {
            if candidates.is_empty() && unpriced.is_empty() {
                stop_at_budget(transaction, batch, reserve, money).await?;
            }
            break;
        }
        taken += reserve;
        candidates.push(Candidate { row, reserve: Some(reserve) });
    }
    Ok(candidates)
}

/// Fails a request whose cost has no bound: with a budget, it is never sent.
async fn fail_unbounded(transaction: &Transaction<'_>, id: i64) -> Result<()> {
    let message = "the largest cost of a request to this endpoint is not known, and is needed for the budget: \
                   set `Budget::new(..).max_per_request(..)`, and retry the request";
    let error = serde_json::json!({ "message": message }).to_string();
    let statement = transaction
        .prepare_cached(
            "update fal.request set state = 'failed', done_at = now(), error = $2::text::json where id = $1",
        )
        .await?;
    transaction.execute(&statement, &[&id, &error]).await?;
    Ok(())
}

async fn stop_at_budget(transaction: &Transaction<'_>, batch: i32, needed: Usd, money: &Money) -> Result<()> {
    let Money { budget, spent, reserved, .. } = money;
    let reason =
        format!("the budget of {budget} has no room for {needed}: {spent} spent, {reserved} reserved");
    let statement = transaction
        .prepare_cached(
            "update fal.batch b set stop_reason = $2
             where b.id = $1
               and not exists (select from fal.request r where r.batch = $1 and r.state in ('begun', 'submitted'))
               and not (b.reconcile and exists (select from fal.request r where r.batch = $1 and r.state = 'in_doubt'))",
        )
        .await?;
    transaction.execute(&statement, &[&batch, &reason]).await?;
    Ok(())
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
    let ids: Vec<i64> = candidates.iter().map(|candidate| candidate.row.get(0)).collect();
    let reserves: Vec<Option<String>> =
        candidates.iter().map(|candidate| candidate.reserve.map(usd_text)).collect();
    let statement = transaction
        .prepare_cached(
            "update fal.request r
             set state = 'begun', epoch = r.epoch + 1, attempts = r.attempts + 1, owner = $3::text::uuid, begun_at = now(),
                 due = now() + make_interval(secs => $4), reserved = c.reserved::numeric
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
    let claimed = candidates.iter().filter_map(|Candidate { row, .. }| {
        let id: i64 = row.get(0);
        let numbers = begun.iter().find(|begun| begun.get::<_, i64>(0) == id)?;
        Some(Claimed {
            id,
            epoch: numbers.get(1),
            batch: batch.name.clone(),
            key: row.get(1),
            endpoint: row.get(2),
            input: row.get(3),
            attempt: numbers.get(2),
            token: row.get(4),
            webhook: batch.webhook.clone(),
            is_probe: false,
        })
    });
    Ok(claimed.collect())
}
