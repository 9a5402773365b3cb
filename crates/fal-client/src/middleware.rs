//! Code that reads and changes requests before they are sent, and reads their responses.
//!
//! A [`Middleware`] sees every request of its client, each attempt of it once: calls, polls, uploads, downloads, and the
//! request that opens a WebSocket. Set it with [`ClientBuilder::middleware`](crate::ClientBuilder::middleware). The feature
//! `tower` adds `ClientBuilder::layer`, for layers of tower around the HTTP client.
//!
//! A middleware never sees the client's key. The key is added afterwards, and only to a request that still goes to one of
//! the client's hosts.
//!
//! ```
//! use fal_client::{
//!     Client,
//!     middleware::{BoxError, Middleware, OutgoingRequest, ResponseView},
//! };
//!
//! /// Logs each request, and passes a gateway that wants a token of its own.
//! struct Gateway {
//!     token: String,
//! }
//!
//! impl Middleware for Gateway {
//!     async fn on_request(&self, request: &mut OutgoingRequest) -> Result<(), BoxError> {
//!         if request.is_for_fal() {
//!             request.url_mut().set_host(Some("gateway.example"))?;
//!             request.headers_mut().insert("x-gateway-token", self.token.parse()?);
//!         }
//!         Ok(())
//!     }
//!
//!     fn keeps_bodies(&self) -> bool {
//!         true
//!     }
//!
//!     fn on_response(&self, response: &ResponseView<'_>) {
//!         println!("{} {}: {}", response.method(), response.url().path(), response.status());
//!     }
//! }
//!
//! let client = Client::builder()
//!     .key("0a1b2c:3d4e5f")
//!     .middleware(Gateway { token: "t0k3n".to_owned() })
//!     .trusted_host("gateway.example") // The key may go there.
//!     .build()?;
//! # Ok::<(), fal_client::Error>(())
//! ```

use std::{error::Error as StdError, fmt, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde::{Serialize, de::DeserializeOwned};
use url::Url;

use crate::{BoxFuture, Error, ErrorKind, Result, headers::without_secrets};

#[cfg(feature = "tower")]
pub use crate::transport::HttpService;

/// The error of a middleware, which may be any.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// Code that reads and changes requests before they are sent, and reads their responses; see the [module](self).
///
/// Both methods do nothing by default.
pub trait Middleware: Send + Sync + 'static {
    /// Reads and changes a request. Called before each attempt, so a request that is sent again is changed again.
    ///
    /// # Errors
    ///
    /// Any error ends the call with `Config`, and the request is not sent.
    fn on_request(&self, request: &mut OutgoingRequest) -> impl Future<Output = Result<(), BoxError>> + Send {
        let _ = request;
        async { Ok(()) }
    }

    /// Returns true if [`on_request`](Self::on_request) never changes the body of a request. False by default.
    ///
    /// [`Error::reconcile`](crate::Error::reconcile) compares the inputs that were sent with those that fal has received. The
    /// journal of a batch has the inputs from before they are changed. If they may have been, a request of an earlier process
    /// that is not found is never taken for one that was not accepted.
    fn keeps_bodies(&self) -> bool {
        false
    }

    /// Reads a response. It cannot change or refuse one, because the work behind it may be paid for.
    ///
    /// Requests wait for it, so it should be quick. It is not called for a request without a response, such as one
    /// whose connection failed; [`on_attempt`](crate::ClientBuilder::on_attempt) is.
    fn on_response(&self, response: &ResponseView<'_>) {
        let _ = response;
    }
}

/// A request that is about to be sent, for a [`Middleware`].
pub struct OutgoingRequest {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Option<Bytes>,
    pub(crate) is_for_fal: bool,
    pub(crate) attempt: u32,
}

impl OutgoingRequest {
    /// Returns the HTTP method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// Returns the HTTP method, to change it.
    pub fn method_mut(&mut self) -> &mut Method {
        &mut self.method
    }

    /// Returns the URL. With [`proxy_url`](crate::ClientBuilder::proxy_url) it is that at fal, not that of the proxy.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Returns the URL, to change it.
    ///
    /// A request [for fal](Self::is_for_fal) that afterwards goes to another host than the client's is an error of the
    /// call, unless the host was named with [`trusted_host`](crate::ClientBuilder::trusted_host).
    pub fn url_mut(&mut self) -> &mut Url {
        &mut self.url
    }

    /// Returns the headers, without those that the HTTP client adds and without the key.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the headers, to change them. An `Authorization` that is set here is sent in place of the key.
    pub fn headers_mut(&mut self) -> &mut HeaderMap {
        &mut self.headers
    }

    /// Returns the JSON body as bytes. `None` without a body, and for the content of an upload.
    #[must_use]
    pub fn body(&self) -> Option<&Bytes> {
        self.json.as_ref()
    }

