//! A typed client of fal's platform API: models, prices, usage, requests, assets, storage, apps, compute
//! instances, keys and accounts.
//!
//! Each operation is a method of [`Platform`]. It returns a builder of the request, from the module [`operations`],
//! which `send` sends. A list is also available as a stream, with [`Paginate`]:
//!
//! ```no_run
//! use fal_platform::{Paginate, Platform, TryStreamExt};
//!
//! # async fn example(http: reqwest::Client) -> Result<(), Box<dyn std::error::Error>> {
//! let platform = Platform::with_key(http, std::env::var("FAL_KEY")?)?;
//!
//! let prices = platform.list_prices().endpoint_id(vec!["fal-ai/flux/dev".to_owned()]).send().await?;
//! println!("{} {} per {}", prices.prices[0].unit_price, prices.prices[0].currency, prices.prices[0].unit);
//!
//! let mut models = std::pin::pin!(platform.list_models().category("text-to-image").stream());
//! while let Some(model) = models.try_next().await? {
//!     println!("{}", model.endpoint_id);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! With the feature `platform` of `fal-client`, `client.platform()` returns a [`Platform`] that shares the key, hosts
//! and connections of the client.
//!
//! The operations and types are generated with [progenitor](https://docs.rs/progenitor) from an OpenAPI document
//! that was written for this project. Enums keep unknown values in `Other`.

mod auth;
mod connect;
mod interceptor;
mod pages;
mod upload;

#[rustfmt::skip]
mod generated;

pub use auth::Auth;
pub use connect::{BASE_URL, InvalidKey};
pub use futures_util::TryStreamExt;
pub use generated::{client::Client as Platform, operations};
pub use interceptor::{Interceptor, InterceptorFuture};
pub use pages::Paginate;
pub use progenitor_client::{ByteStream, ResponseValue};

/// Types of the requests and replies of operations.
pub mod types {
    pub use crate::generated::{enums::*, types::*};
}

/// The error of an operation.
///
/// If the service rejected the request, it is [`ErrorResponse`](progenitor_client::Error::ErrorResponse) with the
/// [`ErrorReply`](types::ErrorReply) of the service.
pub type Error = progenitor_client::Error<types::ErrorReply>;
