//! Fetching a file that a model made.

mod chunks;
mod save;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use data_url::DataUrl;
use futures_util::StreamExt;
use http::{Method, header};
use tracing::Instrument;
use url::Url;

use self::chunks::Body;
pub use self::chunks::Chunks;
use super::{
    content_type,
    meter::{Meter, Report},
    options::Progress,
};
use crate::{
    Client, Error, ErrorKind, Pending, Result, Retry, call::CallOptions, retry::RetryClass,
    transport::Request,
};

/// More redirects than these go in circles.
const REDIRECTS: usize = 10;

/// A download that has not begun, from [`Client::download`]. Sent by awaiting it.
#[must_use = "nothing is sent until this is awaited"]
pub struct DownloadRequest {
    client: Client,
    source: Source,
    options: CallOptions,
    report: Option<Report>,
    max_bytes: Option<u64>,
}

enum Source {
    Url(String),
    /// Decoded at once: it would have to be copied to be decoded later.
    Data(Result<Data>),
}

impl DownloadRequest {
    pub(crate) fn new(client: Client, url: &str) -> Self {
        let is_data = url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"));
        let source = if is_data { Source::Data(Data::read(url)) } else { Source::Url(url.to_owned()) };
        Self { client, source, options: CallOptions::default(), report: None, max_bytes: None }
    }

    /// How long the service may take to begin its answer, retries and redirects included. No limit unless
    /// the client has one.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// When the request is sent again. A download that breaks off goes on where it was.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.options.retry = Some(retry);
        self
    }

    /// Refuses a file of more than this many bytes, with `TooLarge`, before or while it comes. No limit by
    /// default, but for what is taken into memory: there it is the client's `max_reply_bytes`.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Tells `report` how far the download is. Called while receiving, so it should be quick.
    pub fn on_progress(mut self, report: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.report = Some(Arc::new(report));
        self
    }

    async fn send(self) -> Result<Download> {
        let Self { client, source, options, report, max_bytes } = self;
        let url = match source {
            Source::Data(data) => return Download::of_data(data?, max_bytes, report),
            Source::Url(url) => url,
        };
        let retry = options.retry(&client);
        let begin = open(&client, &url, &retry);
        let (url, response) = match options.timeout(&client) {
            None => begin.await?,
            Some(limit) => tokio::time::timeout(limit, begin).await.map_err(|_| {
                Error::new(ErrorKind::Timeout, format!("the download did not begin within {limit:?}"))
            })??,
        };
        let length = response.content_length();
        check(length.unwrap_or(0), max_bytes)?;
        let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Ok(Download {
            content_type: content_type.map(str::to_owned),
            name: url.path_segments().and_then(|mut path| path.next_back()).map(str::to_owned),
            length,
            in_memory: client.0.transport.event_limit(),
            chunks: Chunks::new(
                Body::open(client, url, retry, response),
                max_bytes,
                report.map(|report| Meter::new(length, report)),
            ),
        })
    }
}

impl IntoFuture for DownloadRequest {
    type Output = Result<Download>;
    type IntoFuture = Pending<Download>;

    fn into_future(self) -> Self::IntoFuture {
        Pending::new(self.send().instrument(tracing::info_span!("fal.download")))
    }
}

impl fmt::Debug for DownloadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("DownloadRequest");
        match &self.source {
            Source::Url(url) => debug.field("url", url),
            Source::Data(_) => debug.field("url", &"data:"),
        };
        debug.field("max_bytes", &self.max_bytes).finish_non_exhaustive()
    }
}

/// Follows redirects, which the client itself does not: there is no key here that could go astray.
async fn open(client: &Client, url: &str, retry: &Retry) -> Result<(Url, reqwest::Response)> {
    let bad = |why: &str| Error::new(ErrorKind::File, format!("this cannot be downloaded: {why}"));
    let mut url = Url::parse(url).map_err(|error| bad(&error.to_string()))?;
    for _ in 0..=REDIRECTS {
        if !matches!(url.scheme(), "https" | "http") {
            return Err(bad("its URL is neither http(s): nor data:"));
        }
        let mut request = Request::to_anyone(Method::GET, url.clone(), RetryClass::Idempotent);
        request.retry = retry.clone();
        let error = match client.0.transport.open(&request).await {
            Ok(response) => return Ok((url, response)),
            Err(error) => error.with_context("a download failed"),
        };
        let next = error.redirect().and_then(|location| url.join(location).ok());
        match next {
            Some(next) if url.scheme() == "https" && next.scheme() == "http" => {
                return Err(bad("it redirects from https to http"));
            }
            Some(next) => url = next,
            None => return Err(error),
        }
    }
    Err(bad("it redirects too often"))
}

/// What a `data:` URL holds.
struct Data {
    content_type: String,
    content: Bytes,
}

impl Data {
    fn read(url: &str) -> Result<Self> {
        let bad = || Error::new(ErrorKind::File, "this is not a data: URL that can be decoded");
        let data = DataUrl::process(url).map_err(|_| bad())?;
        let (content, _) = data.decode_to_vec().map_err(|_| bad())?;
        Ok(Self { content_type: data.mime_type().to_string(), content: content.into() })
    }
}

