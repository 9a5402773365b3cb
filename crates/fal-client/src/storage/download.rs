//! Downloads.

mod chunks;
mod hosts;
mod save;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use data_url::DataUrl;
use http::{HeaderValue, Method, header};
use tracing::Instrument;
use url::Url;

pub use self::chunks::Chunks;
use self::chunks::{Body, HttpBody, check_size, too_large};
pub(super) use self::hosts::AllowedHosts;
use super::{
    content_type,
    data_uri::is_data_uri,
    progress::{Meter, Progress, ProgressCallback},
};
use crate::{
    Client, Error, ErrorKind, Pending, Result, Retry, headers::foreign_encoding, hosts::redact_url,
    options::CallOptions, retry::RetryClass, timeout::deadline, transport::Request,
};

/// The largest number of redirects that are followed.
const MAX_REDIRECTS: usize = 10;

/// A request for a file, from [`Client::download`]. Await it to send it and to get a [`Download`].
#[must_use = "nothing is sent until this is awaited"]
pub struct DownloadRequest {
    client: Client,
    source: Source,
    options: CallOptions,
    on_progress: Option<ProgressCallback>,
    max_bytes: Option<u64>,
    hosts: AllowedHosts,
}

enum Source {
    Url(String),
    /// A `data:` URL, decoded right away, because keeping it for later would copy it.
    Data(Result<DataContent>),
}

impl DownloadRequest {
    /// Creates a request for a URL, or for a local file, which has none and is an error of the request.
    pub(crate) fn new(client: Client, url: Option<&str>) -> Self {
        let source = match url {
            None => Source::Data(Err(refused("it is a local file, which has no URL"))),
            Some(url) if is_data_uri(url) => Source::Data(DataContent::parse(url)),
            Some(url) => Source::Url(url.to_owned()),
        };
        let (options, hosts) = (CallOptions::default(), AllowedHosts::default());
        Self { client, source, options, on_progress: None, max_bytes: None, hosts }
    }

    pub(super) fn with_options(
        client: &Client,
        url: &str,
        options: &CallOptions,
        max_bytes: Option<u64>,
        hosts: &AllowedHosts,
    ) -> Self {
        let request = Self::new(client.clone(), Some(url));
        Self { options: options.clone(), max_bytes, hosts: hosts.clone(), ..request }
    }

    /// Returns an error if the URL is not at one of the allowed hosts.
    pub(super) fn check_host(&self) -> Result<()> {
        match &self.source {
            Source::Data(_) => Ok(()),
            Source::Url(url) => match Url::parse(url) {
                Ok(url) => self.hosts.check(&url),
                Err(error) => Err(refused(&error.to_string())),
            },
        }
    }

    /// Limits the whole download, its content, retries and redirects included. By default it is that of the client,
    /// which has no limit unless one is set.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// Limits the time for which the server may be silent, before it answers and while the content arrives. Defaults to
    /// the client's [`idle_timeout`](crate::ClientBuilder::idle_timeout); `None` is no limit.
    ///
    /// A download that falls silent is continued where it stopped, like one that is interrupted, and fails with
    /// `Timeout` after the attempts that [`retry`](Self::retry) allows. Less than 1 kB in this time counts as silence.
    pub fn idle_timeout(mut self, limit: impl Into<Option<Duration>>) -> Self {
        self.options.idle_timeout = Some(limit.into());
        self
    }

    /// Fetches only from these hosts and their subdomains, also after a redirect, such as `["fal.media"]`. By default
    /// from any host.
    ///
    /// For URLs that others can choose. Other hosts are a `File` error before anything is sent to them.
    pub fn hosts(mut self, hosts: impl IntoIterator<Item: Into<String>>) -> Self {
        self.hosts = AllowedHosts::new(hosts);
        self
    }

