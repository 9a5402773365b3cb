//! `wait`: until a request that is in the queue already is completed.

use std::{marker::PhantomData, time::Duration};

use fal_core::Endpoint;
use tracing::Instrument;

use super::{follow::FollowOptions, request_handle::RequestHandle};
use crate::{BoxFuture, Pending, Reply, Result, call::timed_out, reply::CallResponse};

/// Waiting for a request, from [`Job::wait`](super::Job::wait). Started by awaiting it.
#[must_use = "nothing is sent until this is awaited"]
pub struct WaitRequest<E: Endpoint> {
    queued: RequestHandle,
    timeout: Option<Duration>,
    follow: FollowOptions,
    typed: PhantomData<fn() -> E>,
}

follow_options!(WaitRequest);
debug_call!(WaitRequest);

impl<E: Endpoint> WaitRequest<E> {
    pub(super) fn new(queued: RequestHandle) -> Self {
        let timeout = queued.client.0.timeout;
        Self { queued, timeout, follow: FollowOptions::default(), typed: PhantomData }
    }

    fn endpoint(&self) -> &str {
        self.queued.endpoint()
    }

    /// How long to wait. The request is not cancelled when the time is up.
    ///
    /// No limit unless the client has one.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }
}

impl<E: Endpoint> IntoFuture for WaitRequest<E> {
    type Output = Result<Reply<E::Output>>;
    type IntoFuture = Pending<Reply<E::Output>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { queued, timeout, follow, .. } = self;
        Pending::reply(queued.endpoint().to_owned().into(), wait(queued, timeout, follow))
    }
}

/// Waits for the answer.
pub(crate) fn wait(
    queued: RequestHandle,
    timeout: Option<Duration>,
    mut follow: FollowOptions,
) -> BoxFuture<'static, Result<CallResponse>> {
    let span =
        tracing::info_span!("fal.wait", endpoint = queued.endpoint(), request_id = queued.request_id());
    let waiting = async move {
        let guard = CancelOnDrop::new(&queued, follow.cancel_on_drop);
        let result = match timeout {
            None => follow.finish(&queued).await,
            Some(limit) => match tokio::time::timeout(limit, follow.finish(&queued)).await {
                Ok(result) => result,
                Err(_) => Err(queued.named(timed_out(limit, queued.endpoint()))),
            },
        };
        guard.disarm();
        result
    };
    Box::pin(waiting.instrument(span))
}

/// Cancels a request when dropped, unless it was disarmed.
pub(super) struct CancelOnDrop(Option<RequestHandle>);

impl CancelOnDrop {
    pub(super) fn new(queued: &RequestHandle, armed: bool) -> Self {
        Self(armed.then(|| queued.clone()))
    }

    pub(super) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if let Some(queued) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                if let Err(error) = queued.ask_to_cancel().await {
                    tracing::warn!(%error, "a dropped call could not be cancelled");
                }
            });
        }
    }
}
