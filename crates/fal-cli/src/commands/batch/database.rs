//! `fal-cli batch --database`: rows in a database, on which any number of machines work.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use fal_client::Reply;
use fal_client::batch::Concurrency;
use fal_client::untyped::Any;
use fal_fleet::{Batch, BatchStatus, Error, ErrorKind, Fleet, content_address};
use serde_json::Value;

use super::{BatchCall, BatchRows, budget};
use crate::arguments::{AtOnce, BatchOptions};
use crate::costs;
use crate::failure::{Failure, FailureKind, Result};
use crate::input::{Input, LocalFile};
use crate::progress::Bar;

/// The time for which fal keeps uploaded files. Rows are known by their content for half of it.
const KEEP: Duration = Duration::from_secs(365 * 24 * 3600);
/// The most failed rows that are listed.
const MAX_FAILURES: u32 = 1_000;
/// The pause between two looks at the state of the batch.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Adds the rows to the batch of the database and works on it until it is finished.
pub(super) async fn run(
    call: &BatchCall<'_>,
    database: &str,
    table: &Path,
    options: &BatchOptions,
    rows: &BatchRows<'_>,
    inputs: Vec<Input>,
) -> Result<ExitCode> {
    let fleet = match database.contains("://") {
        true => Fleet::connect(database).await,
        false => Fleet::embedded(database).await,
    };
    let name = options
        .batch
        .clone()
        .unwrap_or_else(|| table.file_stem().unwrap_or_default().to_string_lossy().into_owned());
    let fleet = fleet.map_err(failure)?;
    let client = call.session.client().await?.clone();
    let batch = configure(fleet.batch(&name), &name, options).upload_files(client.clone(), KEEP);
    let keys = keys(call.id, &contents(&inputs)?);
    let inputs = inputs.into_iter().map(|input| input.into_untyped(call.id));
    let enqueued = batch.enqueue(keys.iter().zip(inputs)).await.map_err(failure)?;
    call.progress.line(&format!("batch {name}: {} rows added, {} known", enqueued.added, enqueued.known));
    let places: HashMap<&str, usize> =
        keys.iter().enumerate().map(|(row, key)| (key.as_str(), row)).collect();
    let bar = call.progress.request(&name);
    let is_interrupted = Arc::new(AtomicBool::new(false));
    let interrupt = {
        let is_interrupted = is_interrupted.clone();
        async move {
            drop(tokio::signal::ctrl_c().await);
            is_interrupted.store(true, Ordering::Relaxed);
        }
    };
    let worker = fleet.worker(client).account(&name).until_finished().stop_when(interrupt);
    let work = worker.run::<Any, _>(async |done| {
        // The batch may also have rows of an earlier form of the table.
        let row = places.get(done.key()).copied();
        let reply: Reply<Value> = done.reply()?;
        let units = done.billable_units().and_then(|units| units.parse().ok());
        let cost = costs::billed(call.price.as_ref(), units);
        call.save(row, &reply, cost, rows, &bar).await.map_err(|failure| failure.lines().join("; ").into())
    });
    tokio::select! {
        worked = work => worked.map_err(failure)?,
        () = show(&batch, &bar) => {}
    }
    drop(bar);
    if is_interrupted.load(Ordering::Relaxed) {
        let message = "interrupted; the same command goes on where it stopped, here or on another machine";
        return Err(Failure::new(FailureKind::Interrupted, message));
    }
    print_failures(call, &batch, &places).await?;
    report(call, &batch.status().await.map_err(failure)?)
}

/// Returns the inputs with the hash of each local file in its place, so that a row is known by the content of its files.
fn contents(inputs: &[Input]) -> Result<Vec<Value>> {
    let mut hashes = HashMap::new();
    for file in inputs.iter().flat_map(Input::files) {
        if let Entry::Vacant(unknown) = hashes.entry(file.name()) {
            unknown.insert(file.sha256()?);
        }
    }
    let hash = |file: &LocalFile| hashes.get(&file.name()).cloned().unwrap_or_default();
    Ok(inputs.iter().map(|input| input.with_files(hash)).collect())
}

/// Prints the rows that have failed, with the reason of each.
async fn print_failures(call: &BatchCall<'_>, batch: &Batch, places: &HashMap<&str, usize>) -> Result<()> {
    for failed in batch.failures(MAX_FAILURES).await.map_err(failure)? {
        let message = match failed.is_in_doubt {
            true => format!("fal may have accepted it: {}", failed.message),
            false => failed.message,
        };
        let mut reason = Failure::new(FailureKind::Failed, message);
        if let Some(id) = &failed.request_id {
            reason = reason.with_request_id(id);
        }
        call.print_failure(places.get(failed.key.as_str()).copied(), Some(&failed.key), &reason);
    }
    Ok(())
}

fn configure(batch: Batch, name: &str, options: &BatchOptions) -> Batch {
    let concurrency = match options.at_once {
        AtOnce::Auto => Concurrency::adaptive(),
        AtOnce::Number(number) => number.into(),
    };
    // A worker takes the outputs of its account, and this program handles those of this batch only.
    let batch = batch.account(name).concurrency(concurrency).reconcile(true);
    match budget(options) {
        Some(budget) => batch.budget(budget),
        None => batch,
    }
}

/// Returns a key for each row: its content, so that the same row is known when a table has changed.
fn keys(endpoint: &str, inputs: &[Value]) -> Vec<String> {
    let mut times: HashMap<String, usize> = HashMap::new();
    let key = |input: &Value| {
        let mut hash = content_address(endpoint, input.clone());
        // Half of it tells rows apart, and fits into a line of a terminal.
        hash.truncate(32);
        let time = times.entry(hash.clone()).or_default();
        *time += 1;
        if *time == 1 { hash } else { format!("{hash}-{time}") }
    };
    inputs.iter().map(key).collect()
}

/// Shows the state of the batch for as long as it is polled.
async fn show(batch: &Batch, bar: &Bar) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        // The worker reports a database that is away.
        if let Ok(status) = batch.status().await {
            bar.state(&status.to_string());
        }
    }
}

fn report(call: &BatchCall<'_>, status: &BatchStatus) -> Result<ExitCode> {
    if let Some(reason) = &status.stop_reason {
        eprintln!("the other rows were not sent: {reason}");
    }
    call.progress.line(&status.to_string());
    match status.failed + status.waiting + status.in_doubt {
        0 => Ok(ExitCode::SUCCESS),
        _ => Ok(ExitCode::from(1)),
    }
}

fn failure(error: Error) -> Failure {
    let kind = match error.kind() {
        ErrorKind::Config | ErrorKind::OtherInput | ErrorKind::NotFound => FailureKind::Usage,
        ErrorKind::Database => FailureKind::Connection,
        _ => FailureKind::Failed,
    };
    Failure::new(kind, error.to_string())
}
