//! The future that awaiting a call creates.

use std::{
    borrow::Cow,
    fmt, mem,
    pin::Pin,
    task::{Context, Poll, ready},
};

use serde::de::DeserializeOwned;

use crate::{BoxFuture, Reply, Result, reply::CallResponse};

/// A call that was sent, or is about to be: the future behind the `.await` of every call.
///
/// Dropping it ends the call.
#[must_use = "futures do nothing unless polled"]
pub struct Pending<T>(State<T>);

enum State<T> {
    Call(BoxFuture<'static, Result<T>>),
    /// A call whose response is decoded. No future of its own, which would be one more allocation of every call.
    Response {
        call: BoxFuture<'static, Result<CallResponse>>,
        endpoint: Cow<'static, str>,
        decode: fn(CallResponse) -> Result<T>,
    },
}

impl<T> Pending<T> {
    pub(crate) fn new(call: impl Future<Output = Result<T>> + Send + 'static) -> Self {
        Self(State::Call(Box::pin(call)))
    }
}

impl<T: DeserializeOwned + 'static> Pending<Reply<T>> {
    /// Decodes the response of `call` as `T`.
    ///
    /// `call` is boxed because it does not depend on `T`, and so is compiled once rather than for each model.
    pub(crate) fn reply(endpoint: Cow<'static, str>, call: BoxFuture<'static, Result<CallResponse>>) -> Self {
        Self(State::Response { call, endpoint, decode: Reply::decode })
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Call(call) => call.as_mut().poll(context),
            State::Response { call, endpoint, decode } => {
                let response = ready!(call.as_mut().poll(context));
                let output = response.and_then(&*decode);
                Poll::Ready(output.map_err(|error| error.with_endpoint(mem::take(endpoint))))
            }
        }
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}
