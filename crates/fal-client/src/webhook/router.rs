//! Which handler a delivery is for.

use std::{collections::HashMap, fmt, sync::Arc};

use fal_core::Endpoint;
use http::Uri;
use url::{Url, form_urlencoded};

use super::Delivery;
use crate::{BoxFuture, Error, ErrorKind, Result};

/// What [`url_for`] adds to a URL.
const PARAMETER: &str = "fal_endpoint";

/// `base` with the endpoint in its query, to give to [`SubmitRequest::webhook`](crate::queue::SubmitRequest::webhook).
///
/// fal does not say in a delivery which endpoint it is from, so the URL has to.
///
/// # Errors
///
/// `Config` when `base` is not an `https` or `http` URL.
///
/// ```
/// # use fal_client::{untyped::Any, webhook};
/// let url = webhook::url_for("https://my-app.example/fal?tenant=7", "fal-ai/flux/dev")?;
/// assert_eq!(url, "https://my-app.example/fal?tenant=7&fal_endpoint=fal-ai%2Fflux%2Fdev");
/// assert_eq!(webhook::endpoint_in(&url.parse().unwrap()).as_deref(), Some("fal-ai/flux/dev"));
/// # Ok::<(), fal_client::Error>(())
/// ```
pub fn url_for(base: &str, endpoint: &str) -> Result<String> {
    let url = Url::parse(base).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
    let Some(mut url) = url else {
        let message = format!("`{}` is not a URL that a webhook can be sent to", base.escape_debug());
        return Err(Error::new(ErrorKind::Config, message));
    };
    url.query_pairs_mut().append_pair(PARAMETER, endpoint);
    Ok(url.into())
}

/// The endpoint in a URL that [`url_for`] made.
///
/// The URL is not part of what fal signs. Whoever has seen a delivery can send it again to the URL of another
/// endpoint within five minutes; handlers should be content with an output that cannot be read.
#[must_use]
pub fn endpoint_in(uri: &Uri) -> Option<String> {
    let mut pairs = form_urlencoded::parse(uri.query()?.as_bytes());
    pairs.find(|(name, _)| name == PARAMETER).map(|(_, endpoint)| endpoint.into_owned())
}

type Handler<R> = Arc<dyn Fn(Delivery) -> BoxFuture<'static, R> + Send + Sync>;

/// Hands deliveries of several endpoints to a handler each. `R` is what handlers return: a status, say.
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
/// router.route(&webhook::endpoint_in(&uri).unwrap_or_default(), delivery).await.unwrap_or(404)
/// # }
/// # }
/// ```
#[derive(Clone)]
pub struct Router<R> {
    handlers: HashMap<String, Handler<R>>,
}

impl<R: 'static> Router<R> {
    /// Without a handler.
    #[must_use]
    pub fn new() -> Self {
        Self { handlers: HashMap::new() }
    }

    /// Handles deliveries from `E`, which are [parsed](Delivery::parse) first. The last handler of an
    /// endpoint counts.
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

    /// Handles deliveries from an endpoint by its id.
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

    /// Hands a delivery to the handler of `endpoint`.
    ///
    /// # Errors
    ///
    /// The delivery itself, when there is none.
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
