//! The queue and webhooks of a service that is restarted, scaled and paid for.
//!
//! # Keep the ticket
//!
//! A request that fal has accepted is billed whether anybody fetches its output or not. Store its [`Ticket`](crate::queue::Ticket)
//! before anything else, and a process that dies loses nothing:
//!
//! ```no_run
//! use fal_client::{Client, input, queue::Ticket};
//! use fal_flux::dev;
//!
//! # async fn store(_: String) {}
//! # async fn stored() -> String { String::new() }
//! # async fn example(client: Client) -> Result<(), Box<dyn std::error::Error>> {
//! let job = client.submit(input!(dev { prompt: "a cat" })).await?;
//! store(serde_json::to_string(&job.ticket())?).await;
//!
//! // Any time later, in any process:
//! let ticket: Ticket<dev::Model> = serde_json::from_str(&stored().await)?;
//! let reply = client.resume(ticket).wait().await?;
//! # Ok(())
//! # }
//! ```
//!
//! fal keeps results for a limited time. Save the files of an output when it arrives, with
//! [`save_media`](crate::Reply::save_media).
//!
//! # Receive webhooks
//!
//! fal posts the output to the URL of the [`webhook`](crate::queue::SubmitRequest::webhook) option, and repeats that until it is
//! answered with 2xx. A [`Verifier`](crate::webhook::Verifier) accepts only what fal has signed. With the feature `axum`, a
//! [`Delivery`](crate::webhook::Delivery) is an argument of the handler:
//!
//! ```
//! use axum::{Router, routing::post};
//! use fal_client::{Client, webhook::{Delivery, Verifier}};
//! use fal_flux::dev;
//!
//! # async fn keep(_: &str, _: dev::Output) -> std::io::Result<()> { Ok(()) }
//! async fn on_webhook(delivery: Delivery) -> http::StatusCode {
//!     match delivery.parse::<dev::Model>() {
//!         Ok(output) => {
//!             if keep(delivery.request_id(), output).await.is_err() {
//!                 return http::StatusCode::SERVICE_UNAVAILABLE; // fal delivers it again.
//!             }
//!         }
//!         Err(error) => eprintln!("{}: {error}", delivery.request_id()),
//!     }
//!     delivery.acknowledge(); // Later deliveries of this request are refused as duplicates.
//!     http::StatusCode::OK
//! }
//!
//! fn routes(client: &Client) -> Router {
//!     let verifier = Verifier::new(client).remember(10_000);
//!     Router::new().route("/fal", post(on_webhook)).with_state(verifier)
//! }
//! ```
//!
//! - Deliveries come at least once, and may come before the response to the submit.
//! - A [`Router`](crate::webhook::Router) dispatches deliveries of several models, and
//!   [`url_with_endpoint`](crate::webhook::url_with_endpoint) names the model in the URL.
//! - A delivery that no process was there for is lost after fal's last attempt: at the start, wait for every stored ticket
//!   without an outcome.
//! - If the compiler says that a handler does not implement `Handler`, `#[axum::debug_handler]` says why. Usually
//!   `Verifier: FromRef<State>` is missing: derive `FromRef` for the state, with the feature `macros` of axum.
//!
//! # Show progress
//!
//! ```
//! use axum::{extract::{Path, State}, response::Response};
//! use fal_client::Client;
//! use fal_flux::dev;
//!
//! async fn events(State(client): State<Client>, Path(id): Path<String>) -> Response {
//!     client.endpoint::<dev::Model>().job(id).updates().into_sse()
//! }
//! # let _: axum::Router<Client> = axum::Router::new().route("/{id}", axum::routing::get(events));
//! ```
//!
//! # Limits and shut-down
//!
//! | Wanted | Option |
//! |---|---|
//! | An upper bound of the whole call | [`timeout`](crate::queue::SubscribeRequest::timeout): the request is cancelled, and the error says whether that worked |
//! | No runs that nobody waits for | [`start_timeout`](crate::queue::SubmitRequest::start_timeout), [`drop_unstarted`](crate::queue::SubscribeRequest::drop_unstarted) |
//! | Cancel if the future is dropped, as when a caller hangs up | [`cancel_on_drop`](crate::queue::SubscribeRequest::cancel_on_drop) |
//! | Refuse work while the queue is long | [`max_queue_length`](crate::queue::SubmitRequest::max_queue_length) |
//! | Connections to the queue, of all jobs together | [`queue_connections`](crate::ClientBuilder::queue_connections) |
//!
//! A [`Client`](crate::Client) is cheap to clone, and all clones share connections. Nothing runs in the background, so a process
//! can end whenever no future of the client is needed any more.
//!
//! # Keep the key safe
//!
//! The key is sent to the configured hosts only, never to media hosts or redirect targets, and never printed. A browser or an
//! app of your users gets a [short-lived token](crate::EndpointHandle::realtime_token) or goes through your server.
