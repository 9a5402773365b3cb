//! The names of the Python package `fal_client`, and their counterparts here.
//!
//! ```python
//! import fal_client
//!
//! def on_queue_update(update):
//!     if isinstance(update, fal_client.InProgress):
//!         for log in update.logs:
//!             print(log["message"])
//!
//! result = fal_client.subscribe(
//!     "fal-ai/flux/dev",
//!     arguments={"prompt": "a cat", "num_images": 2},
//!     with_logs=True,
//!     on_queue_update=on_queue_update,
//! )
//! print(result["images"][0]["url"])
//! ```
//!
//! ```no_run
//! use fal_client::{Client, input};
//! use fal_flux::dev;
//!
//! #[tokio::main]
//! async fn main() -> fal_client::Result<()> {
//!     let client = Client::from_env()?;
//!     let call = client.subscribe(input!(dev { prompt: "a cat", num_images: 2 })).logs();
//!     let result = call.on_update(|update| update.logs().iter().for_each(|log| println!("{}", log.message))).await?;
//!     println!("{}", result.images[0].url);
//!     Ok(())
//! }
//! ```
//!
//! | Python | Rust |
//! |---|---|
//! | `SyncClient(key=…)`, `AsyncClient(key=…)` | [`Client::builder`](crate::Client::builder)`.key(…).build()`; with the feature `blocking`, calls end in [`.block()`](crate::blocking::Blocking) |
//! | `run`, `run_async` | [`Client::run`](crate::Client::run) |
//! | `submit`, `submit_async` | [`Client::submit`](crate::Client::submit), which gives a [`Job`](crate::queue::Job) |
//! | `subscribe`, `subscribe_async` | [`Client::subscribe`](crate::Client::subscribe) |
//! | `stream`, `stream_async` | [`Client::stream`](crate::Client::stream) |
//! | `realtime`, `ws_connect` | [`EndpointHandle::realtime`](crate::EndpointHandle::realtime) |
//! | `arguments={…}` | `input!(module { … })`, or [`untyped::input`](crate::untyped::input)`(id, json!({ … }))` |
//! | `with_logs=True` | [`logs`](crate::queue::SubscribeRequest::logs) |
//! | `on_queue_update=`, `on_enqueue=` | [`on_update`](crate::queue::SubscribeRequest::on_update), [`on_queued`](crate::queue::SubscribeRequest::on_queued) |
//! | `client_timeout=`, `start_timeout=` | [`timeout`](crate::queue::SubscribeRequest::timeout), [`start_timeout`](crate::queue::SubscribeRequest::start_timeout) |
//! | `hint=`, `priority=`, `webhook_url=`, `path=`, `headers=` | [`runner_hint`](crate::queue::SubmitRequest::runner_hint), [`priority`](crate::queue::SubmitRequest::priority), [`webhook`](crate::queue::SubmitRequest::webhook), [`path`](crate::queue::SubmitRequest::path), [`header`](crate::queue::SubmitRequest::header) |
//! | `handler.status(with_logs=True)`, `.iter_events()`, `.get()`, `.cancel()` | [`job.status().logs()`](crate::queue::Job::status), [`updates`](crate::queue::Job::updates), [`wait`](crate::queue::Job::wait), [`cancel`](crate::queue::Job::cancel) |
//! | `SyncRequestHandle.from_request_id(…)` | [`client.endpoint::<dev::Model>().job(id)`](crate::EndpointHandle::job) |
//! | `Queued`, `InProgress`, `Completed` | [`Update`](crate::queue::Update) |
//! | `upload_file(path)`, `upload(data, type)`, `upload_image(image)` | [`Client::upload`](crate::Client::upload), or a [`File`](crate::File) as the parameter itself |
//! | `encode_file(path)`, `encode_image(image)` | [`File::inline`](crate::File::inline) |
//! | `FalClientHTTPError`, `FalClientTimeoutError` | [`Error`](crate::Error), with [`status`](crate::Error::status) and [`is_timeout`](crate::Error::is_timeout) |
//! | `asyncio.gather` and a semaphore | [`Client::batch`](crate::Client::batch) with [`concurrency`](crate::batch::BatchRequest::concurrency) |
//!
//! Calls are values here: nothing is sent before `.await` or `.block()`, and options are methods. An output is a struct, and
//! [`Reply::raw`](crate::Reply::raw) has the bytes of its JSON. `FAL_KEY`, or `FAL_KEY_ID` and `FAL_KEY_SECRET`, are read as in Python.
