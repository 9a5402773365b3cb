//! The files of outputs that workers save.

use std::time::Duration;

use super::{
    Postgres,
    offers::{COLLECTED, collected, due_outputs},
};
use crate::{
    MediaFile, Result,
    ledger::request::{Held, MediaPlace, Unsaved, fold},
    media_file,
};

impl Postgres {
    pub(crate) async fn unsaved(
        &self,
        account: &str,
        endpoint: &str,
        most: i64,
        lease: Duration,
    ) -> Result<Vec<Unsaved>> {
        let due = due_outputs("and r.saved is null");
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(&format!(
                "with {due}
                 update fal.request r set epoch = r.epoch + 1, due = now() + make_interval(secs => $4)
                 from due, fal.batch b where r.id = due.id and b.id = r.batch
                 returning {COLLECTED}, to_char(r.done_at at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
                           extract(epoch from now() - r.done_at)::float8",
            ))
            .await?;
        let rows = client.query(&statement, &[&account, &endpoint, &most, &lease.as_secs_f64()]).await?;
        let unsaved = rows.into_iter().map(|row| {
            Ok(Unsaved {
                collected: collected(&row)?,
                done_at: row.get(11),
                age: Duration::try_from_secs_f64(row.get(12)).unwrap_or_default(),
            })
        });
        unsaved.collect()
    }

    pub(crate) async fn media_name(&self, place: MediaPlace<'_>) -> Result<Option<String>> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "select name from fal.media_name where request = $1 and store = $2 and index = $3",
            )
            .await?;
        let row = client.query_opt(&statement, &[&place.held.id, &place.store, &place.index]).await?;
        Ok(row.map(|row| row.get(0)))
    }

    pub(crate) async fn take_media_name(&self, place: MediaPlace<'_>, name: &str) -> Result<bool> {
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "insert into fal.media_name (store, folded, name, request, index)
                 select $1, $2, $3, $4, $5
                 where not exists (select from fal.media_name where store = $1 and folded in ($2 || '.json', $6))
                 on conflict do nothing",
            )
            .await?;
        let MediaPlace { store, held, index } = place;
        let (folded, described) = fold(name);
        let taken =
            client.execute(&statement, &[&store, &folded, &name, &held.id, &index, &described]).await?;
        Ok(taken == 1)
    }

    pub(crate) async fn saved(&self, held: Held, files: &[MediaFile]) -> Result<bool> {
        let files = media_file::to_json(files)?;
        let client = self.connection().await?;
        let statement = client
            .prepare_cached(
                "update fal.request set saved = $3::text::json, due = now(), error = null
                 where id = $1 and epoch = $2 and state = 'done' and acknowledged_at is null",
            )
            .await?;
        Ok(client.execute(&statement, &[&held.id, &held.epoch, &files]).await? == 1)
    }
}