    /// Sets when the request is sent again. A download that is interrupted continues where it stopped.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.options.retry = Some(retry);
        self
    }

    /// Sets the largest size of the file, in bytes. A larger file is a `TooLarge` error, before or while it arrives.
    ///
    /// No limit by default, except that [`Download::bytes`] reads at most the client's `max_reply_bytes`.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = Some(bytes);
        self
    }

    /// Calls `callback` with the progress of the download. It runs while the file is received, so it should return
    /// quickly.
    pub fn on_progress(mut self, callback: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.on_progress = Some(Arc::new(callback));
        self
    }

    async fn send(self) -> Result<Download> {
        let Self { client, source, options, on_progress, max_bytes, hosts } = self;
        let url = match source {
            Source::Data(data) => return Download::from_data(data?, max_bytes, on_progress),
            Source::Url(url) => url,
        };
        let retry = options.retry(&client);
        let idle_timeout = options.idle_timeout.unwrap_or(client.0.transport.idle_timeout);
        let limit = options.timeout(&client);
        let deadline = deadline(limit).zip(limit);
        let settings = Settings { client, retry, idle_timeout, deadline };
        let (url, response) = within_deadline(deadline, open(&settings, &hosts, &url)).await?;
        let length = response.content_length();
        check_size(length.unwrap_or(0), max_bytes)?;
        let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Ok(Download {
            content_type: content_type.map(str::to_owned),
            content_encoding: foreign_encoding(response.headers()).map(str::to_owned),
            name: url.path_segments().and_then(|mut path| path.next_back()).map(str::to_owned),
            length,
            memory_limit: settings.client.0.transport.event_limit(),
            chunks: Chunks::new(
                Body::Http(Box::new(HttpBody::new(settings, url, response))),
                max_bytes,
                on_progress.map(|callback| Meter::new(length, callback)),
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
            Source::Url(url) => debug.field("url", &redact_url(url)),
            Source::Data(_) => debug.field("url", &"data:"),
        };
        debug.field("max_bytes", &self.max_bytes).finish_non_exhaustive()
    }
}

/// The settings that all requests of a download share.
struct Settings {
    client: Client,
    retry: Retry,
    idle_timeout: Option<Duration>,
    /// The end of the time for the whole download, and that time.
    deadline: Option<(Instant, Duration)>,
}

impl Settings {
    fn request(&self, url: Url) -> Request {
        let mut request = Request::to_anyone(Method::GET, url, RetryClass::Idempotent);
        request.retry = self.retry.clone();
        request.deadline = self.deadline.map(|(end, _)| end);
        request.idle_timeout = Some(self.idle_timeout);
        request.answer_timeout = None;
        request.verbatim = true;
        request.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        request
    }
}

/// Awaits `future`, and fails with `Timeout` at the end of the time for the whole download.
async fn within_deadline<T>(
    deadline: Option<(Instant, Duration)>,
    future: impl Future<Output = Result<T>>,
) -> Result<T> {
    let Some((end, limit)) = deadline else { return future.await };
    tokio::time::timeout_at(end.into(), future).await.unwrap_or_else(|_| Err(took_too_long(limit)))
}

fn took_too_long(limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("the download took longer than {limit:?}"))
}

fn refused(why: &str) -> Error {
    Error::new(ErrorKind::File, format!("this cannot be downloaded: {why}"))
}

/// Sends the request and follows redirects. Other calls follow none, because they carry the key.
async fn open(settings: &Settings, hosts: &AllowedHosts, url: &str) -> Result<(Url, reqwest::Response)> {
    let mut url = Url::parse(url).map_err(|error| refused(&error.to_string()))?;
    for _ in 0..=MAX_REDIRECTS {
        if !matches!(url.scheme(), "https" | "http") {
            return Err(refused("its URL is neither http(s): nor data:"));
        }
        hosts.check(&url)?;
        let error = match settings.client.0.transport.open(&settings.request(url.clone())).await {
            Ok(response) => return Ok((url, response)),
            Err(error) => error.with_context("a download failed"),
        };
        url = match error.redirect_location().and_then(|location| url.join(location).ok()) {
            Some(next) => check_redirect(&url, next)?,
            None => return Err(error),
        };
    }
    Err(refused("it redirects too often"))
}

/// Returns the target of a redirect, unless it would give up the protection of `https`.
fn check_redirect(from: &Url, to: Url) -> Result<Url> {
    if from.scheme() == "https" && to.scheme() != "https" {
        return Err(refused("it redirects from https to http"));
    }
    Ok(to)
}

/// The content of a `data:` URL.
struct DataContent {
    content_type: String,
    content: Bytes,
}

