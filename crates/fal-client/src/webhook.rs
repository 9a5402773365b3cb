//! Webhooks: fal's messages about completed requests, verified and decoded.
//!
//! For a request that was submitted with a [`webhook`](crate::queue::SubmitRequest::webhook), fal sends a signed `POST`
//! when it completes, at least once. A [`Verifier`] accepts only deliveries that fal has signed, and
//! [`Delivery::parse`] decodes them as the output of the model.
//!
//! ```no_run
//! use fal_client::{Client, Endpoint, webhook::{self, Verifier}};
//!
//! # fn save<T>(_: T) {}
//! /// A handler for any web framework, which returns the status of the response.
//! async fn on_webhook<M: Endpoint>(verifier: &Verifier, request: http::Request<Vec<u8>>) -> http::StatusCode {
//!     let delivery = match verifier.verify_request(request).await {
//!         Ok(delivery) => delivery,
//!         Err(error) => return webhook::response_status(&error),
//!     };
//!     match delivery.parse::<M>() {
//!         Ok(output) => save(output),
//!         Err(error) => eprintln!("{error}"),
//!     }
//!     delivery.acknowledge();
//!     http::StatusCode::OK
//! }
//!
//! # fn example() -> fal_client::Result<()> {
//! let client = Client::from_env()?;
//! let verifier = Verifier::new(&client).remember(10_000);
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `axum`, a handler can take a [`Delivery`] as an argument. A [`Router`] dispatches the deliveries of
//! several models. [`IpRanges`] has the addresses of fal, for a firewall.

#[cfg(feature = "axum")]
mod axum;
mod delivery;
mod delivery_url;
mod error;
mod guard;
mod ip;
mod keyring;
mod keys;
mod message;
mod rejection;
mod router;
#[cfg(test)]
mod tests;
mod verifier;

#[cfg(feature = "axum")]
pub use self::axum::Rejected;
pub use self::{
    delivery::Delivery,
    delivery_url::{endpoint_from_url, traceparent_from_url, url_with_endpoint, url_with_traceparent},
    error::response_status,
    ip::IpRanges,
    rejection::Rejection,
    router::Router,
    verifier::Verifier,
};
