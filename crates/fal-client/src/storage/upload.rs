//! Uploads of one file, or of all files of an input.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use fal_core::{File, FileSource};
use futures_util::{FutureExt, Stream, StreamExt, TryStreamExt, stream, task::AtomicWaker};
use http::HeaderValue;
use tokio::sync::watch;
use tracing::Instrument;

use super::{
    checkpoint::Checkpoint,
    data_uri::{to_data_uri, to_small_data_uri},
    lifecycle::Lifecycle,
    multipart,
    options::UploadOptions,
    progress::{Meter, Progress, ProgressCallback},
    reader::Reader,
    single,
    upload_context::{FileMetadata, UploadContext},
    upload_source::{UploadContent, UploadSource},
};
use crate::{Client, Error, ErrorKind, Pending, Result, Retry, options::CallOptions};

/// The number of files of one input that are uploaded at the same time.
const FILE_CONCURRENCY: usize = 8;

/// An upload, from [`Client::upload`]. Await it to send the file and to get one that has a URL.
///
/// Dropping the upload stops it.
///
/// ```no_run
/// # use fal_client::{Client, File};
/// # async fn example(client: Client) -> fal_client::Result<()> {
/// let film = client
///     .upload(File::path("film.mp4"))
///     .on_progress(|progress| println!("{progress}"))
///     .await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is sent until this is awaited"]
pub struct UploadRequest {
    client: Client,
    file: File,
    call: CallOptions,
    options: UploadOptions,
    on_progress: Option<ProgressCallback>,
    checkpoint: Option<Checkpoint>,
}

impl UploadRequest {
    pub(crate) fn new(client: Client, file: File) -> Self {
        let options = client.0.uploads.clone();
        Self { client, file, call: CallOptions::default(), options, on_progress: None, checkpoint: None }
    }

    /// Sets the time that the whole upload may take, retries included. By default it is that of the client, which has
    /// no limit unless one is set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.call.timeout = Some(timeout);
        self
    }

    /// Limits the time for which a request of this upload may make no progress, and in which it is answered. Defaults
    /// to the client's [`idle_timeout`](crate::ClientBuilder::idle_timeout), with 5 minutes for the answer; `None` is no
    /// limit.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.call.idle_timeout = Some(limit.into());
        self
    }

    /// Sets when requests of this upload are sent again. Each part of a file is retried on its own.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.call.retry = Some(retry);
        self
    }

    /// Sets the options of this upload, in place of the options of the client.
    pub fn options(mut self, options: UploadOptions) -> Self {
        self.options = options;
        self
    }

    /// Sets how long the file is kept and who may read it.
    pub fn lifecycle(mut self, lifecycle: Lifecycle) -> Self {
        self.options.lifecycle = Some(lifecycle);
        self
    }

    /// Calls `callback` with the progress of the upload, after every few hundred kilobytes. It runs while the file is
    /// sent, so it should return quickly.
    #[doc(alias = "progress bar")]
    pub fn on_progress(mut self, callback: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.on_progress = Some(Arc::new(callback));
        self
    }

    /// Skips the parts that are recorded in `checkpoint`, and records each part that fal has received.
    pub fn checkpoint(mut self, checkpoint: &Checkpoint) -> Self {
        self.checkpoint = Some(checkpoint.clone());
        self
    }

    /// Returns the upload as a stream of its progress, which ends with the file.
    pub fn events(self) -> UploadEvents {
        UploadEvents::new(self)
    }

    async fn send(self) -> Result<File> {
        let limit = self.call.timeout(&self.client);
        let context = UploadContext {
            retry: self.call.retry(&self.client),
            deadline: self.call.deadline(&self.client),
            idle_timeout: self.call.idle_timeout,
            client: self.client,
            options: self.options,
        };
        let upload = upload(&context, &self.file, self.on_progress, self.checkpoint.as_ref());
        let Some(limit) = limit else { return upload.await };
        match tokio::time::timeout(limit, upload).await {
            Ok(result) => result,
            Err(_) => Err(Error::new(ErrorKind::Timeout, format!("the upload took longer than {limit:?}"))),
        }
    }
}

impl IntoFuture for UploadRequest {
    type Output = Result<File>;
    type IntoFuture = Pending<File>;

    fn into_future(self) -> Self::IntoFuture {
        Pending::new(self.send().instrument(tracing::info_span!("fal.upload")))
    }
}

impl fmt::Debug for UploadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadRequest")
            .field("file", &self.file)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// An event of an upload.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UploadEvent {
    /// More bytes were sent.
    Sent(Progress),
    /// The upload is complete. The file has a URL.
    Done(File),
}

/// The events of an upload, from [`UploadRequest::events`]. Ends after [`UploadEvent::Done`] or an error.
///
/// The upload proceeds while this is polled. A slow reader gets the latest progress and misses earlier values.
///
/// ```no_run
/// # use fal_client::{Client, File, storage::UploadEvent};
/// # async fn example(client: Client) -> fal_client::Result<()> {
/// let mut events = client.upload(File::path("film.mp4")).events();
/// while let Some(event) = events.next().await {
///     match event? {
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
    /// Woken by each change of the progress. The task of the connection reads the content, so that there is progress while
    /// the upload itself only waits for the response.
    waker: Arc<AtomicWaker>,
}

