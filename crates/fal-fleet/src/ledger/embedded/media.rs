//! The files of outputs that workers save.

use std::time::Duration;

use rusqlite::OptionalExtension;

use super::{
    Embedded,
    rows::{Request, Unit},
};
use crate::{
    MediaFile, Result,
    ledger::request::{Held, MediaPlace, State, Unsaved, fold},
    media_file,
};

impl Unit<'_> {
    fn unsaved(&self, request: Request) -> Result<Unsaved> {
        let done_at = request.done_at.unwrap_or(self.now);
        Ok(Unsaved {
            done_at: self.value("select strftime('%Y-%m-%dT%H:%M:%SZ', ?1, 'unixepoch')", [done_at])?,
            age: Duration::try_from_secs_f64(self.now - done_at).unwrap_or_default(),
            collected: self.collected(request)?,
        })
    }
}

impl Embedded {
    pub(crate) async fn unsaved(
        &self,
        account: &str,
        endpoint: &str,
        most: i64,
        lease: Duration,
    ) -> Result<Vec<Unsaved>> {
        let (account, endpoint) = (account.to_owned(), endpoint.to_owned());
        self.run(move |unit| {
            let condition = "r.state = 'done' and r.acknowledged_at is null and r.saved is null";
            let taken = unit.take(condition, (&account, &endpoint), most, lease)?;
            taken.into_iter().map(|request| unit.unsaved(request)).collect()
        })
        .await
    }

    pub(crate) async fn media_name(&self, place: MediaPlace<'_>) -> Result<Option<String>> {
        let params = (place.held.id, place.store.to_owned(), place.index);
        self.run(move |unit| {
            let mut statement = unit.prepare_cached(
                "select name from fal.media_name where request = ?1 and store = ?2 and \"index\" = ?3",
            )?;
            Ok(statement.query_row(params, |row| row.get(0)).optional()?)
        })
        .await
    }

    pub(crate) async fn take_media_name(&self, place: MediaPlace<'_>, name: &str) -> Result<bool> {
        let (folded, described) = fold(name);
        let params = (place.store.to_owned(), folded, name.to_owned(), place.held.id, place.index, described);
        self.run(move |unit| {
            let taken = unit.execute(
                "insert into fal.media_name (store, folded, name, request, \"index\")
                 select ?1, ?2, ?3, ?4, ?5
                 where not exists (select 1 from fal.media_name where store = ?1 and folded in (?2 || '.json', ?6))
                 on conflict do nothing",
                params,
            )?;
            Ok(taken == 1)
        })
        .await
    }

    pub(crate) async fn saved(&self, held: Held, files: &[MediaFile]) -> Result<bool> {
        let files = media_file::to_json(files)?;
        self.run(move |unit| {
            let Some(mut request) = unit.held(held, State::Done)? else { return Ok(false) };
            request.saved = Some(files);
            request.due = unit.now;
            request.error = None;
            request.save(unit)?;
            Ok(true)
        })
        .await
    }
}
