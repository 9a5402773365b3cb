//! A call that is under way.

use std::{
    borrow::Cow,
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, ready},
};

use serde::de::DeserializeOwned;

use crate::{BoxFuture, Reply, Result, reply::Answered};

/// A call that is under way: what awaiting one turns it into. Dropping it ends the call.
///
/// The exchange itself knows nothing of `T`, so that it is compiled once and not for each model that an app calls.
#[must_use = "futures do nothing unless polled"]
pub struct Pending<T> {
    exchange: BoxFuture<Result<Answered>>,
    endpoint: Cow<'static, str>,
    typed: PhantomData<fn() -> T>,
}

impl<T> Pending<T> {
    pub(crate) fn new(endpoint: Cow<'static, str>, exchange: BoxFuture<Result<Answered>>) -> Self {
        Self { exchange, endpoint, typed: PhantomData }
    }

    fn poll_answer(&mut self, context: &mut Context<'_>) -> Poll<Result<Answered>> {
        self.exchange.as_mut().poll(context)
    }
}

impl<T: DeserializeOwned> Future for Pending<T> {
    type Output = Result<Reply<T>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let reply = ready!(self.poll_answer(context)).and_then(Reply::read);
        Poll::Ready(reply.map_err(|error| error.at(&*self.endpoint)))
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
