//! The updates of a request, as a stream.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, StreamExt, stream};
use tokio::time::Instant;

use super::{Update, follow::Follower, poll_schedule::PollSchedule, request_handle::RequestHandle};
use crate::{Result, timeout::timed_out};

/// The updates of a request, from [`Job::updates`](super::Job::updates). Ends after [`Update::Completed`] or an error.
///
/// Each state is reported when it is new, and each log line once. Nothing is sent while the stream is not polled.
///
/// Ends with `Timeout` if the [timeout of the job](super::Job::timeout), or else of the client, has passed since the
/// first poll.
///
/// ```no_run
/// # async fn example<E: fal_client::Endpoint>(job: fal_client::queue::Job<E>) -> fal_client::Result<()> {
/// let mut updates = job.updates();
/// while let Some(update) = updates.next().await {
///     println!("{:?}", update?);
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream does nothing unless polled"]
pub struct Updates(Pin<Box<dyn Stream<Item = Result<Update>> + Send>>);

impl Updates {
    pub(super) fn new(handle: RequestHandle) -> Self {
        let limit = handle.limit();
        let follower = Follower::new(handle.clone(), true, PollSchedule::default());
        Self(Box::pin(stream::unfold(Some((follower, None)), move |state| {
            let handle = handle.clone();
            async move {
                let (mut follower, mut deadline) = state?;
                let next = match limit {
                    None => follower.next().await,
                    Some(limit) => {
                        let end = *deadline.get_or_insert_with(|| after(limit));
                        match tokio::time::timeout_at(end, follower.next()).await {
                            Ok(next) => next,
                            Err(_) => Err(handle.with_ticket(timed_out(limit, handle.endpoint()))),
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

    /// Waits for the next update. Returns `None` at the end.
    ///
    /// Can be dropped while it waits without losing an update.
    ///
    /// # Errors
    ///
    /// As [`Job::status`](super::Job::status), and `Timeout`. The stream ends after an error.
    pub async fn next(&mut self) -> Option<Result<Update>> {
        self.0.next().await
    }
}

impl Stream for Updates {
    type Item = Result<Update>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl fmt::Debug for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Updates").finish_non_exhaustive()
    }
}

/// Returns the moment after `limit`, or a distant one if there is none.
fn after(limit: Duration) -> Instant {
    const YEARS: Duration = Duration::from_secs(86_400 * 365 * 30);
    Instant::now() + limit.min(YEARS)
}
