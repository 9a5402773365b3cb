//! The moves of requests that a worker holds. Each is one statement, and changes nothing if the worker holds it no longer.

use std::{collections::HashSet, time::Duration};

use tokio_postgres::Row;
use uuid::Uuid;

use super::{Postgres, values::usd_text};
use crate::{
    Error, ErrorKind, Result,
    ledger::request::{
        Accepted, Delivered, Finished, Followed, Found, Held, Move, State, failure_json, plain_ticket,
    },
};

/// The money to reserve for a request `r` of a batch `b` that was given back, and was accepted nevertheless.
const AGAIN: &str =
    "case when r.reserved is null and b.budget is not null then coalesce(r.estimate, b.max_per_request) end";

/// Reserves the money of such requests in the statement that moves them. `old` is the rows before with `again`, and `moved` after.
const RESERVE: &str = "again as (select moved.batch, sum(old.again) as again from old join moved on moved.id = old.id
                                 where old.again is not null group by moved.batch),
                      kept as (update fal.batch b set reserved = b.reserved + again.again from again where b.id = again.batch)";

impl Postgres {
    /// Notes the ticket of an accepted request. Returns false if a webhook was faster.
    ///
    /// An answer that arrives after the lease has ended counts, too, as long as the request was not begun again. If another
    /// request was found to have this id by its input, the two have equal inputs. The id belongs to the one whose submit was
    /// answered with it, and the other one is in doubt again.
    pub(crate) async fn submitted(&self, accepted: Accepted) -> Result<bool> {
        self.groups.submitted.write(accepted, async |accepted| self.write_submitted(accepted).await).await
    }

