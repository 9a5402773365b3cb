//! What fal announces: deliveries that are verified, read, and handed to the right handler.
//!
//! A request submitted with [`webhook`](crate::queue::SubmitRequest::webhook) is announced by a signed `POST` when it is
//! completed, at least once. [`Verifier`] tells fal's from everybody else's, and [`Delivery::parse`] reads
//! what came as the model's own output.
//!
//! ```no_run
//! use fal_client::{Client, Endpoint, webhook::{self, Verifier}};
//!
//! # fn save<T>(_: T) {}
//! /// For any web framework: the status to answer with.
//! async fn on_webhook<M: Endpoint>(verifier: &Verifier, request: http::Request<Vec<u8>>) -> http::StatusCode {
//!     let delivery = match verifier.verify_request(request).await {
//!         Ok(delivery) => delivery,
//!         Err(error) => return webhook::status_of(&error),
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
//! With the feature `axum`, a [`Delivery`] is an argument of a handler. A server that serves several models
//! has a [`Router`]. [`IpRanges`] tells fal's addresses, for a firewall or a first look.

#[cfg(feature = "axum")]
mod axum;
mod delivery;
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
    ip::IpRanges,
    rejection::{Rejection, status_of},
    router::{Router, endpoint_in, url_for},
    verifier::Verifier,
};
