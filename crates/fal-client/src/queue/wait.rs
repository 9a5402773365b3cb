//! Waiting for a request that is in the queue already.

use std::{marker::PhantomData, time::Duration};

use fal_core::Endpoint;
use tracing::Instrument;

use super::{cancel::CancelOnDrop, follow::FollowOptions, request_handle::RequestHandle};
use crate::{BoxFuture, Pending, Reply, Result, reply::CallResponse, timeout::timed_out};

/// Waits for a request, from [`Job::wait`](super::Job::wait). Started by awaiting it.
#[must_use = "nothing is sent until this is awaited"]
pub struct WaitRequest<E: Endpoint> {
    handle: RequestHandle,
    timeout: Option<Duration>,
    follow: FollowOptions,
    output: PhantomData<fn() -> E>,
}

follow_options!(WaitRequest);
debug_call!(WaitRequest);

impl<E: Endpoint> WaitRequest<E> {
    pub(super) fn new(handle: RequestHandle) -> Self {
        let timeout = handle.client.0.timeout;
        Self { handle, timeout, follow: FollowOptions::default(), output: PhantomData }
    }

    fn endpoint(&self) -> &str {
        self.handle.endpoint()
    }

    /// Limits the time to wait. The request is not cancelled when it passes.
    ///
    /// Defaults to the client's timeout, and to no limit without one.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl<E: Endpoint> IntoFuture for WaitRequest<E> {
    type Output = Result<Reply<E::Output>>;
    type IntoFuture = Pending<Reply<E::Output>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { handle, timeout, follow, .. } = self;
        Pending::reply(handle.endpoint().to_owned().into(), wait(handle, timeout, follow))
    }
}

/// Waits until a request is completed, and fetches its result.
pub(crate) fn wait(
    handle: RequestHandle,
    timeout: Option<Duration>,
    mut follow: FollowOptions,
) -> BoxFuture<'static, Result<CallResponse>> {
    let span =
        tracing::info_span!("fal.wait", endpoint = handle.endpoint(), request_id = handle.request_id());
    let waiting = async move {
        let guard = CancelOnDrop::new(&handle, follow.cancel_on_drop);
        let result = match timeout {
            None => follow.finish(&handle).await,
            Some(limit) => match tokio::time::timeout(limit, follow.finish(&handle)).await {
                Ok(result) => result,
                Err(_) => Err(handle.with_ticket(timed_out(limit, handle.endpoint()))),
            },
        };
        guard.disarm();
        result
    };
    Box::pin(waiting.instrument(span))
}
