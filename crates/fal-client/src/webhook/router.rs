//! Dispatching deliveries to the handlers of their endpoints.

use std::{collections::HashMap, fmt, sync::Arc};

use super::Delivery;
use crate::{BoxFuture, Result};
use fal_core::Endpoint;

type Handler<R> = Arc<dyn Fn(Delivery) -> BoxFuture<'static, R> + Send + Sync>;

/// A set of handlers for the deliveries of several endpoints. `R` is their return type, such as an HTTP status.
///
/// ```
/// # use fal_client::{Endpoint, webhook::{self, Delivery, Router}};
/// # fn models<Image: Endpoint, Video: Endpoint>() {
/// let router = Router::new()
///     .on::<Image, _>(|output, delivery| async move {
///         let saved = output.is_ok();
///         delivery.acknowledge();
///         if saved { 200 } else { 500 }
///     })
///     .on::<Video, _>(|_, _| async { 200 });
/// # async fn serve(router: Router<u16>, uri: http::Uri, delivery: Delivery) -> u16 {
/// // In the handler of the web framework, once the delivery is verified:
/// router.route(&webhook::endpoint_from_url(&uri).unwrap_or_default(), delivery).await.unwrap_or(404)
/// # }
/// # }
/// ```
#[derive(Clone)]
pub struct Router<R> {
    handlers: HashMap<String, Handler<R>>,
}

impl<R: 'static> Router<R> {
    /// Creates a router without handlers.
    #[must_use]
    pub fn new() -> Self {
        Self { handlers: HashMap::new() }
    }

    /// Sets the handler for deliveries of `E`, which are [parsed](Delivery::parse) first. It replaces an earlier handler of
    /// the endpoint.
    #[must_use]
    pub fn on<E: Endpoint, F>(
        self,
        handler: impl Fn(Result<E::Output>, Delivery) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send + 'static,
    {
        self.on_endpoint(E::ID, move |delivery| handler(delivery.parse::<E>(), delivery))
    }

    /// Sets the handler for deliveries of an endpoint, by its id. It replaces an earlier handler of the endpoint.
    #[must_use]
    pub fn on_endpoint<F>(
        mut self,
        endpoint: impl Into<String>,
        handler: impl Fn(Delivery) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send + 'static,
    {
        self.handlers.insert(endpoint.into(), Arc::new(move |delivery| Box::pin(handler(delivery))));
        self
    }

    /// Calls the handler of `endpoint` with a delivery.
    ///
    /// # Errors
    ///
    /// The delivery itself, if the endpoint has no handler.
    pub async fn route(&self, endpoint: &str, delivery: Delivery) -> Result<R, Box<Delivery>> {
        match self.handlers.get(endpoint) {
            Some(handler) => Ok(handler(delivery).await),
            None => Err(Box::new(delivery)),
        }
    }
}

impl<R: 'static> Default for Router<R> {
    fn default() -> Self {
        Self::new()
    }
}

impl<R> fmt::Debug for Router<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("endpoints", &self.handlers.keys()).finish()
    }
}