impl DataContent {
    fn parse(url: &str) -> Result<Self> {
        let invalid = || Error::new(ErrorKind::File, "this is not a data: URL that can be decoded");
        let data = DataUrl::process(url).map_err(|_| invalid())?;
        let (content, _) = data.decode_to_vec().map_err(|_| invalid())?;
        Ok(Self { content_type: data.mime_type().to_string(), content: content.into() })
    }
}

/// A file that has begun to arrive, from awaiting [`Client::download`].
pub struct Download {
    content_type: Option<String>,
    content_encoding: Option<String>,
    /// The last segment of the URL.
    name: Option<String>,
    length: Option<u64>,
    /// The largest number of bytes that `bytes` reads into memory.
    memory_limit: usize,
    chunks: Chunks,
}

impl Download {
    fn from_data(
        data: DataContent,
        max_bytes: Option<u64>,
        on_progress: Option<ProgressCallback>,
    ) -> Result<Self> {
        let length = u64::try_from(data.content.len()).unwrap_or(u64::MAX);
        check_size(length, max_bytes)?;
        let meter = on_progress.map(|callback| Meter::new(Some(length), callback));
        Ok(Self {
            content_type: Some(data.content_type),
            content_encoding: None,
            name: None,
            length: Some(length),
            // The content is in memory already.
            memory_limit: data.content.len(),
            chunks: Chunks::new(Body::InMemory(Some(data.content)), max_bytes, meter),
        })
    }

    /// Returns the media type that the server gave.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Returns the encoding in which the server stores the file, such as `gzip`, if there is one.
    ///
    /// The content is that of the server, and not decompressed.
    #[must_use]
    pub fn content_encoding(&self) -> Option<&str> {
        self.content_encoding.as_deref()
    }