impl UploadEvents {
    fn new(upload: UploadRequest) -> Self {
        let (send, progress) = watch::channel(None);
        let waker = Arc::new(AtomicWaker::new());
        let reader = waker.clone();
        let upload = upload.on_progress(move |progress| {
            send.send_replace(Some(progress));
            reader.wake();
        });
        Self { upload: Some(upload.into_future()), progress, waker }
    }

    /// Waits for the next event. Returns `None` after the last one.
    ///
    /// This can be dropped while it waits without losing an event.
    pub async fn next(&mut self) -> Option<Result<UploadEvent>> {
        StreamExt::next(self).await
    }
}

impl Stream for UploadEvents {
    type Item = Result<UploadEvent>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { upload: state, progress: changes, waker } = &mut *self;
        let Some(upload) = state else { return Poll::Ready(None) };
        // Registered before the progress is read, so that no change is missed.
        waker.register(context.waker());
        let result = upload.poll_unpin(context);
        if changes.has_changed().unwrap_or(false)
            && let Some(progress) = *changes.borrow_and_update()
            && result.is_pending()
        {
            return Poll::Ready(Some(Ok(UploadEvent::Sent(progress))));
        }
        let Poll::Ready(result) = result else { return Poll::Pending };
        *state = None;
        Poll::Ready(Some(result.map(UploadEvent::Done)))
    }
}

impl fmt::Debug for UploadEvents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadEvents").field("progress", &*self.progress.borrow()).finish_non_exhaustive()
    }
}

/// Uploads the files of an input, several at a time, or turns small ones, and those that ask for it, into `data:` URIs.
/// Returns them in order.
pub(crate) async fn upload_all(
    client: Client,
    files: Vec<File>,
    options: UploadOptions,
    retry: Retry,
    deadline: Option<Instant>,
) -> Result<Vec<File>> {
    let uploads = files.into_iter().map(|file| {
        let (client, options, retry) = (client.clone(), options.clone(), retry.clone());
        let context = UploadContext { client, options, retry, deadline, idle_timeout: None };
        async move {
            if file.is_inline() {
                return to_data_uri(&file).await.map(File::data_uri);
            }
            match to_small_data_uri(&file, context.options.inline_up_to).await? {
                Some(uri) => Ok(File::data_uri(uri)),
                None => upload_shared(&context, &file).await,
            }
        }
    });
    stream::iter(uploads).buffered(FILE_CONCURRENCY).try_collect().await
}

/// Uploads a file, unless another input of the same batch has done so.
async fn upload_shared(context: &UploadContext, file: &File) -> Result<File> {
    let uploaded = upload(context, file, None, None);
    match &context.options.shared {
        Some(shared) => {
            let kept = context.options.lifecycle.as_ref().and_then(Lifecycle::expiration);
            shared.get_or_upload(file, kept, uploaded).await
        }
        None => uploaded.await,
    }
}

/// Uploads a file and returns one with a URL.
async fn upload(
    context: &UploadContext,
    file: &File,
    on_progress: Option<ProgressCallback>,
    checkpoint: Option<&Checkpoint>,
) -> Result<File> {
    let reader = match file.source() {
        FileSource::Url(_) => return Ok(file.clone()),
        FileSource::Custom { content, .. } => content.downcast::<Reader>(),
        _ => None,
    };
    if let Some(url) = reader.as_ref().and_then(|reader| reader.url()) {
        return Ok(File::url(url));
    }
    let source = UploadSource::open(file, context.options.part_size).await?;
    let content_type = parse_content_type(&source.content_type)?;
    let meter = on_progress.map(|callback| Meter::new(source.length(), callback));
    let meter = meter.as_ref();
    let repository = context.repository(&source.file_name).await?;
    let mut metadata = FileMetadata { content_type, file_name: source.file_name, version: None };
    let url = match source.content {
        UploadContent::Sized(content) => {
            metadata.version = content.version().await;
            let url = if content.length() <= context.options.multipart_above {
                single::upload(context, repository, &metadata, &content, meter).await
            } else {
                multipart::upload(context, repository, &metadata, &content, meter, checkpoint).await
            };
            // A file of two versions mixed together would be worse than none.
            if content.version().await == metadata.version {
                url
            } else {
                let message = "the file was changed while it was uploaded, so it is not whole";
                Err(Error::new(ErrorKind::File, message))
            }
        }
        UploadContent::Unsized { first, rest } => {
            multipart::upload_reader(context, repository, &metadata, first, rest, meter).await
        }
    };
    let url =
        url.map_err(|error| if error.is_file() { error } else { error.with_context("an upload failed") })?;
    if let Some(reader) = reader {
        reader.set_url(&url);
    }
    Ok(File::url(url))
}

pub(super) fn parse_content_type(text: &str) -> Result<HeaderValue> {
    let content_type = HeaderValue::try_from(text).ok().filter(|value| value.to_str().is_ok());
    content_type
        .ok_or_else(|| Error::new(ErrorKind::File, format!("`{}` is not a media type", text.escape_debug())))
}
