//! An upload as a stream.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use fal_core::File;
use futures_util::{FutureExt, Stream};
use tokio::sync::watch;

use super::{options::Progress, upload::UploadRequest};
use crate::{Pending, Result};

/// What happens to an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UploadEvent {
    /// So much is sent.
    Sent(Progress),
    /// The file is there, and has a URL.
    Done(File),
}

/// What happens to an upload, from [`UploadRequest::events`]. Ends after [`UploadEvent::Done`] or an error. Whoever looks
/// seldom sees the latest progress, not all of it.
///
/// ```no_run
/// # use fal_client::{Client, File, storage::UploadEvent};
/// # async fn example(client: Client) -> fal_client::Result<()> {
/// use futures_util::TryStreamExt;
///
/// let mut events = client.upload(File::path("film.mp4")).events();
/// while let Some(event) = events.try_next().await? {
///     match event {
///         UploadEvent::Sent(progress) => println!("{progress}"),
///         UploadEvent::Done(file) => println!("{file:?}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream does nothing unless polled"]
pub struct UploadEvents {
    upload: Option<Pending<File>>,
    progress: watch::Receiver<Option<Progress>>,
}

impl UploadEvents {
    pub(super) fn new(upload: UploadRequest) -> Self {
        let (send, progress) = watch::channel(None);
        let upload = upload.on_progress(move |progress| {
            send.send_replace(Some(progress));
        });
        Self { upload: Some(upload.into_future()), progress }
    }
}

impl Stream for UploadEvents {
    type Item = Result<UploadEvent>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(upload) = &mut self.upload else { return Poll::Ready(None) };
        // Progress is made by polling the upload, so there is nobody else to be woken by.
        let done = upload.poll_unpin(context);
        if self.progress.has_changed().unwrap_or(false)
            && let Some(progress) = *self.progress.borrow_and_update()
            && done.is_pending()
        {
            context.waker().wake_by_ref();
            return Poll::Ready(Some(Ok(UploadEvent::Sent(progress))));
        }
        let Poll::Ready(result) = done else { return Poll::Pending };
        self.upload = None;
        Poll::Ready(Some(result.map(UploadEvent::Done)))
    }
}

impl fmt::Debug for UploadEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadEvents").field("progress", &*self.progress.borrow()).finish_non_exhaustive()
    }
}