    /// Returns the number of bytes of the file, if the server gave it.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.length
    }

    /// Returns the extension for a file of this type, such as `png`, by the media type or else by the URL.
    ///
    /// The extension of the URL is used only if it is that of a known format of data, never of a program or script.
    #[must_use]
    pub fn extension(&self) -> Option<String> {
        let by_type = self.content_type.as_deref().and_then(content_type::extension);
        let by_name = || {
            let extension = Path::new(self.name.as_deref()?).extension()?.to_str()?.to_ascii_lowercase();
            content_type::is_data_extension(&extension).then_some(extension)
        };
        by_type.map(str::to_owned).or_else(by_name)
    }

    /// Reads the content into memory.
    ///
    /// # Errors
    ///
    /// `TooLarge` if it is larger than the client's `max_reply_bytes`; `Transport` if the connection breaks and cannot
    /// be continued.
    pub async fn bytes(mut self) -> Result<Bytes> {
        let limit = u64::try_from(self.memory_limit).unwrap_or(u64::MAX);
        check_size(self.length.unwrap_or(0), Some(limit))?;
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.chunks.next().await {
            let chunk = chunk?;
            if whole.is_empty() && u64::try_from(chunk.len()).ok() == self.length {
                return Ok(chunk); // The whole file in one chunk need not be copied.
            }
            if chunk.len() > self.memory_limit.saturating_sub(whole.len()) {
                return Err(too_large(limit));
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// Reads the content into memory and decodes it as a picture of the crate `image`. With the feature `image`, which
    /// has PNG, JPEG and WebP; features of the crate `image` add more.
    ///
    /// # Errors
    ///
    /// Those of [`bytes`](Self::bytes); `File` if the content is no picture of a known format, or one that takes more
    /// than 512 MiB of memory.
    #[cfg(feature = "image")]
    pub async fn image(self) -> Result<image::DynamicImage> {
        super::picture::decode(self.bytes().await?).await
    }

    /// Returns the content as a stream of chunks.
    ///
    /// ```no_run
    /// # use fal_client::Client;
    /// # async fn example(client: Client) -> fal_client::Result<()> {
    /// let mut chunks = client.download("https://v3.fal.media/files/film.mp4").await?.chunks();
    /// while let Some(chunk) = chunks.next().await {
    ///     println!("{} bytes", chunk?.len());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn chunks(self) -> Chunks {
        self.chunks
    }

    /// Writes the content to `path` and returns the number of bytes. Its folder is created if it does not exist.
    ///
    /// The file appears when it is complete, and replaces an existing one. Until then the content is in another file
    /// next to it, which is removed if the download fails. On Unix, a new file is readable by its owner only; a file
    /// that is replaced keeps its permissions. Devices and pipes are refused.
    ///
    /// # Errors
    ///
    /// `File` if the file cannot be written; `Transport` if the connection breaks and cannot be continued.
    pub async fn save(self, path: impl AsRef<Path>) -> Result<u64> {
        save::replace(self.chunks, path.as_ref()).await
    }

    /// Writes the content to a new file in a folder, which is created if it does not exist, and returns its path.
    ///
    /// The name of the file is `name` with the extension of its type, such as `cat.png` for `cat`. An existing file is
    /// kept, and the new one is `cat-2.png`. Characters of the name that could lead to another folder become `_`, and
    /// names that Windows reserves for devices get a `_` in front. On Unix, the file is readable by its owner only.
    ///
    /// # Errors
    ///
    /// Those of [`save`](Self::save).
    pub async fn save_in(self, folder: impl AsRef<Path>, name: &str) -> Result<PathBuf> {
        let extension = self.extension().unwrap_or_else(|| "bin".to_owned());
        save::create(self.chunks, folder.as_ref(), name, &extension).await
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_urls_are_decoded() {
        let image = DataContent::parse("data:image/png;base64,iVBORw0K").unwrap();
        assert_eq!((image.content_type.as_str(), image.content.len()), ("image/png", 6));
        let image = Download::from_data(image, None, None).unwrap();
        assert_eq!((image.content_length(), image.extension().as_deref()), (Some(6), Some("png")));
        let text = DataContent::parse("data:,a%20b").unwrap();
        assert_eq!(
            (text.content_type.as_str(), text.content.as_ref()),
            ("text/plain;charset=US-ASCII", &b"a b"[..])
        );
        assert!(Download::from_data(text, Some(2), None).unwrap_err().is_too_large());
    }

    #[test]
    fn redirect_from_https_to_anything_else_is_refused() {
        let parse = |text| Url::parse(text).unwrap();
        for (from, to, is_followed) in [
            ("https://a.example/x", "https://b.example/y", true),
            ("http://a.example/x", "https://b.example/y", true),
            ("http://a.example/x", "http://b.example/y", true),
            ("https://a.example/x", "http://a.example/x", false),
            ("https://a.example/x", "file:///etc/passwd", false),
        ] {
            assert_eq!(check_redirect(&parse(from), parse(to)).is_ok(), is_followed, "{from} {to}");
        }
    }

    #[test]
    fn extensions_of_programs_and_scripts_are_not_taken_from_the_url() {
        let extension = |name: &str| {
            let mut download =
                Download::from_data(DataContent::parse("data:,x").unwrap(), None, None).unwrap();
            (download.content_type, download.name) = (None, Some(name.to_owned()));
            download.extension()
        };
        for name in
            ["a.exe", "a.lnk", "a.php", "a.SH", "a.bat", "a.js", "a.desktop", "a.scr", "a.png.exe", "a"]
        {
            assert_eq!(extension(name), None, "{name}");
        }
        assert_eq!(extension(&format!("a.{}", "x".repeat(300))), None);
        for (name, expected) in [("a.PNG", "png"), ("lora.safetensors", "safetensors"), ("scene.ply", "ply")]
        {
            assert_eq!(extension(name).as_deref(), Some(expected));
        }
    }

    #[test]
    fn debug_output_hides_passwords_and_signatures() {
        let client = Client::builder().key("a:b").build().unwrap();
        let download = client.download("https://me:hunter2@host.example/a.png?sig=5ecret");
        let debug = format!("{download:?}");
        assert!(debug.contains("host.example/a.png"), "{debug}");
        assert!(!debug.contains("hunter2") && !debug.contains("5ecret"), "{debug}");
    }

    #[test]
    fn malformed_data_urls_are_errors() {
        for bad in ["data:", "data:image/png;base64", "data:image/png;base64,!!!"] {
            assert!(DataContent::parse(bad).is_err_and(|error| error.is_file()), "{bad}");
        }
    }
}
