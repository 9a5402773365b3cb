//! Code between the operations and the network.

use std::{pin::Pin, sync::Arc};

use http::{Method, header::AUTHORIZATION};
use progenitor_client::{ClientHooks, OperationInfo};

use crate::{Auth, Platform};

/// Code that changes the requests of a [`Platform`] before they are sent, and reads their responses. Set with
/// [`Auth::intercepted_by`].
///
/// `fal-client` implements it with the middleware of its client.
pub trait Interceptor: Send + Sync + 'static {
    /// Changes a request, which does not have the key yet.
    ///
    /// # Errors
    ///
    /// Any message ends the operation with `Error::Custom`, and the request is not sent.
    fn change<'a>(&'a self, request: &'a mut reqwest::Request) -> InterceptorFuture<'a>;

    /// Reads a response before its body is read. `method` is that of the request.
    fn read(&self, method: &Method, response: &reqwest::Response);
}

/// The future of [`Interceptor::change`].
pub type InterceptorFuture<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

type Error<E> = progenitor_client::Error<E>;

impl Platform {
    /// Lets the interceptor change a request, without showing it the key.
    pub(crate) async fn intercept(&self, request: &mut reqwest::Request) -> Result<(), String> {
        let Some(interceptor) = self.inner.interceptor() else { return Ok(()) };
        let key = request.headers_mut().remove(AUTHORIZATION);
        interceptor.change(request).await?;
        if let Some(key) = key {
            request.headers_mut().entry(AUTHORIZATION).or_insert(key);
        }
        Ok(())
    }

    /// Sends a request, and lets the interceptor read the response.
    pub(crate) async fn execute(&self, request: reqwest::Request) -> reqwest::Result<reqwest::Response> {
        let method = request.method().clone();
        let response = self.client.execute(request).await?;
        if let Some(interceptor) = self.inner.interceptor() {
            interceptor.read(&method, &response);
        }
        Ok(response)
    }
}

/// Generated code prefers these to those of `&Platform`, which do nothing.
impl ClientHooks<Auth> for Platform {
    async fn pre<E>(&self, request: &mut reqwest::Request, _: &OperationInfo) -> Result<(), Error<E>> {
        self.intercept(request).await.map_err(Error::Custom)
    }

    async fn exec(&self, request: reqwest::Request, _: &OperationInfo) -> reqwest::Result<reqwest::Response> {
        self.execute(request).await
    }
}

impl Auth {
    /// Lets `interceptor` change every request and read every response.
    #[must_use]
    pub fn intercepted_by(mut self, interceptor: Arc<dyn Interceptor>) -> Self {
        self.interceptor = Some(interceptor);
        self
    }

    fn interceptor(&self) -> Option<&Arc<dyn Interceptor>> {
        self.interceptor.as_ref()
    }
}
