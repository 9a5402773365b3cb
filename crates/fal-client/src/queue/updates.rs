//! What happens to a request, as a stream.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll as Polled},
};

use fal_core::Endpoint;
use futures_util::{Stream, stream};

use super::{
    Job, Update,
    follow::{Follower, Poll},
};
use crate::Result;

/// What happens to a request, from [`Job::updates`]. Ends after [`Update::Completed`] or an error.
///
/// A state is passed on when it is new, a line of the log once. Nothing is asked while the stream is not
/// polled.
///
/// ```no_run
/// # async fn example<E: fal_client::Endpoint>(job: fal_client::Job<E>) -> fal_client::Result<()> {
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
    pub(super) fn new<E: Endpoint>(job: Job<E>) -> Self {
        let follower = Follower::new(job, true, Poll::default());
        Self(Box::pin(stream::unfold(Some(follower), |follower| async {
            let mut follower = follower?;
            match follower.next().await {
                Ok(Some(update)) => Some((Ok(update), Some(follower))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
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