    async fn write_submitted(&self, accepted: &[Accepted]) -> Result<Vec<bool>> {
        let ids: Vec<i64> = accepted.iter().map(|accepted| accepted.id).collect();
        let attempts: Vec<i32> = accepted.iter().map(|accepted| accepted.attempt).collect();
        let tokens: Vec<&str> = accepted.iter().map(|accepted| &*accepted.token).collect();
        let request_ids: Vec<&str> = accepted.iter().map(|accepted| &*accepted.request_id).collect();
        let tickets: Vec<Option<&str>> = accepted.iter().map(|accepted| accepted.ticket.as_deref()).collect();
        let pauses: Vec<f64> = accepted.iter().map(|accepted| accepted.look_in.as_secs_f64()).collect();
        let mut client = self.connection().await?;
        let transaction = client.transaction().await?;
        let statement = transaction
            .prepare_cached(
                "update fal.request r
                 set state = 'in_doubt', request_id = null, ticket = null, epoch = r.epoch + 1, due = now()
                 from unnest($1::text[], $2::bigint[]) as a (request_id, id)
                 where r.request_id = a.request_id and r.id <> a.id and r.state = 'submitted'",
            )
            .await?;
        transaction.execute(&statement, &[&request_ids, &ids]).await?;
        let statement = transaction
            .prepare_cached(&format!(
                "with old as (
                          select a.*, r.batch, {AGAIN} as again
                          from unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::float8[])
                               as a (id, attempt, token, request_id, ticket, pause)
                          join fal.request r on r.id = a.id and r.attempts = a.attempt and r.token::text = a.token
                               and r.state in ('begun', 'in_doubt', 'waiting') and r.request_id is null
                          join fal.batch b on b.id = r.batch
                          for update of r),
                      moved as (
                          update fal.request r
                          set state = 'submitted', request_id = old.request_id, ticket = old.ticket, submitted_at = now(),
                              owner = null, epoch = r.epoch + 1, due = now() + make_interval(secs => old.pause), error = null,
                              reserved = coalesce(r.reserved, old.again)
                          from old where r.id = old.id returning r.id, r.batch),
                      {RESERVE}
                 select id from moved"
            ))
            .await?;
        let rows = transaction
            .query(&statement, &[&ids, &attempts, &tokens, &request_ids, &tickets, &pauses])
            .await?;
        transaction.commit().await?;
        Ok(changed(&ids, &rows))
    }

    /// Changes a request that a worker holds, and frees its money if it is not under way any more.
    pub(crate) async fn write(&self, held: Held, change: &Move) -> Result<bool> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "with old as (select id, case when $7 then reserved end as freed from fal.request
                              where id = $1 and epoch = $2 and state = $3 and acknowledged_at is null for update),
                      moved as (update fal.request r
                                set state = $4, due = now() + make_interval(secs => $5), owner = null,
                                    reserved = case when not $7 then r.reserved end,
                                    done_at = case when $4 = 'failed' then now() else r.done_at end,
                                    error = $6::text::json
                                from old where r.id = old.id returning r.batch),
                      settled as (update fal.batch b set reserved = b.reserved - old.freed
                                  from old, moved where b.id = moved.batch and old.freed is not null)
                 select count(*) from moved",
            )
            .await?;
        let (from, to) = (change.from.name(), change.to.name());
        let (pause, frees) = (change.pause.as_secs_f64(), change.frees_money());
        let row = client
            .query_one(&statement, &[&held.id, &held.epoch, &from, &to, &pause, &change.error, &frees])
            .await?;
        Ok(row.get::<_, i64>(0) == 1)
    }

    /// Gives back what a worker has begun, except for the requests that it may have sent. For a claim whose commit was not
    /// answered.
    pub(crate) async fn release_unsent(&self, owner: Uuid, sending: &[i64]) -> Result<u64> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "with old as (select id, batch, reserved from fal.request
                              where state = 'begun' and owner = $1::text::uuid and not id = any($2) for update),
                      moved as (update fal.request r set state = 'waiting', due = now(), owner = null, reserved = null
                                from old where r.id = old.id returning r.id),
                      freed as (update fal.batch b set reserved = b.reserved - old_sum.reserved
                                from (select batch, sum(reserved) as reserved from old where reserved is not null group by batch)
                                     as old_sum
                                where b.id = old_sum.batch)
                 select count(*) from moved",
            )
            .await?;
        let row = client.query_one(&statement, &[&owner.to_string(), &sending]).await?;
        Ok(u64::try_from(row.get::<_, i64>(0)).unwrap_or(0))
    }

    /// Puts requests in doubt whose worker has not reported within its lease: they may have been accepted. Returns their number.
    pub(crate) async fn sweep(&self) -> Result<u64> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "update fal.request set state = 'in_doubt', epoch = epoch + 1, owner = null, due = now()
                 where state = 'begun' and due < now()",
            )
            .await?;
        Ok(client.execute(&statement, &[]).await?)
    }

    /// Takes requests whose status is to be looked at now.
    pub(crate) async fn follow(&self, account: &str, most: i64, lease: Duration) -> Result<Vec<Followed>> {
        let client = self.connection().await?;
        // `+ 0` as for doubts.
        let statement = client
            .prepare_cached(
                "with due as (select r.id from fal.request r join fal.batch b on b.id = r.batch + 0
                              where r.state = 'submitted' and r.due <= now() and b.account = $1
                              order by r.due, r.id limit $2 for update of r skip locked)
                 update fal.request r set epoch = r.epoch + 1, due = now() + make_interval(secs => $3)
                 from due, fal.batch b where r.id = due.id and b.id = r.batch
                 returning r.id, r.epoch, r.endpoint, r.request_id, r.ticket,
                           extract(epoch from now() - r.submitted_at)::float8, b.webhook is not null,
                           (select a.is_adaptive from fal.account a where a.name = b.account), r.traceparent",
            )
            .await?;
        let rows = client.query(&statement, &[&account, &most, &lease.as_secs_f64()]).await?;
        let followed = rows.into_iter().map(|row| {
            let endpoint: String = row.get(2);
            let request_id: Option<String> = row.get(3);
            let plain = || plain_ticket(&endpoint, request_id.as_deref());
            Followed {
                held: Held { id: row.get(0), epoch: row.get(1) },
                ticket: row.get::<_, Option<String>>(4).unwrap_or_else(plain),
                age: Duration::try_from_secs_f64(row.get(5)).unwrap_or_default(),
                has_webhook: row.get(6),
                is_adaptive: row.get(7),
                traceparent: row.get(8),
                endpoint,
            }
        });
        Ok(followed.collect())
    }

    /// Notes the end of a request, and settles its money. A failed one waits again if the batch sends failed requests again.
    pub(crate) async fn finish(&self, held: Held, finished: Finished) -> Result<bool> {
        self.groups
            .finished
            .write((held, finished), async |finished| self.write_finished(finished).await)
            .await
    }

    async fn write_finished(&self, finished: &[(Held, Finished)]) -> Result<Vec<bool>> {
        let ids: Vec<i64> = finished.iter().map(|(held, _)| held.id).collect();
        let epochs: Vec<i32> = finished.iter().map(|(held, _)| held.epoch).collect();
        let outputs: Vec<Option<&str>> =
            finished.iter().map(|(_, finished)| finished.result.as_deref().ok()).collect();
        let failures: Vec<Option<String>> = finished
            .iter()
            .map(|(_, finished)| finished.result.as_ref().err().map(|failure| failure_json(failure)))
            .collect();
        let units: Vec<Option<&str>> =
            finished.iter().map(|(_, finished)| finished.units.as_deref()).collect();
        let costs: Vec<Option<String>> =
            finished.iter().map(|(_, finished)| finished.cost.map(usd_text)).collect();
        let retryable: Vec<bool> = finished.iter().map(|(_, finished)| finished.is_retryable).collect();
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "with old as (
                          select r.id, r.batch, r.reserved, f.output, f.error, f.units, f.cost::numeric as cost,
                                 f.output is null and r.failures < b.retries
                                     and (f.retryable and b.retry_transient
                                          or coalesce(f.error::json ->> 'error_type' = any(b.retry_error_types), false))
                                     as is_retried,
                                 least(b.retry_max_pause, b.retry_pause * power(2, least(r.failures, 62))) as pause
                          from unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bool[])
                               as f (id, epoch, output, error, units, cost, retryable)
                          join fal.request r on r.id = f.id and r.epoch = f.epoch and r.state = 'submitted'
                          join fal.batch b on b.id = r.batch
                          for update of r),
                      moved as (
                          update fal.request r
                          set state = case when old.output is not null then 'done'
                                           when old.is_retried then 'waiting' else 'failed' end,
                              -- A request that is sent again has the next id.
                              request_id = case when old.is_retried then null else r.request_id end,
                              ticket = case when old.is_retried then null else r.ticket end,
                              -- A late delivery for the failed request must not be taken for one of the next.
                              token = case when old.is_retried then gen_random_uuid() else r.token end,
                              failures = r.failures + (old.output is null)::int,
                              due = now() + make_interval(secs => case when old.is_retried then old.pause else 0 end),
                              done_at = now(), owner = null, reserved = null,
                              output = old.output::json, error = old.error::json, units = old.units,
                              cost = case when old.cost is null and old.reserved is null and r.cost is null then null
                                          else coalesce(r.cost, 0) + coalesce(old.cost, old.reserved, 0) end
                          from old where r.id = old.id
                          returning r.id, r.batch, old.reserved, coalesce(old.cost, old.reserved, 0) as paid),
                      total as (
                          select batch, coalesce(sum(reserved), 0) as reserved, sum(paid) as paid,
                                 max(paid) filter (where paid > reserved) as excess
                          from moved group by batch having sum(paid) > 0 or sum(reserved) is not null),
                      -- In one order, so that two transactions never wait for each other.
                      locked as (
                          select b.id from fal.batch b where b.id in (select batch from total) order by b.id
                          for no key update),
                      settled as (
                          update fal.batch b
                          set reserved = b.reserved - total.reserved, spent = b.spent + total.paid,
                              excess = greatest(b.excess, total.excess)
                          from total, locked where b.id = total.batch and b.id = locked.id)
                 select id from moved",
            )
            .await?;
        let rows = client
            .query(&statement, &[&ids, &epochs, &outputs, &failures, &units, &costs, &retryable])
            .await?;
        Ok(changed(&ids, &rows))
    }

    /// Returns the request of a batch with this key.
    pub(crate) async fn find(&self, batch: &str, key: &str) -> Result<Option<Found>> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "select r.id, r.epoch, b.account, b.reconcile, r.state,
                        greatest(0, extract(epoch from r.due - now()))::float8, coalesce(r.request_id, r.reused_from),
                        r.output::text, r.error ->> 'message'
                 from fal.request r join fal.batch b on b.id = r.batch where b.name = $1 and r.key = $2",
            )
            .await?;
        let row = client.query_opt(&statement, &[&batch, &key]).await?;
        let found = row.map(|row| {
            let state = row.get(4);
            let state = State::parse(state)
                .ok_or_else(|| Error::new(ErrorKind::Database, format!("`{state}` is not a state")))?;
            Ok(Found {
                held: Held { id: row.get(0), epoch: row.get(1) },
                account: row.get(2),
                is_reconciled: row.get(3),
                state,
                due_in: Duration::try_from_secs_f64(row.get(5)).unwrap_or_default(),
                request_id: row.get(6),
                output: row.get(7),
                message: row.get(8),
            })
        });
        found.transpose()
    }

    /// Extends the leases of requests that a worker holds, if it still does.
    pub(crate) async fn extend(&self, held: &[Held], lease: Duration) -> Result<()> {
        if held.is_empty() {
            return Ok(());
        }
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "update fal.request r set due = now() + make_interval(secs => $3)
                 from unnest($1::bigint[], $2::int[]) as h (id, epoch)
                 where r.id = h.id and r.epoch = h.epoch and r.state in ('done', 'in_doubt')",
            )
            .await?;
        let ids: Vec<i64> = held.iter().map(|held| held.id).collect();
        let epochs: Vec<i32> = held.iter().map(|held| held.epoch).collect();
        client.execute(&statement, &[&ids, &epochs, &lease.as_secs_f64()]).await?;
        Ok(())
    }

    /// Notes what a webhook says: the request with this key and token has this id, and is completed. Returns true if it is one
    /// of this ledger.
    ///
    /// This also decides a submit whose answer was lost, and one whose answer has not arrived yet.
    pub(crate) async fn delivered(&self, delivered: &Delivered<'_>) -> Result<bool> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(&format!(
                "with old as (select r.id, r.batch, r.state, {AGAIN} as again
                              from fal.request r join fal.batch b on b.id = r.batch
                              where b.name = $1 and r.key = $2 and r.token::text = $3 for update of r),
                      moved as (
                          update fal.request r
                          set state = 'submitted', request_id = $5, due = now(), epoch = r.epoch + 1, owner = null,
                              submitted_at = coalesce(case when old.state = 'submitted' then r.submitted_at end, now()),
                              reserved = coalesce(r.reserved, old.again)
                          from old
                          where r.id = old.id
                            and (r.state in ('begun', 'in_doubt', 'waiting') and r.attempts = $4 and r.request_id is null
                                 or r.state = 'submitted' and r.request_id = $5)
                            and not exists (select from fal.request o where o.request_id = $5 and o.id <> r.id)
                          returning r.id, r.batch),
                      {RESERVE}
                 select count(*) from old"
            ))
            .await?;
        let Delivered { batch, key, token, attempt, request_id } = *delivered;
        let row = client.query_one(&statement, &[&batch, &key, &token, &attempt, &request_id]).await?;
        Ok(row.get::<_, i64>(0) == 1)
    }
}

/// Returns for each id if its row was changed.
pub(super) fn changed(ids: &[i64], rows: &[Row]) -> Vec<bool> {
    let changed: HashSet<i64> = rows.iter().map(|row| row.get(0)).collect();
    ids.iter().map(|id| changed.contains(id)).collect()
}
