//! `wait`: until a request that is in the queue already is completed.

use std::time::Duration;

use fal_core::Endpoint;
use tracing::Instrument;

use super::{Job, follow::FollowOptions};
use crate::{BoxFuture, Reply, Result, call::timed_out};

/// Waiting for a request, from [`Job::wait`]. Started by awaiting it.
#[must_use = "nothing is sent until this is awaited"]
pub struct Wait<E: Endpoint> {
    job: Job<E>,
    timeout: Option<Duration>,
    follow: FollowOptions,
}

follow_options!(Wait);
debug_call!(Wait);

impl<E: Endpoint> Wait<E> {
    pub(super) fn new(job: Job<E>) -> Self {
        let timeout = job.client.0.timeout;
        Self { job, timeout, follow: FollowOptions::default() }
    }

    fn endpoint(&self) -> &str {
        self.job.endpoint()
    }

    /// How long to wait. The request is not cancelled when the time is up.
    ///
    /// No limit unless the client has one.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    async fn send(self) -> Result<Reply<E::Output>> {
        let Self { job, timeout, mut follow } = self;
        let guard = CancelOnDrop::new(&job, follow.cancel_on_drop);
        let result = match timeout {
            None => follow.finish(&job).await,
            Some(limit) => match tokio::time::timeout(limit, follow.finish(&job)).await {
                Ok(result) => result,
                Err(_) => Err(job.named(timed_out(limit, job.endpoint()))),
            },
        };
        guard.disarm();
        result
    }
}

impl<E: Endpoint> IntoFuture for Wait<E> {
    type Output = Result<Reply<E::Output>>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        let span = tracing::info_span!(
            "fal.wait",
            endpoint = self.job.endpoint(),
            request_id = self.job.request_id()
        );
        Box::pin(self.send().instrument(span))
    }
}

/// Cancels a request when dropped, unless it was disarmed.
pub(super) struct CancelOnDrop<E: Endpoint>(Option<Job<E>>);

impl<E: Endpoint> CancelOnDrop<E> {
    pub(super) fn new(job: &Job<E>, armed: bool) -> Self {
        Self(armed.then(|| job.clone()))
    }

    pub(super) fn disarm(mut self) {
        self.0 = None;
    }
}

impl<E: Endpoint> Drop for CancelOnDrop<E> {
    fn drop(&mut self) {
        if let Some(job) = self.0.take()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            runtime.spawn(async move {
                if let Err(error) = job.ask_to_cancel().await {
                    tracing::warn!(%error, "a dropped call could not be cancelled");
                }
            });
        }
    }
}
