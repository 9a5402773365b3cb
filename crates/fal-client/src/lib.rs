//! A client for fal: run, queue and subscribe, typed by the model crates.
//!
//! ```no_run
//! use fal_client::{Client, untyped};
//! use serde_json::json;
//!
//! # async fn example() -> fal_client::Result<()> {
//! let client = Client::from_env()?; // FAL_KEY
//! let input = untyped::input("fal-ai/flux/dev", json!({ "prompt": "a cat reading a map" }));
//! let reply = client.subscribe(input).await?;
//! println!("{} {}", reply.request_id(), reply["images"][0]["url"]);
//! # Ok(())
//! # }
//! ```
//!
//! With a model crate, `input!(dev { prompt: "a cat", num_inference_steps: 28 })` takes the place of
//! the untyped input, and the compiler checks every parameter.
//!
//! | to | call |
//! |---|---|
//! | wait for the answer, over the queue | [`Client::subscribe`] |
//! | wait for the answer, without the queue | [`Client::run`] |
//! | see the answer come, event by event | [`Client::stream`] |
//! | exchange messages over one connection, with the feature `realtime` | `Client::realtime` |
//! | come back for the answer, also from another process | [`Client::submit`], [`Job`], [`Ticket`] |
//! | send many inputs, and lose none when the process dies | [`Client::batch`], [`Journal`] |
//! | give a file to several calls | [`Client::upload`] |
//! | fetch a file that a model made | [`Client::download`] |
//! | take what fal announces | [`webhook`] |
//! | call a model that has no crate | [`untyped`] |
//! | look up models, prices, usage, keys | `Client::platform`, with the feature `platform` |
//! | know what a call would cost | `Client::estimate`, with the feature `platform` |
//! | do any of it without an async runtime | `Blocking`, with the feature `blocking` |
//!
//! Nothing is sent before a call is awaited, and nothing runs in the background unless
//! `cancel_on_drop` asks for it. What can go wrong is one type, [`Error`].

#[macro_use]
mod call;
#[macro_use]
mod queue;
mod backup;
mod batch;
#[cfg(feature = "blocking")]
mod blocking;
mod client;
mod config;
mod credentials;
mod decode;
mod endpoint_id;
mod error;
#[cfg(feature = "platform")]
mod estimate;
mod hosts;
#[cfg(feature = "realtime")]
mod over_ws;
mod pending;
mod prepare;
#[cfg(feature = "realtime")]
mod realtime;
mod reply;
mod retry;
mod run;
#[cfg(feature = "realtime")]
mod socket;
mod sse;
mod storage;
mod stream;
mod transport;
pub mod untyped;
#[cfg(feature = "webhook")]
pub mod webhook;

pub use fal_core::*;

#[cfg(feature = "blocking")]
pub use self::blocking::{Blocking, BlockingStream, Iter};
#[cfg(feature = "platform")]
pub use self::estimate::{Basis, Estimate};
#[cfg(feature = "realtime")]
pub use self::over_ws::{Calls, OverWebSocket};
#[cfg(feature = "realtime")]
pub use self::realtime::{
    Connect, Connection, Format, RealtimeToken, Received, Receiver, Sender, Sent, TokenRequest,
};
#[cfg(fuzzing)]
#[doc(hidden)]
pub use self::sse::fuzz;
pub use self::{
    batch::{Batch, Completions, FileJournal, Journal, JournalEntry},
    call::{Access, Acl, Lifecycle, Priority},
    client::Client,
    config::ClientBuilder,
    credentials::Credentials,
    error::{Error, ErrorKind, FieldError, Result, types as error_type},
    hosts::Hosts,
    pending::Pending,
    queue::{Cancelled, Job, Log, Metrics, Submit, Subscribe, Ticket, Update, Updates, Wait},
    reply::Reply,
    retry::Retry,
    run::Run,
    storage::{
        Checkpoint, Chunks, Download, Fetch, FileExt, MediaExt, Progress, Repository, Saved, Storage, Upload,
        UploadEvent, UploadEvents, UploadOptions,
    },
    stream::{Event, EventStream, NodeError, Stream, WorkflowEvent},
    transport::Attempt,
};
/// The platform API, as [`Client::platform`] gives it.
#[cfg(feature = "platform")]
pub use fal_platform as platform;

/// What awaiting a call turns it into.
type BoxFuture<T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'static>>;
