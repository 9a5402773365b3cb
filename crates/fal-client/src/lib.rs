//! A client for [fal](https://fal.ai): run, queue, stream and upload, typed by the model crates.
//!
//! ```sh
//! cargo add fal-client fal-flux
//! cargo add tokio --features macros,rt-multi-thread
//! ```
//!
//! ```no_run
//! use fal_client::{Client, input, storage::MediaExt};
//! use fal_flux::dev;
//!
//! #[tokio::main]
//! async fn main() -> fal_client::Result<()> {
//!     let client = Client::from_env()?; // FAL_KEY
//!     let reply = client.subscribe(input!(dev {
//!         prompt: "a cat reading a map",
//!         num_inference_steps: 28, // 500 does not compile
//!     })).await?;
//!     reply.images[0].save(&client, "cat.jpg").await?;
//!     Ok(())
//! }
//! ```
//!
//! `dev` is the endpoint `fal-ai/flux/dev`, and the compiler checks its parameters. [`try_input!`] takes values that are known
//! only at run time, and [`untyped`] calls models that have no crate. The [`guide`] has a page for each task, and for those who
//! come [from Python](guide::from_python) or [from JavaScript](guide::from_javascript).
//!
//! | task | call |
//! |---|---|
//! | Wait for the output, through the queue | [`Client::subscribe`] |
//! | Wait for the output, without the queue | [`Client::run`] |
//! | Receive the output as a stream of events | [`Client::stream`] |
//! | Exchange messages over one connection (feature `realtime`) | [`EndpointHandle::realtime`] |
//! | Fetch the output later, also from another process | [`Client::submit`], [`queue::Job`], [`queue::Ticket`] |
//! | Send many inputs and survive a crash | [`Client::batch`], [`batch::Journal`] |
//! | Limit what many inputs cost | [`BatchRequest::budget`](batch::BatchRequest::budget), [`Usd`] |
//! | Find out if a submit without an answer was accepted | [`Error::reconcile`], [`reconcile`] |
//! | Use one file in several calls | [`Client::upload`] |
//! | Download a file that a model made | [`Client::download`] |
//! | Receive webhooks | [`webhook`] |
//! | Call a model that has no crate | [`untyped`] |
//! | Do a task with the first of several models that can, or compare them | [`Client::task`], [`Client::compare`], [`task`] |
//! | Let a language model call an endpoint as a tool (feature `schemars`) | [`tool()`] |
//! | List models, prices, usage and keys (feature `platform`) | [`Client::platform`] |
//! | Estimate the cost of a call (feature `platform`) | [`Client::estimate`] |
//! | Call without an async runtime (feature `blocking`) | [`blocking::Blocking`] |
//! | Read and change requests before they are sent | [`middleware`] |
//!
//! A call is a value named after its verb, such as [`RunRequest`]. Its methods set options, and awaiting it
//! sends it. Nothing is sent before that, and nothing runs in the background unless `cancel_on_drop` asks
//! for it. Every failure is one type, [`Error`].
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `rustls-aws-lc-rs` (default), `rustls-ring`, `rustls`, `native-tls` | TLS: with the provider of reqwest, with ring, with that of the app, or by the system's library |
//! | `webhook` (default) | [`webhook`]: verified and typed deliveries |
//! | `axum` | deliveries as arguments of axum's handlers, updates as server-sent events, errors as responses |
//! | `blocking` | [`blocking`]: calls without an async runtime |
//! | `clap` | `clap::ValueEnum` of the enums of all inputs, so that `--help` lists their values |
//! | `gzip` | answers are asked for in gzip |
//! | `image` | pictures of the crate [`image`](https://docs.rs/image) in inputs and outputs |
//! | `metrics` | [`metrics`](mod@metrics): requests, retries, times, bytes and money, for any exporter of the crate `metrics` |
//! | `opentelemetry` | the `traceparent` of each call, and traces that go on in webhook deliveries |
//! | `pattern` | parameters of a generated module that must match a regular expression |
//! | `platform` | [`platform`]: models, prices, usage and keys |
//! | `realtime` | [`realtime`]: messages over WebSockets |
//! | `schemars` | [`tool()`]: endpoints as tools of a language model |
//! | `tower` | [`ClientBuilder::layer`]: layers of tower around the HTTP client |

#![cfg_attr(docsrs, feature(doc_cfg))]

#[macro_use]
mod options;
#[macro_use]
mod spans;
mod backup;
pub mod batch;
#[cfg(feature = "blocking")]
pub mod blocking;
mod call;
mod client;
mod config;
mod credentials;
mod decode;
mod endpoint;
mod endpoint_id;
mod endpoint_macro;
mod env;
mod error;
pub mod error_type;
mod file_check;
mod future;
pub mod guide;
mod headers;
mod hosts;
mod input;
mod json_text;
mod media_output;
mod meter;
#[cfg(feature = "metrics")]
pub mod metrics;
pub mod middleware;
mod money;
mod pending;
#[cfg(feature = "platform")]
pub mod platform;
pub mod prelude;
pub mod prices;
#[macro_use]
pub mod queue;
#[cfg(feature = "realtime")]
pub mod realtime;
pub mod reconcile;
mod redact;
mod regular_file;
mod reply;
mod retry;
mod run;
mod server_urls;
#[cfg(feature = "realtime")]
mod socket;
mod sse;
pub mod storage;
pub mod stream;
mod sync;
pub mod task;
mod timeout;
mod timestamp;
#[cfg(feature = "opentelemetry")]
#[doc(alias("opentelemetry", "tracing"))]
pub mod trace_context;
mod transport;
mod try_input_macro;
pub mod untyped;
#[cfg(feature = "webhook")]
pub mod webhook;

#[doc(hidden)]
pub use fal_core as core;
#[doc(inline)]
pub use fal_core::{
    Endpoint, File, HasUrl, IntoInput, Nullable, OutOfRange, Realtime, Streams, TryParam, UnknownValue,
    Violation, Violations, input, media,
};

/// Endpoints as tools of a language model.
#[cfg(feature = "schemars")]
#[doc(inline)]
pub use fal_core::{Tool, tool};

#[cfg(fuzzing)]
#[doc(hidden)]
pub use self::sse::fuzz;
pub use self::{
    client::Client,
    config::ClientBuilder,
    credentials::Credentials,
    endpoint::EndpointHandle,
    error::{Error, ErrorKind, FieldError, Result},
    future::BoxFuture,
    hosts::Hosts,
    money::Usd,
    pending::Pending,
    reply::Reply,
    retry::Retry,
    run::RunRequest,
    transport::Attempt,
};
/// The crate of pictures that the feature `image` uses.
#[cfg(feature = "image")]
#[doc(no_inline)]
pub use image;
