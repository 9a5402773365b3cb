//! The settings and requests that uploads of every kind share.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header::CONTENT_TYPE};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    byte_source::FileVersion,
    cdn_token::{CdnToken, IssuedToken},
    options::{Repository, UploadOptions},
};
use crate::{
    Client, Error, ErrorKind, Result, Retry,
    hosts::{Hosts, join},
    retry::RetryClass,
    transport::{Content, Request, Response},
};

/// The time between the last byte of a file or part and the answer. Joining thousands of parts takes minutes.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// The settings that all requests of an upload share.
pub(super) struct UploadContext {
    pub(super) client: Client,
    pub(super) options: UploadOptions,
    pub(super) retry: Retry,
    pub(super) deadline: Option<Instant>,
    /// The idle timeout of this upload, if it sets one.
    pub(super) idle_timeout: Option<Option<Duration>>,
}

/// The properties of a file that are sent to fal, and its version on disk.
pub(super) struct FileMetadata {
    pub(super) content_type: HeaderValue,
    pub(super) file_name: String,
    pub(super) version: Option<FileVersion>,
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

impl UploadContext {
    /// Sets the retries and the deadline of a request to those of this upload.
    pub(super) fn prepare(&self, mut request: Request) -> Request {
        request.retry = self.retry.clone();
        request.deadline = self.deadline;
        request.idle_timeout = self.idle_timeout;
        request.answer_timeout = self.idle_timeout.is_none().then_some(ANSWER_TIMEOUT);
        request
    }

    /// Chooses the repository for a file.
    pub(super) async fn repository(&self, file_name: &str) -> Result<Repository> {
        if let Some(repository) = self.options.repository {
            return Ok(repository);
        }
        let transport = &self.client.0.transport;
        // fal's proxy passes only requests to the REST service, and JSON can carry every name.
        let is_for_rest = !transport.supports_streams()
            || file_name_header(file_name).is_none()
            // The token of the CDN would give access to the whole account of a user who has only logged in.
            || transport.authorization.is_bearer().await?;
        Ok(if is_for_rest { Repository::Rest } else { Repository::Cdn })
    }

    /// Builds a request that announces a file to the CDN, without its token. Sending it twice leaves at most an unused
    /// file behind.
    pub(super) fn cdn_request(&self, url: Url, metadata: &FileMetadata) -> Result<Request> {
        let mut request = self.prepare(Request::to_anyone(Method::POST, url, RetryClass::Idempotent));
        request.headers.insert(CONTENT_TYPE, metadata.content_type.clone());
        let name = file_name_header(&metadata.file_name).ok_or_else(|| {
            let message =
                format!("no HTTP header can carry the name {:?}; the REST service can", metadata.file_name);
            Error::new(ErrorKind::File, message)
        })?;
        request.headers.insert("x-fal-file-name", name);
        self.add_lifecycle(&mut request.headers)?;
        Ok(request)
    }

    /// Sends a request with the token of the CDN. If the token is refused, sends it once more with a new one.
    pub(super) async fn send_to_cdn(&self, build: impl Fn(&CdnToken) -> Result<Request>) -> Result<Response> {
        let (tokens, transport) = (&self.client.0.tokens, &self.client.0.transport);
        let authorized = |token: &Arc<CdnToken>| token.authorize(self.client.hosts(), build(token)?);
        let token = tokens.get_or_fetch(self.fetch_token()).await?;
        match transport.send(&authorized(&token)?).await {
            Err(error) if error.status() == Some(http::StatusCode::UNAUTHORIZED) => {
                tokens.discard(&token).await;
                let token = tokens.get_or_fetch(self.fetch_token()).await?;
                transport.send(&authorized(&token)?).await
            }
            result => result,
        }
    }

    async fn fetch_token(&self) -> Result<CdnToken> {
        let mut url = join(&self.client.hosts().rest, ["storage", "auth", "token"]);
        url.query_pairs_mut().append_pair("storage_type", "fal-cdn-v3");
        let mut request = self.prepare(Request::to_fal(Method::POST, url, RetryClass::Idempotent));
        request.content = Content::Json(Bytes::from_static(b"{}"));
        let issued: IssuedToken = self.client.0.transport.send(&request).await?.json()?;
        CdnToken::from_issued(&issued, self.client.hosts())
    }

    /// Asks the REST service for an upload URL, with the operation `initiate` or `initiate-multipart`. Returns that
    /// URL and the one of the file.
    pub(super) async fn initiate(&self, metadata: &FileMetadata, operation: &str) -> Result<(Url, String)> {
        let mut url = join(&self.client.hosts().rest, ["storage", "upload", operation]);
        url.query_pairs_mut().append_pair("storage_type", "fal-cdn-v3");
        // Sending it twice leaves at most an unused URL behind.
        let mut request = self.prepare(Request::to_fal(Method::POST, url, RetryClass::Idempotent));
        let content_type = metadata.content_type.to_str().unwrap_or_default();
        let body = serde_json::to_vec(&Initiate { content_type, file_name: &metadata.file_name })
            .map_err(|cause| Error::new(ErrorKind::Encode, cause.to_string()).with_source(cause))?;
        request.content = Content::Json(body.into());
        self.add_lifecycle(&mut request.headers)?;
        let Initiated { upload_url, file_url } = self.client.0.transport.send(&request).await?.json()?;
        Ok((parse_upload_url(&upload_url, self.client.hosts())?, check_file_url(file_url)?))
    }

