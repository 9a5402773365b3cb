//! Fetching a file that a model made.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use data_url::DataUrl;
use http::{Method, header};
use tokio::io::AsyncWriteExt;
use tracing::Instrument;
use url::Url;

use crate::{
    BoxFuture, Client, Error, ErrorKind, Result, Retry, call::CallOptions, retry::Repeat, transport::Request,
};

/// More redirects than these go in circles.
const REDIRECTS: usize = 10;

/// A download that has not begun, from [`Client::download`]. Sent by awaiting it.
#[must_use = "nothing is sent until this is awaited"]
#[derive(Debug)]
pub struct Fetch {
    client: Client,
    url: String,
    options: CallOptions,
}

impl Fetch {
    pub(crate) fn new(client: Client, url: String) -> Self {
        Self { client, url, options: CallOptions::default() }
    }

    /// How long the service may take to begin its answer, retries and redirects included. No limit unless
    /// the client has one.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// When the request is sent again.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.options.retry = Some(retry);
        self
    }

    async fn send(self) -> Result<Download> {
        let Self { client, url, options } = self;
        if url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
            return Download::of_data(&url);
        }
        let retry = options.retry(&client);
        let begin = open(&client, &url, &retry);
        let response = match options.timeout(&client) {
            None => begin.await?,
            Some(limit) => tokio::time::timeout(limit, begin).await.map_err(|_| {
                Error::new(ErrorKind::Timeout, format!("the download did not begin within {limit:?}"))
            })??,
        };
        let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Ok(Download {
            content_type: content_type.map(str::to_owned),
            content: Content::Open(client, response),
        })
    }
}

impl IntoFuture for Fetch {
    type Output = Result<Download>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send().instrument(tracing::info_span!("fal.download")))
    }
}

/// Follows redirects, which the client itself does not: there is no key here that could go astray.
async fn open(client: &Client, url: &str, retry: &Retry) -> Result<reqwest::Response> {
    let bad = |why: &str| Error::new(ErrorKind::File, format!("this cannot be downloaded: {why}"));
    let mut url = Url::parse(url).map_err(|error| bad(&error.to_string()))?;
    for _ in 0..=REDIRECTS {
        if !matches!(url.scheme(), "https" | "http") {
            return Err(bad("its URL is neither http(s): nor data:"));
        }
        let mut request = Request::to_anyone(Method::GET, url.clone(), Repeat::Freely);
        request.retry = retry.clone();
        let error = match client.0.transport.open(&request).await {
            Ok(response) => return Ok(response),
            Err(error) => error.context("a download failed"),
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

/// A file that has begun to arrive.
pub struct Download {
    content_type: Option<String>,
    content: Content,
}

enum Content {
    /// From a `data:` URL.
    Here(Bytes),
    Open(Client, reqwest::Response),
}

impl Download {
    fn of_data(url: &str) -> Result<Self> {
        let bad = || Error::new(ErrorKind::File, "this is not a data: URL that can be decoded");
        let data = DataUrl::process(url).map_err(|_| bad())?;
        let (content, _) = data.decode_to_vec().map_err(|_| bad())?;
        let content_type = Some(data.mime_type().to_string());
        Ok(Self { content_type, content: Content::Here(content.into()) })
    }

    /// The media type, as the server says.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// How many bytes are to come, if the server says.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        match &self.content {
            Content::Here(content) => u64::try_from(content.len()).ok(),
            Content::Open(_, response) => response.content_length(),
        }
    }

    /// The content, in memory.
    ///
    /// # Errors
    ///
    /// `TooLarge` beyond the client's `max_reply_bytes`; `Transport` when the connection breaks.
    pub async fn bytes(self) -> Result<Bytes> {
        match self.content {
            Content::Here(content) => Ok(content),
            Content::Open(client, response) => client.0.transport.read_body(response).await,
        }
    }

    /// Writes the content to `path`, of any size, and returns the number of bytes.
    ///
    /// The file appears there when it is complete: until then it is written next to it under another
    /// name, which is removed when something goes wrong. A file that is there already is replaced.
    ///
    /// # Errors
    ///
    /// `File` when the file cannot be written; `Transport` when the connection breaks.
    pub async fn save(self, path: impl AsRef<Path>) -> Result<u64> {
        let path = path.as_ref();
        let partial = Partial::beside(path);
        let length = match self.write(&partial.0).await {
            Ok(length) => tokio::fs::rename(&partial.0, path).await.map(|()| length).map_err(Problem::Disk),
            Err(problem) => Err(problem),
        };
        length.map_err(|problem| match problem {
            Problem::Network(error) => error,
            Problem::Disk(cause) => {
                let message = format!("cannot write {}: {cause}", path.display());
                Error::new(ErrorKind::File, message).caused_by(cause)
            }
        })
    }

    async fn write(self, path: &Path) -> Result<u64, Problem> {
        let mut file = tokio::fs::OpenOptions::new().write(true).create_new(true).open(path).await?;
        let mut length = 0;
        match self.content {
            Content::Here(content) => {
                file.write_all(&content).await?;
                length = u64::try_from(content.len()).unwrap_or(u64::MAX);
            }
            Content::Open(_, mut response) => {
                while let Some(chunk) =
                    response.chunk().await.map_err(|error| Problem::Network(Error::broken(error)))?
                {
                    file.write_all(&chunk).await?;
                    length += u64::try_from(chunk.len()).unwrap_or(0);
                }
            }
        }
        // So that the name never stands for less than the whole, even after a crash.
        file.sync_all().await?;
        Ok(length)
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("content_type", &self.content_type)
            .field("content_length", &self.content_length())
            .finish_non_exhaustive()
    }
}

enum Problem {
    Network(Error),
    Disk(io::Error),
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// A file that is removed unless it was renamed, also when the download is dropped half way.
struct Partial(PathBuf);

impl Partial {
    fn beside(path: &Path) -> Self {
        use std::hash::{BuildHasher, RandomState};

        let mut name = path.file_name().unwrap_or_default().to_os_string();
        name.push(format!(".{:016x}.part", RandomState::new().hash_one(path)));
        Self(path.with_file_name(name))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // After a successful rename there is nothing to remove, which is the usual case.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(url: &str) -> Result<Download> {
        Download::of_data(url)
    }

    #[test]
    fn data_urls_are_decoded() {
        let image = data("data:image/png;base64,iVBORw0K").unwrap();
        assert_eq!((image.content_type(), image.content_length()), (Some("image/png"), Some(6)));
        let text = data("data:,a%20b").unwrap();
        assert_eq!(text.content_type(), Some("text/plain;charset=US-ASCII"));
        assert!(matches!(text.content, Content::Here(content) if content.as_ref() == b"a b"));
    }

    #[test]
    fn broken_data_urls_are_errors() {
        for bad in ["data:", "data:image/png;base64", "data:image/png;base64,!!!"] {
            assert!(data(bad).unwrap_err().is_file(), "{bad}");
        }
    }

    #[test]
    fn a_partial_file_lies_beside_its_own_name() {
        let partial = Partial::beside(Path::new("/out/cat.png"));
        let name = partial.0.to_string_lossy().into_owned();
        assert!(name.starts_with("/out/cat.png.") && name.ends_with(".part"), "{name}");
    }
}
