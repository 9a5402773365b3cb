//! Uploading a file with one request.

use std::{io, path::Path, time::Duration};

use bytes::Bytes;
use fal_core::{File, FileSource};
use futures_util::{StreamExt, TryStreamExt, stream};
use http::{HeaderValue, Method, header};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tracing::Instrument;
use url::Url;

use super::content_type;
use crate::{
    BoxFuture, Client, Error, ErrorKind, Result, Retry,
    call::CallOptions,
    hosts::{is_loopback, join},
    retry::Repeat,
    transport::{Content, Request},
};

/// How many files of one input are uploaded at a time.
const AT_A_TIME: usize = 8;

/// An upload, from [`Client::upload`]. Sent by awaiting it, which gives a file that has a URL.
#[must_use = "nothing is sent until this is awaited"]
#[derive(Debug)]
pub struct Upload {
    client: Client,
    file: File,
    options: CallOptions,
}

impl Upload {
    pub(crate) fn new(client: Client, file: File) -> Self {
        Self { client, file, options: CallOptions::default() }
    }

    /// How long the upload may take, retries included. No limit unless the client has one.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.timeout = Some(timeout);
        self
    }

    /// When its requests are sent again.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.options.retry = Some(retry);
        self
    }

    async fn send(self) -> Result<File> {
        let Self { client, file, options } = self;
        let retry = options.retry(&client);
        let Some(limit) = options.timeout(&client) else { return upload(&client, &file, &retry).await };
        match tokio::time::timeout(limit, upload(&client, &file, &retry)).await {
            Ok(result) => result,
            Err(_) => Err(Error::new(ErrorKind::Timeout, format!("the upload took longer than {limit:?}"))),
        }
    }
}

impl IntoFuture for Upload {
    type Output = Result<File>;
    type IntoFuture = BoxFuture<Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.send().instrument(tracing::info_span!("fal.upload")))
    }
}

/// Uploads side by side. The answer is in the order of `files`.
pub(crate) async fn upload_all(client: &Client, files: Vec<File>, retry: &Retry) -> Result<Vec<File>> {
    let uploads = files.into_iter().map(|file| {
        let (client, retry) = (client.clone(), retry.clone());
        async move { upload(&client, &file, &retry).await }
    });
    stream::iter(uploads).buffered(AT_A_TIME).try_collect().await
}

/// What is uploaded.
struct Source {
    content: Content,
    content_type: String,
    file_name: String,
}

#[derive(Serialize)]
struct Initiate<'a> {
    content_type: &'a str,
    file_name: &'a str,
}

#[derive(Deserialize)]
struct Initiated {
    upload_url: String,
    file_url: String,
}

async fn upload(client: &Client, file: &File, retry: &Retry) -> Result<File> {
    let source = match file.source() {
        FileSource::Url(_) => return Ok(file.clone()),
        FileSource::Bytes { data, content_type, name } => {
            of_bytes(Bytes::from_owner(data.clone()), content_type, name.as_deref())
        }
        FileSource::Path { path, content_type, name } => {
            of_path(path, content_type.as_deref(), name.as_deref()).await.map_err(|cause| {
                let message = format!("cannot read {}: {cause}", path.display());
                Error::new(ErrorKind::File, message).caused_by(cause)
            })?
        }
        _ => return Err(Error::new(ErrorKind::File, "this kind of file cannot be uploaded")),
    };
    let content_type = HeaderValue::try_from(&source.content_type).map_err(|_| {
        let message = format!("`{}` is not a media type", source.content_type.escape_debug());
        Error::new(ErrorKind::File, message)
    })?;

    let transport = &client.0.transport;
    let mut url = join(&client.hosts().rest, ["storage", "upload", "initiate"]);
    url.query_pairs_mut().append_pair("storage_type", "fal-cdn-v3");
    // An upload that was begun twice is one URL that nobody uses.
    let mut initiate = Request::to_fal(Method::POST, url, Repeat::Freely);
    let body = Initiate { content_type: &source.content_type, file_name: &source.file_name };
    let body = serde_json::to_vec(&body)
        .map_err(|cause| Error::new(ErrorKind::Encode, cause.to_string()).caused_by(cause))?;
    initiate.content = Content::Json(body.into());
    initiate.retry = retry.clone();
    let begun = async { transport.send(&initiate).await?.json() };
    let Initiated { upload_url, file_url } =
        begun.await.map_err(|error| error.context("an upload failed"))?;

    // The URL is signed. Whoever it belongs to, the key is none of their business.
    let mut put = Request::to_anyone(Method::PUT, upload_target(&upload_url)?, Repeat::Freely);
    put.headers.insert(header::CONTENT_TYPE, content_type);
    put.content = source.content;
    put.retry = retry.clone();
    transport.send(&put).await.map_err(|error| error.context("an upload failed"))?;
    Ok(File::url(file_url))
}

fn upload_target(given: &str) -> Result<Url> {
    let url = Url::parse(given).ok();
    url.filter(|url| url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))).ok_or_else(
        || {
            let kind = ErrorKind::Decode { path: "upload_url".to_owned() };
            Error::new(kind, "the service gave an upload URL that is not https")
        },
    )
}

fn of_bytes(data: Bytes, content_type: &str, name: Option<&str>) -> Source {
    let content_type = match content_type.trim() {
        "" => content_type::guess(name.map(Path::new), data.get(..content_type::HEAD).unwrap_or(&data)),
        said => said.to_owned(),
    };
    let file_name = name.map_or_else(|| content_type::name(&content_type), str::to_owned);
    Source { content: Content::Bytes(data), content_type, file_name }
}

async fn of_path(path: &Path, content_type: Option<&str>, name: Option<&str>) -> io::Result<Source> {
    let file = tokio::fs::File::open(path).await?;
    let metadata = file.metadata().await?;
    if !metadata.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    let content_type = match content_type {
        Some(said) => said.to_owned(),
        None => {
            let mut head = Vec::new();
            file.take(u64::try_from(content_type::HEAD).unwrap_or(u64::MAX)).read_to_end(&mut head).await?;
            content_type::guess(Some(path), &head)
        }
    };
    let own_name = || path.file_name().map(|name| name.to_string_lossy().into_owned());
    let file_name =
        name.map(str::to_owned).or_else(own_name).unwrap_or_else(|| content_type::name(&content_type));
    let content = Content::File { path: path.to_owned(), length: metadata.len() };
    Ok(Source { content, content_type, file_name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_go_over_https_or_stay_here() {
        for good in ["https://anywhere.example/x?sig=1", "http://127.0.0.1:9/x", "http://localhost/x"] {
            assert!(upload_target(good).is_ok(), "{good}");
        }
        for bad in ["http://anywhere.example/x", "ftp://127.0.0.1/x", "/x", ""] {
            assert!(upload_target(bad).unwrap_err().is_decode(), "{bad}");
        }
    }

    #[test]
    fn what_is_said_about_bytes_is_believed() {
        let source = of_bytes(Bytes::from_static(b"GIF89a"), "image/png", None);
        assert_eq!((source.content_type.as_str(), source.file_name.as_str()), ("image/png", "file.png"));
        let source = of_bytes(Bytes::from_static(b"GIF89a"), "", Some("\u{17e}.bin2"));
        assert_eq!((source.content_type.as_str(), source.file_name.as_str()), ("image/gif", "\u{17e}.bin2"));
    }
}