    /// Parses the JSON body, such as the input of a call. `None` without one.
    ///
    /// # Errors
    ///
    /// As the JSON does not fit `T`.
    pub fn json<T: DeserializeOwned>(&self) -> serde_json::Result<Option<T>> {
        self.json.as_deref().map(serde_json::from_slice).transpose()
    }

    /// Sets the JSON body.
    ///
    /// # Errors
    ///
    /// As `body` cannot be written as JSON.
    pub fn set_json(&mut self, body: &impl Serialize) -> serde_json::Result<()> {
        self.json = Some(serde_json::to_vec(body)?.into());
        Ok(())
    }

    /// Returns true if the request is for one of fal's services, and false for one that carries no key: a download, or
    /// the content of an upload.
    #[must_use]
    pub fn is_for_fal(&self) -> bool {
        self.is_for_fal
    }

    /// Returns the number of the attempt, which is 1 for the first.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }
}

/// Leaves out the query of the URL, in which uploads are signed, and the body.
impl fmt::Debug for OutgoingRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingRequest")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .field("path", &self.url.path())
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}

/// A response, for a [`Middleware`].
pub struct ResponseView<'a> {
    pub(crate) method: &'a Method,
    pub(crate) url: &'a Url,
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<&'a Bytes>,
}

impl<'a> ResponseView<'a> {
    /// Returns the method of the request, before a middleware changed it. Of the platform API, it is that after it.
    #[must_use]
    pub fn method(&self) -> &'a Method {
        self.method
    }

    /// Returns the URL of the request, before a middleware changed it. Of the platform API, it is that after it.
    #[must_use]
    pub fn url(&self) -> &'a Url {
        self.url
    }

    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the headers, without those that are secrets.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the body. `None` for a stream of events, a download, a WebSocket, and the platform API, whose bodies are read
    /// later.
    #[must_use]
    pub fn body(&self) -> Option<&'a Bytes> {
        self.body
    }
}

/// Leaves out the query of the URL, the headers and the body.
impl fmt::Debug for ResponseView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseView")
            .field("method", &self.method)
            .field("path", &self.url.path())
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// A function of the caller that adds headers.
pub(crate) struct HeaderHook<F>(pub(crate) F);

impl<F: Fn(&mut HeaderMap) + Send + Sync + 'static> Middleware for HeaderHook<F> {
    async fn on_request(&self, request: &mut OutgoingRequest) -> Result<(), BoxError> {
        (self.0)(request.headers_mut());
        Ok(())
    }

    fn keeps_bodies(&self) -> bool {
        true
    }
}

/// The middleware of a client: changes requests in the order in which it was added.
#[derive(Clone, Default)]
pub(crate) struct MiddlewareChain(Vec<Arc<dyn BoxedMiddleware>>);

/// A [`Middleware`] whose type is forgotten.
trait BoxedMiddleware: Send + Sync {
    fn change<'a>(&'a self, request: &'a mut OutgoingRequest) -> BoxFuture<'a, Result<(), BoxError>>;

    fn keeps(&self) -> bool;

    fn read(&self, response: &ResponseView<'_>);
}

impl<M: Middleware> BoxedMiddleware for M {
    fn change<'a>(&'a self, request: &'a mut OutgoingRequest) -> BoxFuture<'a, Result<(), BoxError>> {
        Box::pin(self.on_request(request))
    }

    fn keeps(&self) -> bool {
        self.keeps_bodies()
    }

    fn read(&self, response: &ResponseView<'_>) {
        self.on_response(response);
    }
}

impl MiddlewareChain {
    pub(crate) fn push(&mut self, middleware: impl Middleware) {
        self.0.push(Arc::new(middleware));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns true if no middleware changes the body of a request.
    pub(crate) fn keeps_bodies(&self) -> bool {
        self.0.iter().all(|middleware| middleware.keeps())
    }

    /// Applies every middleware to a request.
    pub(crate) async fn change(&self, request: &mut OutgoingRequest) -> Result<()> {
        for middleware in &self.0 {
            middleware.change(request).await.map_err(|cause| {
                let message = format!("a middleware refused the request: {cause}");
                Error::new(ErrorKind::Config, message).with_source(cause)
            })?;
        }
        Ok(())
    }

    /// Shows a response to every middleware.
    pub(crate) fn read(
        &self,
        method: &Method,
        url: &Url,
        (status, headers): (StatusCode, &HeaderMap),
        body: Option<&Bytes>,
    ) {
        if self.0.is_empty() {
            return;
        }
        let headers = without_secrets(headers.clone());
        let response = ResponseView { method, url, status, headers, body };
        // The last one to change the request is the nearest to the service.
        for middleware in self.0.iter().rev() {
            middleware.read(&response);
        }
    }
}
