//! Outputs that are offered to the handler until it acknowledges them.

use std::time::Duration;

use tokio_postgres::Row;

use super::{Postgres, moves::changed, values::parse_optional_usd};
use crate::{
    Result,
    ledger::request::{Collected, Held, Offered},
    media_file,
};

/// The columns of an output and its request, for [`collected`]: `r` is the request, and `b` its batch.
pub(super) const COLLECTED: &str =
    "r.id, r.epoch, b.name, r.key, r.endpoint, r.input::text, r.output::text, coalesce(r.request_id, r.reused_from, ''),
     r.cost::text, r.units, r.traceparent";

/// Reads an output and its request from a row that begins with the columns of [`COLLECTED`].
pub(super) fn collected(row: &Row) -> Result<Collected> {
    Ok(Collected {
        held: Held { id: row.get(0), epoch: row.get(1) },
        batch: row.get(2),
        key: row.get(3),
        endpoint: row.get(4),
        input: row.get(5),
        output: row.get(6),
        request_id: row.get(7),
        cost: parse_optional_usd(row.get(8))?,
        units: row.get(9),
        traceparent: row.get(10),
    })
}

/// Returns the part `due` of a statement: the ids of outputs of the account `$1` and the endpoint `$2`, or of any endpoint if that is
/// empty, that are due. At most `$3`. `condition` is a further one on the request `r`.
///
/// Looks into each batch of the account, so that outputs of other accounts cost nothing.
pub(super) fn due_outputs(condition: &str) -> String {
    format!(
        "due as (select output.id
                 from fal.batch b cross join lateral (
                     select r.id, r.due from fal.request r
                     where r.batch = b.id and r.state = 'done' and r.acknowledged_at is null and r.due <= now()
                       and ($2 = '' or r.endpoint = $2) {condition}
                     order by r.due, r.id limit $3 for update skip locked) output
                 where b.account = $1 order by output.due, output.id limit $3)"
    )
}

impl Postgres {
    /// Takes outputs of an account and an endpoint that are not acknowledged, or of any endpoint if `endpoint` is empty.
    pub(crate) async fn offer(
        &self,
        account: &str,
        endpoint: &str,
        is_saved: bool,
        most: i64,
        lease: Duration,
    ) -> Result<Vec<Offered>> {
        // Not a parameter, because each form has an index of its own.
        let due = due_outputs(if is_saved { "and r.saved is not null" } else { "" });
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(&format!(
                "with {due}
                 update fal.request r set epoch = r.epoch + 1, offers = r.offers + 1, due = now() + make_interval(secs => $4)
                 from due, fal.batch b where r.id = due.id and b.id = r.batch
                 returning {COLLECTED}, r.offers, r.reused_from is not null, r.saved::text",
            ))
            .await?;
        let rows = client.query(&statement, &[&account, &endpoint, &most, &lease.as_secs_f64()]).await?;
        let offered = rows.into_iter().map(|row| {
            Ok(Offered {
                collected: collected(&row)?,
                offer: row.get(11),
                is_reused: row.get(12),
                media: media_file::parse(row.get(13))?,
            })
        });
        offered.collect()
    }

    /// Notes that the handler is done with an output. Returns false if another worker has it by now.
    pub(crate) async fn acknowledge(&self, held: Held) -> Result<bool> {
        self.groups.acknowledged.write(held, async |held| self.write_acknowledged(held).await).await
    }

    async fn write_acknowledged(&self, held: &[Held]) -> Result<Vec<bool>> {
        let ids: Vec<i64> = held.iter().map(|held| held.id).collect();
        let epochs: Vec<i32> = held.iter().map(|held| held.epoch).collect();
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "update fal.request r set acknowledged_at = now(), error = null
                 from unnest($1::bigint[], $2::int[]) as h (id, epoch)
                 where r.id = h.id and r.epoch = h.epoch and r.state = 'done' and r.acknowledged_at is null
                 returning r.id",
            )
            .await?;
        let rows = client.query(&statement, &[&ids, &epochs]).await?;
        Ok(changed(&ids, &rows))
    }
}