    /// Adds the headers for the lifecycle of the file. Some of fal's services read one name, some the other.
    fn add_lifecycle(&self, headers: &mut HeaderMap) -> Result<()> {
        let Some(lifecycle) = &self.options.lifecycle else { return Ok(()) };
        let value = HeaderValue::from_bytes(lifecycle.to_string().as_bytes()).map_err(|_| {
            Error::new(ErrorKind::Config, "the lifecycle has characters that no HTTP header can carry")
        })?;
        headers.insert("x-fal-object-lifecycle", value.clone());
        headers.insert("x-fal-object-lifecycle-preference", value);
        Ok(())
    }

    /// Returns true if the REST service should be tried after this error of the CDN.
    pub(super) fn should_fall_back(&self, error: &Error) -> bool {
        // The other errors would come again: the key, the file on disk and the deadline are the same.
        let is_of_the_cdn = matches!(
            error.kind(),
            ErrorKind::Api
                | ErrorKind::NotFound
                | ErrorKind::RateLimited
                | ErrorKind::Transport
                | ErrorKind::Decode { .. }
        );
        self.options.fallback && is_of_the_cdn
    }
}

/// Returns true if a signed URL was refused, which happens when it has expired.
pub(super) fn is_expired(error: &Error) -> bool {
    match error.status().map(|status| status.as_u16()) {
        Some(401 | 403) => true,
        // Google's storage says so with 400.
        Some(400) => {
            let body = error.body().map(|body| body.to_ascii_lowercase()).unwrap_or_default();
            body.windows(b"expired".len()).any(|word| word == b"expired")
        }
        _ => false,
    }
}

/// Returns a file name as the value of a header. Only ASCII, because servers disagree about other encodings.
fn file_name_header(name: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(name).ok().filter(|_| name.is_ascii())
}

/// Parses a URL to upload to, which must be `https` unless it is on this machine.
pub(super) fn parse_upload_url(text: &str, hosts: &Hosts) -> Result<Url> {
    Url::parse(text).ok().filter(|url| hosts.is_safe(url)).ok_or_else(|| {
        let kind = ErrorKind::Decode { path: "upload_url".to_owned() };
        Error::new(kind, "the service gave an upload URL that is not https")
    })
}

/// Returns the URL of an uploaded file, which goes into an input, if it is one of the web.
///
/// # Errors
///
/// `Decode` for any other: a `file:` URL would name a file of whoever reads it.
pub(super) fn check_file_url(url: String) -> Result<String> {
    if Url::parse(&url).is_ok_and(|url| matches!(url.scheme(), "https" | "http") && url.has_host()) {
        return Ok(url);
    }
    let kind = ErrorKind::Decode { path: "file_url".to_owned() };
    Err(Error::new(kind, "the service gave a URL of the file that is not http(s)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upload_urls_are_https_or_local() {
        let client = Client::builder().emulator("http://mine.localhost:9").build().unwrap();
        let hosts = client.hosts().clone();
        for good in [
            "https://anywhere.example/x?sig=1",
            "http://127.0.0.1:9/x",
            "http://localhost/x",
            "http://mine.localhost:9/x",
        ] {
            assert!(parse_upload_url(good, &hosts).is_ok(), "{good}");
        }
        for bad in ["http://anywhere.example/x", "http://other.localhost/x", "ftp://127.0.0.1/x", "/x", ""] {
            assert!(parse_upload_url(bad, &hosts).unwrap_err().is_decode(), "{bad}");
        }
        let url = "http://emulator:8787";
        let client = Client::builder().emulator(url).allow_plain_http().build().unwrap();
        assert!(parse_upload_url("http://emulator:8787/x", client.hosts()).is_ok());
        assert!(parse_upload_url("http://emulator:8788/x", client.hosts()).is_err());
    }

    #[test]
    fn files_are_on_the_web() {
        for good in ["https://v3.fal.media/files/a.png", "http://127.0.0.1:9/a.png", "http://emulator:8787/a"]
        {
            assert_eq!(check_file_url(good.to_owned()).unwrap(), good);
        }
        for bad in ["", "/a.png", "a.png", "javascript:alert(1)", "file:///etc/passwd", "data:,x", "https://"]
        {
            assert!(check_file_url(bad.to_owned()).unwrap_err().is_decode(), "{bad}");
        }
    }
}
