//! Batches for [fal](https://fal.ai) on many machines: durable on PostgreSQL, within a budget, and never paid for twice.
//!
//! ```no_run
//! use fal_client::{Client, Usd, untyped};
//! use fal_fleet::Fleet;
//! use serde_json::json;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
//! let fleet = Fleet::connect("postgres://localhost/app").await?;
//!
//! // Any process adds requests. A key that is known is not sent twice.
//! let rows = [("tom", "a grey cat"), ("felix", "a black cat")];
//! let inputs = rows.map(|(key, prompt)| (key, untyped::input("fal-ai/flux/dev", json!({ "prompt": prompt }))));
//! fleet.batch("cats").concurrency(40).budget(Usd::dollars(20)).reconcile(true).enqueue(inputs).await?;
//!
//! // Any number of machines work.
//! let worker = fleet.worker(Client::from_env()?);
//! worker.run::<untyped::Any, _>(async |done| {
//!     done.reply()?.save_media(done.client(), format!("out/{}", done.key())).await?;
//!     Ok(()) // Acknowledged. After an error, the output is offered again, and not paid again.
//! }).await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`Client::batch`](fal_client::Client::batch) is the same for one process, with a file.
//!
//! # States
//!
//! | state | meaning | next |
//! |---|---|---|
//! | `waiting` | not sent | a worker begins it, within the concurrency of the account and the budget of the batch |
//! | `begun` | written down before it is sent | its answer, or else `in_doubt` when the worker's lease ends |
//! | `submitted` | fal has named its id | a worker looks at its status, or a webhook is delivered |
//! | `done` | its output is in the database | it is offered to the handler until that acknowledges it |
//! | `failed` | fal refused it, or the model failed | [`Batch::retry`], or [`Batch::retry_failed`] |
//! | `in_doubt` | its answer was lost, and it may be running | a webhook, or [`Batch::reconcile`], decides it |
//!
//! fal has no idempotency key, so no queue can send a request exactly once. This crate writes `begun` before it sends, and
//! never sends a request again that may have been accepted, until fal was asked.
//!
//! # The database
//!
//! The schema `fal` has the tables `account`, `batch`, `request` and `worker`, and the views `progress`, `spend` and
//! `failures`. They may be read with plain SQL:
//!
//! ```sql
//! select * from fal.spend;
//! select key, message from fal.failures where batch = 'cats';
//! ```

mod batch;
mod connections;
mod done;
mod error;
mod fleet;
mod ledger;
#[cfg(feature = "media")]
mod media;
mod media_file;
mod meter;
#[cfg(feature = "metrics")]
pub mod metrics;
mod request_ledger;
mod retry_failed;
mod sync;
mod trace;
mod uploads;
mod webhooks;
mod worker;

#[cfg(feature = "media")]
pub use self::media::MediaStore;
pub use self::{
    batch::Batch,
    done::Done,
    error::{Error, ErrorKind, Result},
    fleet::Fleet,
    ledger::{BatchStatus, Enqueued, FailedRequest, Reuse, Status, content_address},
    media_file::MediaFile,
    request_ledger::{BatchLedger, Progress, RequestLedger},
    retry_failed::RetryFailed,
    webhooks::Webhooks,
    worker::{HandlerError, Worker},
};

/// The crate whose stores [`MediaStore::with_store`] takes.
#[cfg(feature = "media")]
pub use object_store;

/// Compiles the code of the README.
#[doc = include_str!("../README.md")]
#[cfg(all(doctest, feature = "media", feature = "metrics"))]
struct Readme;
