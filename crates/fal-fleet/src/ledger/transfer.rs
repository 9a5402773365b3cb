//! Moving a batch to another ledger.

use std::time::Duration;

use fal_client::Usd;
use serde::{Deserialize, Serialize};

use super::{Ledger, settings::no_batch, status::BatchStatus};
use crate::{Error, ErrorKind, Result};

/// The beginnings of the reason for which a batch is stopped in the ledger that it leaves, and in the one that it comes to. The
/// rest is the reason from before.
const LEAVES: &str = "is moved to another database; ";
const COMES: &str = "is moved here; ";

/// The number of requests that are moved at once.
const PAGE: i64 = 500;

/// The pause before another look at requests that are being sent.
const PAUSE: Duration = Duration::from_millis(100);

/// The time at which requests of a batch that leaves are due, in seconds since 1970: no worker takes them.
pub(super) const NEVER: f64 = 253_370_764_800.0;

/// A batch that is moved, without its requests.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MovedBatch {
    pub(super) name: String,
    pub(super) account: String,
    /// The settings of the account, for a ledger that does not have it.
    pub(super) concurrency: i32,
    pub(super) is_adaptive: bool,
    pub(super) priority: i32,
    pub(super) budget: Option<Usd>,
    pub(super) max_per_request: Option<Usd>,
    pub(super) reserved: Usd,
    pub(super) spent: Usd,
    pub(super) excess: Option<Usd>,
    pub(super) webhook: Option<String>,
    pub(super) reconcile: bool,
    /// In seconds since 1970.
    pub(super) deadline: Option<f64>,
    pub(super) retries: i32,
    pub(super) retry_transient: bool,
    pub(super) retry_error_types: Vec<String>,
    pub(super) retry_pause: f64,
    pub(super) retry_max_pause: f64,
    pub(super) reuse: String,
    pub(super) stop_reason: Option<String>,
}

/// A request that is moved: its id in the ledger that it leaves, and its columns as JSON text, with `media_names`, the names that
/// its files have in stores.
pub(crate) type MovedRequest = (i64, String);

/// Returns the reason for which a batch is stopped while it leaves a ledger.
///
/// # Errors
///
/// `Config` if it has not come to this ledger completely.
pub(super) fn leaving(name: &str, stop_reason: Option<&str>) -> Result<String> {
    let reason = stop_reason.unwrap_or_default();
    if reason.starts_with(COMES) {
        let name = name.escape_debug();
        let message = format!("the batch `{name}` has not come here completely; finish the move before");
        return Err(Error::config(message));
    }
    Ok(if reason.starts_with(LEAVES) { reason.to_owned() } else { format!("{LEAVES}{reason}") })
}

/// Returns the reason for which a batch is stopped in the ledger that it comes to.
fn coming(stop_reason: Option<&str>) -> String {
    let reason = stop_reason.unwrap_or_default();
    format!("{COMES}{}", reason.strip_prefix(LEAVES).unwrap_or(reason))
}

/// Checks that a batch of this name in the ledger to which one comes is a part of it, from a move that was interrupted.
pub(super) fn check_coming(name: &str, stop_reason: Option<&str>) -> Result<()> {
    if stop_reason.is_some_and(|reason| reason.starts_with(COMES)) {
        return Ok(());
    }
    let name = name.escape_debug();
    Err(Error::config(format!(
        "the database to which the batch `{name}` is to be moved has one of this name"
    )))
}

/// Returns the error of JSON that cannot be written or read.
pub(super) fn unreadable(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Config, format!("a batch cannot be moved: {error}"))
}

/// Moves a batch to another ledger. Returns the number of its requests.
///
/// It is stopped in both until all requests are copied, so that no request is sent from both after an interruption.
pub(crate) async fn move_batch(name: &str, from: &Ledger, to: &Ledger) -> Result<u64> {
    if find(name, from).await?.is_none() {
        // An earlier move may have been interrupted after its last request.
        return arrive(name, to).await;
    }
    if let Some(there) = find(name, to).await? {
        check_coming(name, there.stop_reason.as_deref())?;
    }
    let frozen = loop {
        from.sweep().await?;
        match from.freeze(name).await? {
            Some(frozen) => break frozen,
            None => tokio::time::sleep(PAUSE).await,
        }
    };
    let coming = coming(frozen.stop_reason.as_deref());
    let batch = to.import_batch(&MovedBatch { stop_reason: Some(coming), ..frozen }).await?;
    let mut after = 0;
    loop {
        let page = from.export(name, after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = *last;
        to.import(batch, &page).await?;
    }
    from.remove_batch(name).await?;
    arrive(name, to).await
}

async fn find(name: &str, ledger: &Ledger) -> Result<Option<BatchStatus>> {
    Ok(ledger.status(Some(name)).await?.batches.into_iter().next())
}

/// Lets a batch go on that has come completely. Returns the number of its requests.
async fn arrive(name: &str, to: &Ledger) -> Result<u64> {
    let status = find(name, to).await?.ok_or_else(|| no_batch(name))?;
    let reason = status.stop_reason.as_deref().and_then(|reason| reason.strip_prefix(COMES));
    let reason = reason.ok_or_else(|| no_batch(name))?;
    to.stop_batch(name, Some(reason).filter(|reason| !reason.is_empty())).await?;
    Ok(status.waiting + status.under_way + status.done + status.failed + status.in_doubt)
}