/// A file that has begun to arrive.
pub struct Download {
    content_type: Option<String>,
    /// What the URL ends with.
    name: Option<String>,
    length: Option<u64>,
    /// How much may be taken into memory.
    in_memory: usize,
    chunks: Chunks,
}

impl Download {
    fn of_data(data: Data, max_bytes: Option<u64>, report: Option<Report>) -> Result<Self> {
        let length = u64::try_from(data.content.len()).unwrap_or(u64::MAX);
        check(length, max_bytes)?;
        let meter = report.map(|report| Meter::new(Some(length), report));
        Ok(Self {
            content_type: Some(data.content_type),
            name: None,
            length: Some(length),
            // It is there already.
            in_memory: data.content.len(),
            chunks: Chunks::new(Body::Here(Some(data.content)), max_bytes, meter),
        })
    }

    /// The media type, as the server says.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// How many bytes are to come, if the server says.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.length
    }

    /// What files of this type are called by, such as `png`: by the media type, else by the URL.
    #[must_use]
    pub fn extension(&self) -> Option<String> {
        let by_type = self.content_type.as_deref().and_then(content_type::extension);
        let by_name = || {
            let extension = Path::new(self.name.as_deref()?).extension()?.to_str()?;
            extension.bytes().all(|byte| byte.is_ascii_alphanumeric()).then(|| extension.to_ascii_lowercase())
        };
        by_type.map(str::to_owned).or_else(by_name)
    }

    /// The content, in memory.
    ///
    /// # Errors
    ///
    /// `TooLarge` beyond the client's `max_reply_bytes`; `Transport` when the connection breaks for good.
    pub async fn bytes(mut self) -> Result<Bytes> {
        let limit = u64::try_from(self.in_memory).unwrap_or(u64::MAX);
        check(self.length.unwrap_or(0), Some(limit))?;
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunks.next().await {
            let chunk = chunk?;
            if whole.is_empty() && u64::try_from(chunk.len()).ok() == self.length {
                return Ok(chunk); // All of it at once: nothing to copy.
            }
            if chunk.len() > self.in_memory.saturating_sub(whole.len()) {
                return Err(too_large(limit));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// The content, piece by piece.
    ///
    /// ```no_run
    /// # use fal_client::Client;
    /// # async fn example(client: Client) -> fal_client::Result<()> {
    /// use futures_util::TryStreamExt;
    ///
    /// let mut chunks = client.download("https://v3.fal.media/files/film.mp4").await?.chunks();
    /// while let Some(chunk) = chunks.try_next().await? {
    ///     println!("{} bytes", chunk.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn chunks(self) -> Chunks {
        self.chunks
    }

    /// Writes the content to `path`, of any size, and returns the number of bytes.
    ///
    /// The file appears there when it is complete: until then it is written next to it under another
    /// name, which is removed when something goes wrong. A file that is there already is replaced.
    ///
    /// # Errors
    ///
    /// `File` when the file cannot be written; `Transport` when the connection breaks for good.
    pub async fn save(self, path: impl AsRef<Path>) -> Result<u64> {
        save::replace(self.chunks, path.as_ref()).await
    }

    /// Writes the content into a folder, which is made if it is not there, and returns where it is.
    ///
    /// The file is called `name` and what its type is called by, such as `cat.png` for `cat`. A file that is
    /// there already stays: the new one is `cat-2.png`. Letters of the name that could lead elsewhere become `_`.
    ///
    /// # Errors
    ///
    /// As [`save`](Self::save).
    pub async fn save_in(self, folder: impl AsRef<Path>, name: &str) -> Result<PathBuf> {
        let extension = self.extension().unwrap_or_else(|| "bin".to_owned());
        save::add(self.chunks, folder.as_ref(), name, &extension).await
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("content_type", &self.content_type)
            .field("content_length", &self.length)
            .finish_non_exhaustive()
    }
}

fn check(length: u64, limit: Option<u64>) -> Result<()> {
    match limit {
        Some(limit) if length > limit => Err(too_large(limit)),
        _ => Ok(()),
    }
}

fn too_large(limit: u64) -> Error {
    Error::new(ErrorKind::TooLarge { limit }, format!("the file is larger than {limit} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_urls_are_decoded() {
        let image = Data::read("data:image/png;base64,iVBORw0K").unwrap();
        assert_eq!((image.content_type.as_str(), image.content.len()), ("image/png", 6));
        let image = Download::of_data(image, None, None).unwrap();
        assert_eq!((image.content_length(), image.extension().as_deref()), (Some(6), Some("png")));
        let text = Data::read("data:,a%20b").unwrap();
        assert_eq!(
            (text.content_type.as_str(), text.content.as_ref()),
            ("text/plain;charset=US-ASCII", &b"a b"[..])
        );
        assert!(Download::of_data(text, Some(2), None).unwrap_err().is_too_large());
    }

    #[test]
    fn broken_data_urls_are_errors() {
        for bad in ["data:", "data:image/png;base64", "data:image/png;base64,!!!"] {
            assert!(Data::read(bad).is_err_and(|error| error.is_file()), "{bad}");
        }
    }
}
