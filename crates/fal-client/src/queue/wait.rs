//! `wait`: until a request that is in the queue already is completed.

use std::{marker::PhantomData, time::Duration};

use fal_core::Endpoint;
use tracing::Instrument;

use super::{follow::FollowOptions, queued::Queued};
use crate::{BoxFuture, Pending, Reply, Result, call::timed_out, reply::Answered};

/// Waiting for a request, from [`Job::wait`](super::Job::wait). Started by awaiting it.
#[must_use = "nothing is sent until this is awaited"]
pub struct Wait<E: Endpoint> {
    queued: Queued,
    timeout: Option<Duration>,
    follow: FollowOptions,
    typed: PhantomData<fn() -> E>,
}

follow_options!(Wait);
debug_call!(Wait);

impl<E: Endpoint> Wait<E> {
    pub(super) fn new(queued: Queued) -> Self {
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

impl<E: Endpoint> IntoFuture for Wait<E> {
    type Output = Result<Reply<E::Output>>;
    type IntoFuture = Pending<E::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { queued, timeout, follow, .. } = self;
        Pending::new(queued.endpoint().to_owned().into(), wait(queued, timeout, follow))
    }
}

/// Waits for the answer.
pub(crate) fn wait(
    queued: Queued,
    timeout: Option<Duration>,
    mut follow: FollowOptions,
) -> BoxFuture<Result<Answered>> {
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
pub(super) struct CancelOnDrop(Option<Queued>);

impl CancelOnDrop {
    pub(super) fn new(queued: &Queued, armed: bool) -> Self {
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
