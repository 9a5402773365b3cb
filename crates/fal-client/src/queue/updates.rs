//! What happens to a request, as a stream.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll as Polled},
    time::Duration,
};

use futures_util::{Stream, stream};
use tokio::time::Instant;

use super::{
    Update,
    follow::{Follower, Poll},
    request_handle::RequestHandle,
};
use crate::{Result, call::timed_out};

/// What happens to a request, from [`Job::updates`](super::Job::updates). Ends after [`Update::Completed`] or an error.
///
/// Ends with `Timeout` when the [timeout of the job](super::Job::timeout), or else of the client, has passed since it
/// was first polled.
///
/// A state is passed on when it is new, a line of the log once. Nothing is asked while the stream is not
/// polled.
///
/// ```no_run
/// # async fn example<E: fal_client::Endpoint>(job: fal_client::queue::Job<E>) -> fal_client::Result<()> {
/// use futures_util::TryStreamExt;
///
/// let mut updates = job.updates();
/// while let Some(update) = updates.try_next().await? {
///     println!("{update:?}");
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream does nothing unless polled"]
pub struct Updates(Pin<Box<dyn Stream<Item = Result<Update>> + Send>>);

impl Updates {
    pub(super) fn new(queued: RequestHandle) -> Self {
        let limit = queued.limit();
        let follower = Follower::new(queued.clone(), true, Poll::default());
        Self(Box::pin(stream::unfold(Some((follower, None)), move |state| {
            let queued = queued.clone();
            async move {
                let (mut follower, mut deadline) = state?;
                let next = match limit {
                    None => follower.next().await,
                    Some(limit) => {
                        let end = *deadline.get_or_insert_with(|| far_off(limit));
                        match tokio::time::timeout_at(end, follower.next()).await {
                            Ok(next) => next,
                            Err(_) => Err(queued.named(timed_out(limit, queued.endpoint()))),
                        }
                    }
                };
                match next {
                    Ok(Some(update)) => Some((Ok(update), Some((follower, deadline)))),
                    Ok(None) => None,
                    Err(error) => Some((Err(error), None)),
                }
            }
        })))
    }
}

impl Stream for Updates {
    type Item = Result<Update>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Polled<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl fmt::Debug for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updates").finish_non_exhaustive()
    }
}

/// The end of `limit`, or as good as never.
fn far_off(limit: Duration) -> Instant {
    const YEARS: Duration = Duration::from_secs(86_400 * 365 * 30);
    Instant::now() + limit.min(YEARS)
}
