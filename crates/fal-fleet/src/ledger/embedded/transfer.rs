//! Moving a batch to another ledger, or from one.

use rusqlite::OptionalExtension;
use serde::{Deserialize, Serialize};

use super::{
    Embedded,
    rows::{Account, Amount, Batch, ErrorTypes, Request, Unit},
};
use crate::{
    Result,
    ledger::{
        settings::no_batch,
        transfer::{MovedBatch, MovedRequest, NEVER, check_coming, leaving, unreadable},
    },
};

/// A request with the names that its files have in stores.
#[derive(Serialize, Deserialize)]
struct Moved {
    #[serde(flatten)]
    request: Request,
    media_names: Vec<MediaName>,
}

/// The name of a file in a store.
#[derive(Serialize, Deserialize)]
struct MediaName {
    store: String,
    folded: String,
    name: String,
    index: i32,
}

impl Unit<'_> {
    fn batch_named(&self, name: &str) -> Result<Option<Batch>> {
        let mut statement = self.prepare_cached("select * from fal.batch where name = ?1")?;
        Ok(statement.query_row([name], Batch::read).optional()?)
    }

    fn freeze(&self, name: &str) -> Result<Option<MovedBatch>> {
        let mut batch = self.batch_named(name)?.ok_or_else(|| no_batch(name))?;
        batch.stop_reason = Some(leaving(name, batch.stop_reason.as_deref())?);
        batch.save(self)?;
        let begun: i64 =
            self.value("select count(*) from fal.request where batch = ?1 and state = 'begun'", [batch.id])?;
        if begun > 0 {
            return Ok(None);
        }
        self.execute(
            "update fal.request set due = ?2, epoch = epoch + 1 where batch = ?1 and due < ?2",
            (batch.id, NEVER),
        )?;
        let account = self.account(&batch.account)?;
        Ok(Some(moved(batch, account)))
    }

    fn import_batch(&self, moved: MovedBatch) -> Result<i32> {
        if let Some(batch) = self.batch_named(&moved.name)? {
            check_coming(&moved.name, batch.stop_reason.as_deref())?;
            return Ok(batch.id);
        }
        self.execute(
            "insert into fal.account (name, concurrency, is_adaptive) values (?1, ?2, ?3) on conflict (name) do nothing",
            (&moved.account, moved.concurrency, moved.is_adaptive),
        )?;
        let id = self.value("insert into fal.batch (name) values (?1) returning id", [&moved.name])?;
        let batch = Batch {
            id,
            name: moved.name,
            account: moved.account,
            priority: moved.priority,
            budget: moved.budget.map(Amount),
            max_per_request: moved.max_per_request.map(Amount),
            reserved: Amount(moved.reserved),
            spent: Amount(moved.spent),
            excess: moved.excess.map(Amount),
            webhook: moved.webhook,
            reconcile: moved.reconcile,
            deadline: moved.deadline,
            retries: moved.retries,
            retry_transient: moved.retry_transient,
            retry_error_types: ErrorTypes(moved.retry_error_types),
            retry_pause: moved.retry_pause,
            retry_max_pause: moved.retry_max_pause,
            stop_reason: moved.stop_reason,
            reuse: moved.reuse,
        };
        batch.save(self)?;
        Ok(id)
    }

    fn import(&self, batch: i32, json: &str) -> Result<()> {
        let Moved { request, media_names } = serde_json::from_str(json).map_err(unreadable)?;
        let mut statement = self.prepare_cached(
            "insert into fal.request (batch, key, endpoint, input, due, token) values (?1, ?2, ?3, ?4, ?5, ?6)
             on conflict (batch, key) do nothing returning id",
        )?;
        let Request { key, endpoint, input, token, .. } = &request;
        let params = (batch, key, endpoint, input, self.now, token);
        // One that is there is of an earlier move that was interrupted.
        match statement.query_row(params, |row| row.get(0)).optional()? {
            Some(id) => {
                Request { id, batch, due: self.now, owner: None, ..request }.save(self)?;
                media_names.iter().try_for_each(|name| self.import_media_name(id, name))
            }
            None => Ok(()),
        }
    }

    fn media_names(&self, request: i64) -> Result<Vec<MediaName>> {
        let statement = "select store, folded, name, \"index\" from fal.media_name where request = ?1";
        self.rows(statement, [request], |row| {
            Ok(MediaName { store: row.get(0)?, folded: row.get(1)?, name: row.get(2)?, index: row.get(3)? })
        })
    }

    /// Gives a file its name, unless another request has it here: a file that is not saved yet gets another one.
    fn import_media_name(&self, request: i64, media_name: &MediaName) -> Result<()> {
        let MediaName { store, folded, name, index } = media_name;
        self.execute(
            "insert into fal.media_name (store, folded, name, request, \"index\") values (?1, ?2, ?3, ?4, ?5)
             on conflict do nothing",
            (store, folded, name, request, index),
        )?;
        Ok(())
    }
}

/// Returns a batch with the settings of its account.
fn moved(batch: Batch, account: Option<Account>) -> MovedBatch {
    let concurrency = account.as_ref().map_or(16, |account| account.concurrency);
    MovedBatch {
        name: batch.name,
        account: batch.account,
        concurrency: i32::try_from(concurrency).unwrap_or(i32::MAX),
        is_adaptive: account.is_some_and(|account| account.is_adaptive),
        priority: batch.priority,
        budget: batch.budget.map(|amount| amount.0),
        max_per_request: batch.max_per_request.map(|amount| amount.0),
        reserved: batch.reserved.0,
        spent: batch.spent.0,
        excess: batch.excess.map(|amount| amount.0),
        webhook: batch.webhook,
        reconcile: batch.reconcile,
        deadline: batch.deadline,
        retries: batch.retries,
        retry_transient: batch.retry_transient,
        retry_error_types: batch.retry_error_types.0,
        retry_pause: batch.retry_pause,
        retry_max_pause: batch.retry_max_pause,
        reuse: batch.reuse,
        stop_reason: batch.stop_reason,
    }
}

impl Embedded {
    pub(crate) async fn freeze(&self, batch: &str) -> Result<Option<MovedBatch>> {
        let batch = batch.to_owned();
        self.run(move |unit| unit.freeze(&batch)).await
    }

    pub(crate) async fn export(&self, batch: &str, after: i64, most: i64) -> Result<Vec<MovedRequest>> {
        let batch = batch.to_owned();
        self.run(move |unit| {
            let requests = unit.rows(
                "select r.* from fal.request r join fal.batch b on b.id = r.batch
                 where b.name = ?1 and r.id > ?2 order by r.id limit ?3",
                (batch, after, most),
                Request::read,
            )?;
            let exported = requests.into_iter().map(|request| {
                let (id, media_names) = (request.id, unit.media_names(request.id)?);
                let moved = serde_json::to_string(&Moved { request, media_names });
                Ok((id, moved.map_err(unreadable)?))
            });
            exported.collect()
        })
        .await
    }

    pub(crate) async fn import_batch(&self, moved: &MovedBatch) -> Result<i32> {
        let moved = moved.clone();
        self.run(move |unit| unit.import_batch(moved)).await
    }

    pub(crate) async fn import(&self, batch: i32, requests: &[MovedRequest]) -> Result<()> {
        let requests = requests.to_vec();
        self.run(move |unit| requests.iter().try_for_each(|(_, json)| unit.import(batch, json))).await
    }

    pub(crate) async fn remove_batch(&self, batch: &str) -> Result<()> {
        let batch = batch.to_owned();
        self.run(move |unit| unit.execute("delete from fal.batch where name = ?1", [batch]).map(drop)).await
    }
}
