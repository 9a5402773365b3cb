//! The ledger: every request with its state, moved by compare-and-set.
//!
//! A request is `waiting`, then `begun` before its submit is sent, `submitted` once fal has named its id, and at last `done` or
//! `failed`. One whose submit was not answered is `in_doubt`. A worker that takes a request raises its epoch and moves the
//! time of its next step by a lease. It may write as long as nobody else has taken the request, so a worker that was
//! stopped for longer than its lease changes nothing.

mod claim;
#[cfg(feature = "embedded")]
pub(crate) mod embedded;
mod enqueue;
pub(crate) mod postgres;
mod request;
mod reuse;
mod settings;
mod status;
mod transfer;
mod values;

use std::{sync::Arc, time::Duration};

use uuid::Uuid;

#[cfg(all(test, feature = "media"))]
pub(crate) use self::request::Collected;
#[cfg(feature = "media")]
pub(crate) use self::request::{MediaPlace, Unsaved};
#[cfg(any(feature = "media", feature = "metrics"))]
pub(crate) use self::values::usd_text;
use self::{
    claim::Claims,
    postgres::Postgres,
    transfer::{MovedBatch, MovedRequest},
};
pub(crate) use self::{
    claim::{ClaimOptions, Claimed, Estimates},
    enqueue::{CHUNK, NewRequest},
    request::{
        Accepted, Delivered, DoubtWindow, Doubtful, Finished, Followed, Found, Held, Move, Offered, State,
        TakenUpload,
    },
    settings::{BatchSettings, ProbePauses, SavedBatch},
    transfer::move_batch,
    values::hex,
};
pub use self::{
    enqueue::Enqueued,
    reuse::{Reuse, content_address},
    status::{BatchStatus, FailedRequest, Status},
};
#[cfg(feature = "media")]
use crate::MediaFile;
use crate::{Error, ErrorKind, Result};

/// The ledger of a fleet.
#[derive(Debug, Clone)]
pub(crate) enum Ledger {
    Postgres(Postgres),
    #[cfg(feature = "embedded")]
    Embedded(embedded::Embedded),
}

