//! Requests that take the output of an earlier one.

use rusqlite::OptionalExtension;

use super::{claim::candidates, rows::Unit};
use crate::{
    Result,
    ledger::{
        claim::Candidate,
        reuse::{Divided, Earlier, PAGE, PAGES},
    },
};

/// Returns the requests of a batch that are to be sent next. Answers those before them whose output is there, and lets those wait
/// whose output is on its way.
pub(super) fn candidates_to_send(
    unit: &Unit<'_>,
    batch: i32,
    most: i64,
    account: &str,
) -> Result<Vec<Candidate>> {
    for _ in 0..PAGES {
        let page = candidates(unit, batch, most.max(PAGE))?;
        let is_last = page.is_empty();
        let contents = page.iter().filter_map(|candidate| candidate.content.as_deref());
        let found: Vec<Option<Earlier>> =
            contents.map(|content| earlier(unit, content, account)).collect::<Result<_>>()?;
        let earlier: Vec<Earlier> = found.into_iter().flatten().collect();
        let Divided { mut to_send, answered, postponed } = Divided::new(page, &earlier);
        for (id, earlier) in answered {
            answer(unit, id, earlier)?;
        }
        for id in postponed {
            unit.execute("update fal.request set due = ?2 where id = ?1", (id, unit.now + 1.0))?;
        }
        if is_last || !to_send.is_empty() {
            to_send.truncate(usize::try_from(most).unwrap_or(usize::MAX));
            return Ok(to_send);
        }
    }
    Ok(Vec::new())
}

/// Answers all requests of a batch that stops whose output is there: they cost nothing.
pub(super) fn answer_all(unit: &Unit<'_>, batch: i32, account: &str) -> Result<()> {
    let answered: Vec<(i64, i64)> = unit.rows(
        "select w.id, max(o.id) from fal.request w join fal.request o on o.content = w.content and o.state = 'done'
         join fal.batch b on b.id = o.batch
         where w.batch = ?1 and w.state = 'waiting' and b.account = ?2 group by w.id",
        (batch, account),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    answered.into_iter().try_for_each(|(id, earlier)| answer(unit, id, earlier))
}

/// Gives a request the output of an earlier one.
fn answer(unit: &Unit<'_>, id: i64, earlier: i64) -> Result<()> {
    unit.execute(
        "update fal.request as r
         set state = 'done', output = o.output, reused_from = coalesce(o.request_id, o.reused_from), error = null,
             cost = coalesce(r.cost, '0'), due = ?3, done_at = ?3, epoch = r.epoch + 1
         from fal.request o where r.id = ?1 and o.id = ?2",
        (id, earlier, unit.now),
    )?;
    Ok(())
}

/// Returns a request with this content that has an output, or may have one soon.
fn earlier(unit: &Unit<'_>, content: &str, account: &str) -> Result<Option<Earlier>> {
    let mut statement = unit.prepare_cached(
        "select r.id, r.content, r.state = 'done' from fal.request r join fal.batch b on b.id = r.batch
         where r.content = ?1 and b.account = ?2
           and (r.state in ('done', 'begun', 'submitted') or r.state = 'in_doubt' and b.reconcile)
         order by r.state = 'done' desc, r.done_at desc limit 1",
    )?;
    let read =
        |row: &rusqlite::Row<'_>| Ok(Earlier { id: row.get(0)?, content: row.get(1)?, is_done: row.get(2)? });
    Ok(statement.query_row((content, account), read).optional()?)
}
