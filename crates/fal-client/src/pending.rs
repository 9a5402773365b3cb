//! The future that awaiting a call creates.

use std::{
    borrow::Cow,
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use serde::de::DeserializeOwned;

use crate::{BoxFuture, Reply, Result, reply::CallResponse};

/// A call that was sent, or is about to be: the future behind the `.await` of every call.
///
/// Dropping it ends the call.
#[must_use = "futures do nothing unless polled"]
pub struct Pending<T>(BoxFuture<'static, Result<T>>);

impl<T> Pending<T> {
    pub(crate) fn new(call: impl Future<Output = Result<T>> + Send + 'static) -> Self {
        Self(Box::pin(call))
    }
}

impl<T: DeserializeOwned + 'static> Pending<Reply<T>> {
    /// Decodes the response of `call` as `T`.
    ///
    /// `call` is boxed because it does not depend on `T`, and so is compiled once rather than for each model.
    pub(crate) fn reply(endpoint: Cow<'static, str>, call: BoxFuture<'static, Result<CallResponse>>) -> Self {
        Self::new(
            async move { call.await.and_then(Reply::decode).map_err(|error| error.with_endpoint(endpoint)) },
        )
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}