/// Passes calls on to the database that keeps the ledger.
macro_rules! pass_on {
    ($($(#[$doc:meta])* fn $name:ident($($argument:ident: $type:ty),*) -> $output:ty;)*) => {
        impl Ledger {
            $(
                $(#[$doc])*
                pub(crate) async fn $name(&self, $($argument: $type),*) -> Result<$output> {
                    match self {
                        Self::Postgres(ledger) => ledger.$name($($argument),*).await,
                        #[cfg(feature = "embedded")]
                        Self::Embedded(ledger) => ledger.$name($($argument),*).await,
                    }
                }
            )*
        }
    };
}

pass_on! {
    /// Returns the batch. Creates it if it does not exist, and changes it if a setting is given.
    fn save_batch(settings: &BatchSettings) -> SavedBatch;
    /// Adds requests to a batch, and leaves those that it has.
    fn add(batch: SavedBatch, requests: &[NewRequest]) -> Enqueued;

    /// Lets the caller upload a file, unless it was uploaded before and is kept for this time at least.
    fn take_upload(address: &str, at_least: Duration, lease: Duration) -> TakenUpload;
    /// Notes the URL of a file that the caller has uploaded, and the time for which it is kept. `None` lets others upload it after
    /// this time.
    fn uploaded(address: &str, url: Option<&str>, keep: Duration) -> ();

    /// Marks waiting requests as begun and reserves their money, in one transaction that is durable when this returns.
    ///
    /// Claims of one account wait for one another, so that neither its concurrency nor a budget is exceeded.
    fn claim(options: ClaimOptions<'_>, estimates: Arc<dyn Estimates>) -> Claims;
    /// Gives back what a worker has begun, except for the requests that it may have sent. For a claim whose commit was not
    /// answered.
    fn release_unsent(owner: Uuid, sending: &[i64]) -> u64;
    /// Notes the ticket of an accepted request. Returns false if a webhook was faster.
    ///
    /// An answer that arrives after the lease has ended counts, too, as long as the request was not begun again. If another
    /// request was found to have this id by its input, the two have equal inputs. The id belongs to the one whose submit was
    /// answered with it, and the other one is in doubt again.
    fn submitted(accepted: Accepted) -> bool;
    /// Notes what a webhook says: the request with this key and token has this id, and is completed. Returns true if it is one
    /// of this ledger.
    ///
    /// This also decides a submit whose answer was lost, and one whose answer has not arrived yet.
    fn delivered(delivered: &Delivered<'_>) -> bool;
    /// Takes requests whose status is to be looked at now.
    fn follow(account: &str, most: i64, lease: Duration) -> Vec<Followed>;
    /// Notes the end of a request, and settles its money. A failed one waits again if the batch sends failed requests again.
    fn finish(held: Held, finished: Finished) -> bool;
    /// Takes outputs of an account and an endpoint that are not acknowledged, or of any endpoint if `endpoint` is empty.
    /// With `is_saved`, takes only those whose files are saved.
    fn offer(account: &str, endpoint: &str, is_saved: bool, most: i64, lease: Duration) -> Vec<Offered>;
    /// Notes that the handler is done with an output. Returns false if another worker has it by now.
    fn acknowledge(held: Held) -> bool;
    /// Takes requests in doubt of the batches of an account that are to be reconciled.
    fn doubts(account: &str, most: i64, lease: Duration) -> Vec<Doubtful>;
    /// Returns the ids of other requests around doubts, with their inputs: none of them is one in doubt. Of those with other
    /// inputs, which show the form in which fal lists inputs, returns the nearest.
    fn accepted_around(window: &DoubtWindow) -> Vec<(String, String)>;
    /// Notes that a request in doubt was accepted under this id. Returns false if it was decided otherwise in the meantime.
    fn found(held: Held, request_id: &str) -> bool;
    /// Changes a request that a worker holds, and frees its money if it is not under way any more. Returns false if the worker
    /// holds it no longer.
    fn write(held: Held, change: &Move) -> bool;
    /// Extends the leases of requests that a worker holds, if it still does.
    fn extend(held: &[Held], lease: Duration) -> ();
    /// Puts requests in doubt whose worker has not reported within its lease: they may have been accepted. Returns their number.
    fn sweep() -> u64;

    /// Notes that an account is locked. Its workers send nothing but a probe after the pause, which doubles with every probe
    /// that is refused.
    fn lock_account(account: &str, reason: &str, is_probe: bool, pauses: ProbePauses) -> ();
    /// Notes that a request of an account was accepted, which ends a lock.
    fn unlock_account(account: &str) -> ();
    /// Lowers the number of requests under way of an adaptive account, after a 429, to what fal has accepted.
    fn shrink(account: &str) -> ();
    /// Raises the number of requests under way of an adaptive account after a request has ended: by one each time that as many
    /// requests have ended as may be under way.
    fn grow(account: &str) -> ();

    /// Notes that a worker lives. Forgets those that have not shown themselves for a day.
    fn note_worker(id: Uuid, name: &str, account: &str) -> ();
    /// Forgets a worker that has stopped.
    fn forget_worker(id: Uuid) -> ();
    /// Returns true if nothing is left to do for the workers of an account that handle this endpoint.
    fn is_finished(account: &str, endpoint: &str) -> bool;

    /// Returns the request of a batch with this key.
    fn find(batch: &str, key: &str) -> Option<Found>;
    /// Counts the requests of every batch, or of one.
    fn status(batch: Option<&str>) -> Status;
    /// Returns the requests of a batch that have failed or are in doubt, in the order of their ids.
    fn failures(batch: &str, most: u32) -> Vec<FailedRequest>;
    /// Lets failed requests wait again: one of them, or all of a batch. Returns their number.
    fn retry(batch: &str, key: Option<&str>) -> u64;
    /// Ends requests that wait: one of them, or all of a batch. Returns their number.
    fn cancel(batch: &str, key: Option<&str>) -> u64;
    /// Puts a batch on hold, or lets it go on with `None`.
    fn stop_batch(batch: &str, reason: Option<&str>) -> ();
    /// Deletes requests that were acknowledged this long ago. Returns their number.
    fn prune(batch: &str, age: Duration) -> u64;

    /// Stops a batch for good, so that no worker takes a request of it, and returns it. `None` as long as requests are being
    /// sent, of which nobody can tell yet if fal accepts them.
    fn freeze(batch: &str) -> Option<MovedBatch>;
    /// Returns the next requests of a batch, in the order of their ids.
    fn export(batch: &str, after: i64, most: i64) -> Vec<MovedRequest>;
    /// Creates a batch that comes from another ledger, stopped, and returns its id.
    fn import_batch(moved: &MovedBatch) -> i32;
    /// Adds requests that come from another ledger, except for those that have come before.
    fn import(batch: i32, requests: &[MovedRequest]) -> ();
    /// Deletes a batch with its requests.
    fn remove_batch(batch: &str) -> ();
}

#[cfg(feature = "media")]
pass_on! {
    /// Takes outputs of an account and an endpoint whose files are not saved, or of any endpoint if `endpoint` is empty.
    fn unsaved(account: &str, endpoint: &str, most: i64, lease: Duration) -> Vec<Unsaved>;
    /// Returns the name that a file has in a store, if an earlier attempt to save it has taken one.
    fn media_name(place: MediaPlace<'_>) -> Option<String>;
    /// Takes a name in a store for a file. Returns false if another file has it, also as the name of its description.
    fn take_media_name(place: MediaPlace<'_>, name: &str) -> bool;
    /// Notes the saved files of an output, which is then offered. Returns false if another worker has it by now.
    fn saved(held: Held, files: &[MediaFile]) -> bool;
}

/// Returns the error of a database that a newer version of this crate has changed.
fn newer_schema(applied: usize, known: usize) -> Error {
    let message = format!(
        "the schema `fal` has version {applied}, and this version of fal-fleet knows {known} at most; update fal-fleet"
    );
    Error::new(ErrorKind::Config, message)
}
