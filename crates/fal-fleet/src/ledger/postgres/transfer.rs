//! Moving a batch to another ledger, or from one.

use super::Postgres;
use crate::{
    Result,
    ledger::{
        settings::no_batch,
        transfer::{MovedBatch, MovedRequest, NEVER, check_coming, leaving, unreadable},
    },
};

impl Postgres {
    pub(crate) async fn freeze(&self, batch: &str) -> Result<Option<MovedBatch>> {
        let mut client = self.connection().await?;
        let transaction = client.transaction().await?;
        let statement = "select id, stop_reason from fal.batch where name = $1 for update";
        let found = transaction.query_opt(statement, &[&batch]).await?;
        let found = found.ok_or_else(|| no_batch(batch))?;
        let (id, reason): (i32, Option<&str>) = (found.get(0), found.get(1));
        let reason = leaving(batch, reason)?;
        transaction.execute("update fal.batch set stop_reason = $2 where id = $1", &[&id, &reason]).await?;
        let statement = "select exists (select from fal.request where batch = $1 and state = 'begun')";
        if transaction.query_one(statement, &[&id]).await?.get(0) {
            transaction.commit().await?;
            return Ok(None);
        }
        transaction
            .execute(
                "update fal.request set due = to_timestamp($2), epoch = epoch + 1
                 where batch = $1 and due < to_timestamp($2)",
                &[&id, &NEVER],
            )
            .await?;
        let row = transaction
            .query_one(
                "select row_to_json(m)::text from (
                     select b.name, b.account, a.concurrency, a.is_adaptive, b.priority, b.budget::text,
                            b.max_per_request::text, b.reserved::text, b.spent::text, b.excess::text, b.webhook,
                            b.reconcile, extract(epoch from b.deadline)::float8 as deadline, b.retries, b.reuse,
                            b.retry_transient, b.retry_error_types, b.retry_pause, b.retry_max_pause, b.stop_reason
                     from fal.batch b join fal.account a on a.name = b.account where b.id = $1) m",
                &[&id],
            )
            .await?;
        let moved = serde_json::from_str(row.get(0)).map_err(unreadable)?;
        transaction.commit().await?;
        Ok(Some(moved))
    }

    pub(crate) async fn export(&self, batch: &str, after: i64, most: i64) -> Result<Vec<MovedRequest>> {
        let client = self.connection().await?;
        let rows = client
            .query(
                "select r.id, row_to_json(r)::text from (
                     select r.id, r.batch, r.key, r.endpoint, r.input::text, r.state, extract(epoch from r.due)::float8 as due,
                            r.epoch, r.attempts, r.failures, r.offers, r.token::text, r.request_id, r.ticket,
                            r.reserved::text, r.cost::text, r.units, extract(epoch from r.begun_at)::float8 as begun_at,
                            extract(epoch from r.submitted_at)::float8 as submitted_at,
                            extract(epoch from r.done_at)::float8 as done_at,
                            extract(epoch from r.acknowledged_at)::float8 as acknowledged_at,
                            r.output::text, r.error::text, r.content, r.reused_from, r.saved::text, r.traceparent,
                            r.estimate::text,
                            (select coalesce(json_agg(m), '[]') from (
                                 select n.store, n.folded, n.name, n.index from fal.media_name n where n.request = r.id) m)
                                as media_names
                     from fal.request r join fal.batch b on b.id = r.batch
                     where b.name = $1 and r.id > $2 order by r.id limit $3) r
                 order by r.id",
                &[&batch, &after, &most],
            )
            .await?;
        Ok(rows.into_iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    pub(crate) async fn import_batch(&self, moved: &MovedBatch) -> Result<i32> {
        let mut client = self.connection().await?;
        let transaction = client.transaction().await?;
        let statement = "select id, stop_reason from fal.batch where name = $1";
        if let Some(row) = transaction.query_opt(statement, &[&moved.name]).await? {
            check_coming(&moved.name, row.get(1))?;
            return Ok(row.get(0));
        }
        let moved = serde_json::to_string(moved).map_err(unreadable)?;
        transaction
            .execute(
                "insert into fal.account (name, concurrency, is_adaptive)
                 select account, concurrency, is_adaptive
                 from json_to_record($1::text::json) as m (account text, concurrency int, is_adaptive bool)
                 on conflict (name) do nothing",
                &[&moved],
            )
            .await?;
        let row = transaction
            .query_one(
                "insert into fal.batch (name, account, priority, budget, max_per_request, reserved, spent, excess, webhook,
                                        reconcile, deadline, retries, reuse, stop_reason, retry_transient,
                                        retry_error_types, retry_pause, retry_max_pause)
                 select name, account, priority, budget, max_per_request, reserved, spent, excess, webhook, reconcile,
                        to_timestamp(deadline), retries, reuse, stop_reason, retry_transient, retry_error_types,
                        retry_pause, retry_max_pause
                 from json_to_record($1::text::json) as m (
                     name text, account text, priority int, budget numeric, max_per_request numeric, reserved numeric,
                     spent numeric, excess numeric, webhook text, reconcile bool, deadline float8, retries int, reuse text,
                     stop_reason text, retry_transient bool, retry_error_types text[], retry_pause float8,
                     retry_max_pause float8)
                 returning id",
                &[&moved],
            )
            .await?;
        transaction.commit().await?;
        Ok(row.get(0))
    }

    pub(crate) async fn import(&self, batch: i32, requests: &[MovedRequest]) -> Result<()> {
        let client = self.connection().await?;
        let requests: Vec<&str> = requests.iter().map(|(_, json)| &**json).collect();
        client
            .execute(
                "with added as (
                 insert into fal.request (batch, key, endpoint, input, fingerprint, state, epoch, attempts, failures, offers,
                                          token, request_id, ticket, reserved, cost, units, begun_at, submitted_at, done_at,
                                          acknowledged_at, output, error, content, reused_from, saved, traceparent, estimate)
                 select $1, key, endpoint, input::json, sha256(convert_to(endpoint || ' ' || input, 'UTF8')), state, epoch,
                        attempts, failures, offers, token, request_id, ticket, reserved, cost, units, to_timestamp(begun_at),
                        to_timestamp(submitted_at), to_timestamp(done_at), to_timestamp(acknowledged_at), output::json,
                        error::json, content, reused_from, saved::json, traceparent, estimate
                 from unnest($2::text[]) as m (json) cross join json_to_record(m.json::json) as r (
                     key text, endpoint text, input text, state text, epoch int, attempts int, failures int, offers int,
                     token uuid, request_id text, ticket text, reserved numeric, cost numeric, units text, begun_at float8,
                     submitted_at float8, done_at float8, acknowledged_at float8, output text, error text, content text,
                     reused_from text, saved text, traceparent text, estimate numeric)
                 -- Of an earlier move that was interrupted.
                 on conflict (batch, key) do nothing returning id, key)
                 insert into fal.media_name (store, folded, name, request, index)
                 select n.store, n.folded, n.name, added.id, n.index
                 from unnest($2::text[]) as m (json) join added on added.key = m.json::json ->> 'key'
                 cross join json_to_recordset(m.json::json -> 'media_names')
                     as n (store text, folded text, name text, index int)
                 -- One that another request has here is not written: a file that is not saved yet gets another one.
                 on conflict do nothing",
                &[&batch, &requests],
            )
            .await?;
        Ok(())
    }

    pub(crate) async fn remove_batch(&self, batch: &str) -> Result<()> {
        let client = self.connection().await?;
        client.execute("delete from fal.batch where name = $1", &[&batch]).await?;
        Ok(())
    }
}
