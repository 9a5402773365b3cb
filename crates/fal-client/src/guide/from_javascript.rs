//! The names of the JavaScript package `@fal-ai/client`, and their counterparts here.
//!
//! ```js
//! import { fal } from "@fal-ai/client";
//!
//! fal.config({ credentials: process.env.FAL_KEY });
//! const { data, requestId } = await fal.subscribe("fal-ai/flux/dev", {
//!   input: { prompt: "a cat", image_size: "square_hd" },
//!   logs: true,
//!   onQueueUpdate: (update) => console.log(update.status),
//! });
//! console.log(data.images[0].url, requestId);
//! ```
//!
//! ```no_run
//! use fal_client::{Client, input};
//! use fal_flux::dev;
//!
//! #[tokio::main]
//! async fn main() -> fal_client::Result<()> {
//!     let client = Client::from_env()?;
//!     let call = client.subscribe(input!(dev { prompt: "a cat", image_size: "square_hd" })).logs();
//!     let reply = call.on_update(|update| println!("{update}")).await?;
//!     println!("{} {}", reply.images[0].url, reply.request_id());
//!     Ok(())
//! }
//! ```
//!
//! | JavaScript | Rust |
//! |---|---|
//! | `fal.config({ credentials })`, `createFalClient({ … })` | [`Client::builder`](crate::Client::builder), [`credentials`](crate::ClientBuilder::credentials) |
//! | `proxyUrl`, `withProxy` | [`proxy_url`](crate::ClientBuilder::proxy_url) |
//! | `requestMiddleware`, `withMiddleware`, `responseHandler` | [`middleware`](crate::ClientBuilder::middleware), [`on_request`](crate::ClientBuilder::on_request) |
//! | `fetch` | [`http`](crate::ClientBuilder::http), [`layer`](crate::ClientBuilder::layer) |
//! | `fal.run(id, { input })` | [`Client::run`](crate::Client::run) |
//! | `fal.subscribe(id, { input, logs, onQueueUpdate, onEnqueue })` | [`Client::subscribe`](crate::Client::subscribe) with [`logs`](crate::queue::SubscribeRequest::logs), [`on_update`](crate::queue::SubscribeRequest::on_update), [`on_queued`](crate::queue::SubscribeRequest::on_queued) |
//! | `mode: "polling"`, `pollInterval` | [`poll_every`](crate::queue::SubscribeRequest::poll_every); by default the status is streamed |
//! | `fal.queue.submit(id, { webhookUrl })` | [`Client::submit`](crate::Client::submit) with [`webhook`](crate::queue::SubmitRequest::webhook) |
//! | `fal.queue.status`, `.result`, `.cancel`, `.streamStatus`, `.subscribeToStatus` | [`status`](crate::queue::Job::status), [`result`](crate::queue::Job::result), [`cancel`](crate::queue::Job::cancel), [`updates`](crate::queue::Job::updates), [`wait`](crate::queue::Job::wait) of a [`Job`](crate::queue::Job) |
//! | `fal.stream(id, { input })`, `stream.done()` | [`Client::stream`](crate::Client::stream), [`done`](crate::stream::EventStream::done) |
//! | `fal.realtime.connect(id, { onResult, throttleInterval, maxBuffering, connectionKey })` | [`EndpointHandle::realtime`](crate::EndpointHandle::realtime) with [`throttle`](crate::realtime::ConnectRequest::throttle), [`max_buffering`](crate::realtime::ConnectRequest::max_buffering), [`reuse`](crate::realtime::ConnectRequest::reuse) |
//! | `tokenProvider`, `getTemporaryAuthToken` | [`token_from`](crate::realtime::ConnectRequest::token_from), [`realtime_token`](crate::EndpointHandle::realtime_token) |
//! | `fal.storage.upload(file, { lifecycle })` | [`Client::upload`](crate::Client::upload) with [`lifecycle`](crate::storage::UploadRequest::lifecycle) |
//! | `Blob` and `File` inside `input` | [`File`](crate::File) as the parameter itself |
//! | `startTimeout`, `timeout` | [`start_timeout`](crate::queue::SubscribeRequest::start_timeout), [`timeout`](crate::queue::SubscribeRequest::timeout) |
//! | `abortSignal` | drop the future, with [`cancel_on_drop`](crate::queue::SubscribeRequest::cancel_on_drop) |
//! | `ApiError`, `ValidationError` | [`Error`](crate::Error), [`ErrorKind::Validation`](crate::ErrorKind::Validation) |
//! | `{ data, requestId }` | [`Reply`](crate::Reply): the data itself, with [`request_id`](crate::Reply::request_id) |
//!
//! Calls are values here: nothing is sent before `.await`, and options are methods.
