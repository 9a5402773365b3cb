//! Failures: kinds, retries, and answers to the callers of a server.
//!
//! Every failure is an [`Error`](crate::Error). It prints as one line with the endpoint and the request id, which fal's support
//! asks for, and has the status, headers and body of the response.
//!
//! # Decide by kind
//!
//! ```no_run
//! # use fal_client::{Client, input};
//! # use fal_flux::dev;
//! # async fn example(client: Client) {
//! match client.subscribe(input!(dev { prompt: "a cat" })).await {
//!     Ok(reply) => println!("{}", reply.images[0].url),
//!     // The input is at fault, whoever found it: this client or fal.
//!     Err(error) if error.is_callers_fault() => {
//!         for field in error.field_errors().iter() {
//!             eprintln!("{}: {}", field.path, field.message);
//!         }
//!     }
//!     // Nothing works until somebody pays, raises a limit or replaces the key.
//!     Err(error) if error.is_account_wide() => eprintln!("call the operator: {error}"),
//!     // The same call may succeed later.
//!     Err(error) if error.is_retryable() => eprintln!("try again: {error}"),
//!     Err(error) => eprintln!("{error}"),
//! }
//! # }
//! ```
//!
//! [`ErrorKind`](crate::ErrorKind) has every kind, [`error_type`](crate::error_type) the constants of fal's own types.
//!
//! # Retries
//!
//! The client repeats a request after a broken connection, a 5xx or a 429, with growing pauses. It repeats a request that is
//! billed, such as a submit, only if fal cannot have accepted it. [`Retry`](crate::Retry) changes numbers and pauses, for a
//! client or for one call:
//!
//! ```
//! use std::time::Duration;
//! use fal_client::{Client, Retry};
//!
//! # fn example() -> fal_client::Result<()> {
//! let client = Client::builder()
//!     .key("key-id:key-secret")
//!     .retry(Retry::default().max_attempts(5).rate_limit_budget(Duration::from_secs(120)))
//!     .timeout(Duration::from_secs(600))
//!     .build()?;
//! # Ok(())
//! # }
//! # example().unwrap();
//! ```
//!
//! fal itself runs a request again when its runner fails: [`server_retries`](crate::queue::SubmitRequest::server_retries).
//!
//! # Make a call again yourself
//!
//! A call that failed may have been paid for. Three predicates say what became of its request, and this is the order in which to
//! ask them:
//!
//! | Predicate | The request | What to do |
//! |---|---|---|
//! | [`has_ended`](crate::Error::has_ended) | was accepted and is over, without an output | make the call again, if [`is_retryable`](crate::Error::is_retryable); no other request runs |
//! | [`was_accepted`](crate::Error::was_accepted) | runs, or has an output that could not be fetched | wait for it by the ticket that [`reconcile`](crate::Error::reconcile) gives at once |
//! | [`may_be_accepted`](crate::Error::may_be_accepted) | was sent, and its answer is not known | ask fal with [`reconcile`](crate::Error::reconcile) |
//! | none of them | was not accepted | make the call again, if [`is_retryable`](crate::Error::is_retryable) |
//!
//! ```no_run
//! use fal_client::{Client, Reply, input, reconcile::Reconciled};
//! use fal_flux::dev;
//!
//! # async fn example(client: Client) -> fal_client::Result<Reply<dev::Output>> {
//! let mut attempts = 0;
//! loop {
//!     attempts += 1;
//!     let error = match client.subscribe(input!(dev { prompt: "a cat" })).await {
//!         Ok(reply) => return Ok(reply),
//!         Err(error) => error,
//!     };
//!     if error.may_be_accepted() && !error.has_ended() {
//!         match error.reconcile::<dev::Model>(&client).await? {
//!             Reconciled::Found(ticket) => return client.resume(ticket).wait().await,
//!             Reconciled::NotAccepted => {}
//!             Reconciled::InDoubt(_) => return Err(error),
//!         }
//!     }
//!     if !error.is_retryable() || attempts == 3 {
//!         return Err(error);
//!     }
//! }
//! # }
//! ```
//!
//! # A submit without an answer
//!
//! If the connection breaks after a submit was sent, fal may have accepted it. The client does not send it again, and
//! [`may_be_accepted`](crate::Error::may_be_accepted) is true. [`reconcile`](crate::Error::reconcile) asks fal which of both it
//! is:
//!
//! ```no_run
//! # use fal_client::{Client, input, queue::Job, reconcile::Reconciled};
//! # use fal_flux::dev;
//! # async fn example(client: Client) -> fal_client::Result<Option<Job<dev::Model>>> {
//! let cat = || input!(dev { prompt: "a cat" });
//! Ok(match client.submit(cat()).await {
//!     Err(error) if error.may_be_accepted() => match error.reconcile::<dev::Model>(&client).await? {
//!         Reconciled::Found(ticket) => Some(client.resume(ticket)),
//!         Reconciled::NotAccepted => Some(client.submit(cat()).await?),
//!         undecided => {
//!             eprintln!("{undecided:?}");
//!             None
//!         }
//!     },
//!     job => Some(job?),
//! })
//! # }
//! ```
//!
//! # Answer the callers of a server
//!
//! [`suggested_status`](crate::Error::suggested_status) is the status with which a server answers. With the feature `axum`, an
//! error is a response: `?` passes it on. The caller learns its own mistakes, and of everything else only the status.
//!
//! ```
//! use axum::{Json, extract::State, response::Result};
//! use fal_client::Client;
//! use fal_flux::dev;
//!
//! async fn picture(State(client): State<Client>, Json(input): Json<dev::Input>) -> Result<Json<dev::Output>> {
//!     Ok(Json(client.subscribe(input).await?.into_inner()))
//! }
//! # let _: axum::Router<Client> = axum::Router::new().route("/", axum::routing::post(picture));
//! ```
