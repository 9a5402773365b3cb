//! Uploads: options, the way a file takes, many at once.

use std::{
    fmt,
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use fal_core::{File, FileSource};
use futures_util::{StreamExt, TryStreamExt, stream};
use http::{HeaderMap, HeaderValue};
use tracing::Instrument;

use super::{
    Lifecycle,
    checkpoint::Checkpoint,
    events::UploadEvents,
    meter::{Meter, Report},
    multipart,
    options::{Progress, Repository, UploadOptions},
    piece::Version,
    reader::Reader,
    single,
    source::{Content, Source},
};
use crate::{Client, Error, ErrorKind, Pending, Result, Retry, call::CallOptions, transport::Request};

/// How many files of one input are uploaded at a time.
const AT_A_TIME: usize = 8;

/// An upload, from [`Client::upload`]. Sent by awaiting it, which gives a file that has a URL.
///
/// Dropped before it is done, it stops at once.
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
    report: Option<Report>,
    checkpoint: Option<Checkpoint>,
}

impl UploadRequest {
    pub(crate) fn new(client: Client, file: File) -> Self {
        let options = client.0.uploads.clone();
        Self { client, file, call: CallOptions::default(), options, report: None, checkpoint: None }
    }

    /// How long the upload may take, retries included. No limit unless the client has one.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.call.timeout = Some(timeout);
        self
    }

    /// When its requests are sent again. A file in parts does not begin anew: each part is tried again alone.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.call.retry = Some(retry);
        self
    }

    /// How the file is uploaded, instead of as the client's other files.
    pub fn options(mut self, options: UploadOptions) -> Self {
        self.options = options;
        self
    }

    /// How long the file is kept, and who may see it.
    pub fn lifecycle(mut self, lifecycle: Lifecycle) -> Self {
        self.options.lifecycle = Some(lifecycle);
        self
    }

    /// Tells `report` how far the upload is, after every few hundred kilobytes. Called while sending, so it
    /// should be quick.
    pub fn on_progress(mut self, report: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.report = Some(std::sync::Arc::new(report));
        self
    }

    /// Notes in `checkpoint` which parts fal has, and leaves out those that are noted in it already. See
    /// [`Checkpoint`].
    pub fn checkpoint(mut self, checkpoint: &Checkpoint) -> Self {
        self.checkpoint = Some(checkpoint.clone());
        self
    }

    /// The upload as a stream, which says how far it is and ends with the file.
    pub fn events(self) -> UploadEvents {
        UploadEvents::new(self)
    }

    async fn send(self) -> Result<File> {
        let limit = self.call.timeout(&self.client);
        let task = Task {
            retry: self.call.retry(&self.client),
            deadline: self.call.deadline(&self.client),
            client: self.client,
            options: self.options,
        };
        let upload = upload(&task, &self.file, self.report, self.checkpoint.as_ref());
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

/// What the requests of an upload have in common.
pub(super) struct Task {
    pub(super) client: Client,
    pub(super) options: UploadOptions,
    pub(super) retry: Retry,
    deadline: Option<Instant>,
}

impl Task {
    /// Gives a request the retries and the deadline of this upload.
    pub(super) fn request(&self, mut request: Request) -> Request {
        request.retry = self.retry.clone();
        request.deadline = self.deadline;
        request
    }

    /// What the requests that begin an upload say about the file. fal's services look for either name.
    pub(super) fn lifecycle(&self, headers: &mut HeaderMap) -> Result<()> {
        let Some(lifecycle) = &self.options.lifecycle else { return Ok(()) };
        let value = HeaderValue::from_bytes(lifecycle.to_string().as_bytes()).map_err(|_| {
            Error::new(ErrorKind::Config, "the lifecycle has characters that no HTTP header can carry")
        })?;
        headers.insert("x-fal-object-lifecycle", value.clone());
        headers.insert("x-fal-object-lifecycle-preference", value);
        Ok(())
    }

    fn repository(&self, source: &Source) -> Repository {
        let is_text = single::header(&source.file_name).is_some();
        match self.options.repository {
            Some(repository) => repository,
            // fal's proxy knows the REST service, and JSON carries every name.
            None if !self.client.0.transport.streams() || !is_text => Repository::Rest,
            None => Repository::Cdn,
        }
    }
}

/// Uploads side by side, or puts small files into the request. The answer is in the order of `files`.
pub(crate) async fn upload_all(
    client: Client,
    files: Vec<File>,
    retry: Retry,
    deadline: Option<Instant>,
) -> Result<Vec<File>> {
    let uploads = files.into_iter().map(|file| {
        let options = client.0.uploads.clone();
        let task = Task { client: client.clone(), options, retry: retry.clone(), deadline };
        async move {
            match inline(&task, &file).await? {
                Some(inline) => Ok(inline),
                None => upload(&task, &file, None, None).await,
            }
        }
    });
    stream::iter(uploads).buffered(AT_A_TIME).try_collect().await
}

/// A small file as a URL that holds it.
async fn inline(task: &Task, file: &File) -> Result<Option<File>> {
    let most = task.options.inline_up_to;
    // A reader shows how long it is by being read, and can be read once.
    if most == 0 || matches!(file.source(), FileSource::Custom { .. }) {
        return Ok(None);
    }
    let source = Source::open(file, task.options.part_size).await?;
    let Content::Known(piece) = source.content else { return Ok(None) };
    if piece.length() > most {
        return Ok(None);
    }
    let content = piece.read().await?;
    let content_type = media_type(&source.content_type)?;
    let head = format!("data:{};base64,", content_type.to_str().unwrap_or_default());
    let mut uri = String::with_capacity(head.len() + content.len().div_ceil(3) * 4);
    uri.push_str(&head);
    STANDARD.encode_string(&content, &mut uri);
    Ok(Some(File::data_uri(uri)))
}

async fn upload(
    task: &Task,
    file: &File,
    report: Option<Report>,
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
    let source = Source::open(file, task.options.part_size).await?;
    let content_type = media_type(&source.content_type)?;
    let meter = report.map(|report| Meter::new(source.length(), report));
    let repository = task.repository(&source);
    let mut about = About { content_type, file_name: source.file_name, version: None };
    let url = match source.content {
        Content::Known(piece) => {
            about.version = piece.version().await;
            let sent = if piece.length() <= task.options.multipart_above {
                single::send(task, repository, &about, &piece, meter.as_ref()).await
            } else {
                multipart::send(task, repository, &about, &piece, meter.as_ref(), checkpoint).await
            };
            // Half of one version and half of another is worse than no file.
            if piece.version().await == about.version { sent } else { Err(changed()) }
        }
        Content::Rest { first, rest } => {
            multipart::send_rest(task, repository, &about, first, rest, meter.as_ref()).await
        }
    };
    let url =
        url.map_err(|error| if error.is_file() { error } else { error.with_context("an upload failed") })?;
    if let Some(reader) = reader {
        reader.is_at(&url);
    }
    Ok(File::url(url))
}

/// What is told about a file.
pub(super) struct About {
    pub(super) content_type: HeaderValue,
    pub(super) file_name: String,
    pub(super) version: Option<Version>,
}

fn changed() -> Error {
    Error::new(ErrorKind::File, "the file was changed while it was uploaded, so it is not whole")
}

fn media_type(said: &str) -> Result<HeaderValue> {
    let is_plain = |value: &HeaderValue| value.to_str().is_ok();
    HeaderValue::try_from(said)
        .ok()
        .filter(is_plain)
        .ok_or_else(|| Error::new(ErrorKind::File, format!("`{}` is not a media type", said.escape_debug())))
}
