//! Claiming requests to submit: within the concurrency of the account and the budget of each batch.

use std::sync::Arc;

use super::{
    Embedded,
    reuse::{answer_all, candidates_to_send},
    rows::{Amount, Batch, Request, Unit},
};
use crate::{
    Result,
    ledger::{
        claim::{Candidate, ClaimOptions, Claimed, Claims, Estimates, Money, UNBOUNDED},
        request::{State, message_json},
        reuse::Reuse,
    },
};

impl Embedded {
    pub(crate) async fn claim(
        &self,
        options: ClaimOptions<'_>,
        estimates: Arc<dyn Estimates>,
    ) -> Result<Claims> {
        let ClaimOptions { owner, account, most, lease } = options;
        let account = account.to_owned();
        self.run(move |unit| {
            let options = ClaimOptions { owner, account: &account, most, lease };
            claim(unit, options, &*estimates)
        })
        .await
    }
}

fn claim(unit: &Unit<'_>, options: ClaimOptions<'_>, estimates: &dyn Estimates) -> Result<Claims> {
    let mut claims = Claims::default();
    let Some(mut account) = unit.account(options.account)? else { return Ok(claims) };
    let is_probe = account.locked_at.is_some();
    let mut left = match is_probe {
        true => i64::from(account.probe_at.is_some_and(|probe| probe <= unit.now)),
        false => {
            let under_way: i64 = unit.value(
                "select count(*) from fal.request r
                 where r.state in ('begun', 'submitted') and r.batch in (select id from fal.batch where account = ?1)",
                [options.account],
            )?;
            let width = match account.is_adaptive {
                true => (account.width.round() as i64).min(account.concurrency).max(1),
                false => account.concurrency,
            };
            (width - under_way).min(options.most)
        }
    };
    for batch in open_batches(unit, options.account)? {
        if left <= 0 {
            break;
        }
        let found = claim_of_batch(unit, batch, left, options, estimates, &mut claims.unpriced)?;
        left -= i64::try_from(found.len()).unwrap_or(i64::MAX);
        claims.requests.extend(found.into_iter().map(|claimed| Claimed { is_probe, ..claimed }));
    }
    if is_probe && !claims.requests.is_empty() {
        account.probe_at = account.probe_pause.map(|pause| unit.now + pause);
        account.save(unit)?;
    }
    Ok(claims)
}

fn open_batches(unit: &Unit<'_>, account: &str) -> Result<Vec<Batch>> {
    unit.rows(
        "select * from fal.batch b
         where account = ?1 and stop_reason is null and (deadline is null or deadline > ?2)
           and exists (select 1 from fal.request r where r.batch = b.id and r.state = 'waiting' and r.due <= ?2)
         order by priority desc, id",
        (account, unit.now),
        Batch::read,
    )
}

fn claim_of_batch(
    unit: &Unit<'_>,
    mut batch: Batch,
    most: i64,
    options: ClaimOptions<'_>,
    estimates: &dyn Estimates,
    unpriced: &mut Vec<String>,
) -> Result<Vec<Claimed>> {
    let candidates = match Reuse::parse(&batch.reuse) {
        Reuse::Off => candidates(unit, batch.id, most)?,
        _ => candidates_to_send(unit, batch.id, most, options.account)?,
    };
    let candidates = match money(&batch) {
        None => candidates,
        Some(money) => {
            let affordable = money.affordable(candidates, estimates, unpriced);
            for id in affordable.unbounded {
                unit.execute(
                    "update fal.request set state = 'failed', done_at = ?2, error = ?3 where id = ?1",
                    (id, unit.now, message_json(UNBOUNDED)),
                )?;
            }
            if let Some(reason) = affordable.stop_reason {
                let is_stopped = stop_at_budget(unit, batch.id, &reason)?;
                if is_stopped && Reuse::parse(&batch.reuse) != Reuse::Off {
                    answer_all(unit, batch.id, options.account)?;
                }
            }
            affordable.candidates
        }
    };
    let mut claimed = Vec::new();
    for candidate in candidates {
        if let Some(reserve) = candidate.reserve {
            batch.reserved.0 += reserve;
        }
        let (epoch, attempt) = begin(unit, &candidate, options)?;
        claimed.push(candidate.claimed(epoch, attempt, &batch.name, batch.webhook.as_deref()));
    }
    batch_reserved(unit, &batch)?;
    Ok(claimed)
}

/// Returns the requests of a batch that are to be sent next.
pub(super) fn candidates(unit: &Unit<'_>, batch: i32, most: i64) -> Result<Vec<Candidate>> {
    unit.rows(
        "select * from fal.request where batch = ?1 and state = 'waiting' and due <= ?2 order by due, id limit ?3",
        (batch, unit.now, most),
        |row| Request::read(row).map(candidate),
    )
}

fn candidate(request: Request) -> Candidate {
    let Request { id, key, endpoint, input, token, content, traceparent, .. } = request;
    Candidate { id, key, endpoint, input, token, reserve: None, content, traceparent }
}

fn money(batch: &Batch) -> Option<Money> {
    Some(Money {
        budget: batch.budget?.0,
        max_per_request: batch.max_per_request.map(|amount| amount.0),
        reserved: batch.reserved.0,
        spent: batch.spent.0,
        excess: batch.excess.map(|amount| amount.0),
    })
}

fn batch_reserved(unit: &Unit<'_>, batch: &Batch) -> Result<()> {
    unit.execute("update fal.batch set reserved = ?2 where id = ?1", (batch.id, batch.reserved))?;
    Ok(())
}

/// Stops a batch that has no room for another request, if no money can become free.
fn stop_at_budget(unit: &Unit<'_>, batch: i32, reason: &str) -> Result<bool> {
    let stopped = unit.execute(
        "update fal.batch as b set stop_reason = ?2
         where b.id = ?1
           and not exists (select 1 from fal.request r where r.batch = ?1 and r.state in ('begun', 'submitted'))
           and not (b.reconcile and exists (select 1 from fal.request r where r.batch = ?1 and r.state = 'in_doubt'))",
        (batch, reason),
    )?;
    Ok(stopped == 1)
}

/// Moves a request from waiting to begun. Returns its epoch and the number of the attempt.
fn begin(unit: &Unit<'_>, candidate: &Candidate, options: ClaimOptions<'_>) -> Result<(i32, i32)> {
    let mut statement = unit.prepare_cached(
        "update fal.request
         set state = ?2, epoch = epoch + 1, attempts = attempts + 1, owner = ?3, begun_at = ?4, due = ?5, reserved = ?6,
             estimate = ?6
         where id = ?1 returning epoch, attempts",
    )?;
    let (owner, reserved) = (options.owner.to_string(), candidate.reserve.map(Amount));
    let params = (candidate.id, State::Begun, owner, unit.now, unit.after(options.lease), reserved);
    Ok(statement.query_row(params, |row| Ok((row.get(0)?, row.get(1)?)))?)
}
