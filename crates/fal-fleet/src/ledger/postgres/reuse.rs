//! Requests that take the output of an earlier one.

use deadpool_postgres::Transaction;

use super::claim::candidates;
use crate::{
    Result,
    ledger::{
        claim::Candidate,
        reuse::{Divided, Earlier, PAGE, PAGES},
    },
};

/// Returns the requests of a batch that are to be sent next. Answers those before them whose output is there, and lets those wait
/// whose output is on its way.
///
/// The account is held, so no two requests with the same content are begun at the same time.
pub(super) async fn candidates_to_send(
    transaction: &Transaction<'_>,
    batch: i32,
    most: i64,
    account: &str,
) -> Result<Vec<Candidate>> {
    for _ in 0..PAGES {
        let page = candidates(transaction, batch, most.max(PAGE)).await?;
        let is_last = page.is_empty();
        let earlier = earlier(transaction, &page, account).await?;
        let Divided { mut to_send, answered, postponed } = Divided::new(page, &earlier);
        answer(transaction, &answered).await?;
        postpone(transaction, &postponed).await?;
        if is_last || !to_send.is_empty() {
            to_send.truncate(usize::try_from(most).unwrap_or(usize::MAX));
            return Ok(to_send);
        }
    }
    Ok(Vec::new())
}

/// Returns the requests with the contents of candidates that have an output, or may have one soon.
async fn earlier(
    transaction: &Transaction<'_>,
    candidates: &[Candidate],
    account: &str,
) -> Result<Vec<Earlier>> {
    let contents: Vec<&str> =
        candidates.iter().filter_map(|candidate| candidate.content.as_deref()).collect();
    let statement = transaction
        .prepare_cached(
            "select distinct on (r.content) r.id, r.content, r.state = 'done'
             from fal.request r join fal.batch b on b.id = r.batch
             where r.content = any($1) and b.account = $2
               and (r.state in ('done', 'begun', 'submitted') or r.state = 'in_doubt' and b.reconcile)
             order by r.content, r.state = 'done' desc, r.done_at desc",
        )
        .await?;
    let rows = transaction.query(&statement, &[&contents, &account]).await?;
    let earlier = rows.iter().map(|row| Earlier { id: row.get(0), content: row.get(1), is_done: row.get(2) });
    Ok(earlier.collect())
}

/// Answers all requests of a batch that stops whose output is there: they cost nothing.
pub(super) async fn answer_all(transaction: &Transaction<'_>, batch: i32, account: &str) -> Result<()> {
    let statement = transaction
        .prepare_cached(
            "select distinct on (w.id) w.id, o.id
             from fal.request w join fal.request o on o.content = w.content and o.state = 'done'
             join fal.batch b on b.id = o.batch
             where w.batch = $1 and w.state = 'waiting' and b.account = $2
             order by w.id, o.done_at desc",
        )
        .await?;
    let rows = transaction.query(&statement, &[&batch, &account]).await?;
    let answered: Vec<(i64, i64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    answer(transaction, &answered).await
}

async fn answer(transaction: &Transaction<'_>, answered: &[(i64, i64)]) -> Result<()> {
    if answered.is_empty() {
        return Ok(());
    }
    let (ids, earlier): (Vec<i64>, Vec<i64>) = answered.iter().copied().unzip();
    let statement = transaction
        .prepare_cached(
            "update fal.request r
             set state = 'done', output = o.output, reused_from = coalesce(o.request_id, o.reused_from), error = null,
                 cost = coalesce(r.cost, 0), due = now(), done_at = now(), epoch = r.epoch + 1
             from unnest($1::bigint[], $2::bigint[]) as a (id, earlier) join fal.request o on o.id = a.earlier
             where r.id = a.id",
        )
        .await?;
    transaction.execute(&statement, &[&ids, &earlier]).await?;
    Ok(())
}

async fn postpone(transaction: &Transaction<'_>, ids: &[i64]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let statement = transaction
        .prepare_cached("update fal.request set due = now() + interval '1 second' where id = any($1)")
        .await?;
    transaction.execute(&statement, &[&ids]).await?;
    Ok(())
}
