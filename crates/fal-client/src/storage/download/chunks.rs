//! The content of a download, which continues after an interruption.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use url::Url;

use super::{Settings, within_deadline};
use crate::{
    Error, ErrorKind, Result,
    retry::{Outcome, RetryClass},
    storage::progress::Meter,
    timeout::now,
    transport::SIGN_OF_LIFE,
};

/// After this many bytes without an interruption, the attempts are counted from 1 again.
const RESET_ATTEMPTS_AFTER: u64 = 1 << 20;

/// The content of a file as a stream of chunks, from [`Download::chunks`](super::Download::chunks). Ends after an error.
#[must_use = "a stream does nothing unless polled"]
pub struct Chunks(Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>);

/// The source of the content.
pub(super) enum Body {
    InMemory(Option<Bytes>),
    Http(Box<HttpBody>),
}

/// A response that is requested again if it breaks off.
pub(super) struct HttpBody {
    settings: Settings,
    url: Url,
    response: reqwest::Response,
    version: ContentVersion,
    received: u64,
    /// The number of attempts since `received` had the second value.
    attempts: (u32, u64),
    /// The time of the first attempt.
    start: Instant,
    /// The number of bytes to come that were received before.
    skip: u64,
    silence: Silence,
}

/// The time spent waiting for a sign of life, and the bytes that have arrived in it.
#[derive(Default)]
struct Silence {
    waited: Duration,
    bytes: usize,
}

/// The properties by which the rest of a file is recognized, so that the rest of another version is not appended.
#[derive(Debug, PartialEq, Eq)]
struct ContentVersion {
    /// A strong `ETag`, or the date of the last change.
    tag: Option<HeaderValue>,
    length: Option<u64>,
}

impl ContentVersion {
    fn new(headers: &HeaderMap, length: Option<u64>) -> Self {
        let is_strong = |tag: &&HeaderValue| !tag.as_bytes().starts_with(b"W/");
        let tag = headers.get(header::ETAG).filter(is_strong).or_else(|| headers.get(header::LAST_MODIFIED));
        Self { tag: tag.cloned(), length }
    }
}

impl Body {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        match self {
            Self::InMemory(content) => Ok(content.take().filter(|content| !content.is_empty())),
            Self::Http(body) => body.next().await,
        }
    }
}

impl HttpBody {
    pub(super) fn new(settings: Settings, url: Url, response: reqwest::Response) -> Self {
        let version = ContentVersion::new(response.headers(), response.content_length());
        let (attempts, start, silence) = ((1, 0), now(), Silence::default());
        Self { settings, url, response, version, received: 0, attempts, start, skip: 0, silence }
    }

    /// Waits for the next bytes of the response.
    async fn next_chunk(&mut self) -> Result<Option<Bytes>> {
        let Some(limit) = self.settings.idle_timeout else {
            return self.response.chunk().await.map_err(Error::from_broken_body);
        };
        let start = tokio::time::Instant::now();
        // Only the time spent here counts: the caller may take its time with what has arrived.
        let left = limit.saturating_sub(self.silence.waited);
        let chunk = tokio::time::timeout(left, self.response.chunk());
        let chunk = chunk.await.map_err(|_| Error::from_silence(limit))?.map_err(Error::from_broken_body)?;
        self.silence.waited += start.elapsed();
        self.silence.bytes += chunk.as_ref().map_or(0, Bytes::len);
        if self.silence.bytes >= SIGN_OF_LIFE {
            self.silence = Silence::default();
        }
        Ok(chunk)
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        within_deadline(self.settings.deadline, self.next_of_responses()).await
    }

    async fn next_of_responses(&mut self) -> Result<Option<Bytes>> {
        loop {
            let mut chunk = match self.next_chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(None),
                Err(error) => {
                    self.resume(error).await?;
                    continue;
                }
            };
            let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            let known = self.skip.min(length);
            self.skip -= known;
            let chunk = chunk.split_off(usize::try_from(known).unwrap_or(chunk.len()));
            self.received += length - known;
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
        }
    }

    /// Requests the rest of the file, or gives up with `error`.
    async fn resume(&mut self, error: Error) -> Result<()> {
        let (number, before) = self.attempts;
        let number = if self.received - before >= RESET_ATTEMPTS_AFTER { 1 } else { number };
        // Without a tag or a length, the rest of another version could not be recognized.
        if self.version.tag.is_none() && self.version.length.is_none() {
            return Err(error);
        }
        let elapsed = now().duration_since(self.start);
        let deadline = self.settings.deadline.map(|(end, _)| end.saturating_duration_since(now()));
        let class = RetryClass::Idempotent;
        let pause = self.settings.retry.delay(number, class, &Outcome::Broken, elapsed, deadline);
        let Some(pause) = pause else { return Err(error) };
        tracing::debug!(received = self.received, ?pause, %error, "a download is continued");
        tokio::time::sleep(pause).await;
        self.attempts = (number + 1, self.received);
        let mut request = self.settings.request(self.url.clone());
        let range = HeaderValue::try_from(format!("bytes={}-", self.received));
        request.headers.extend(range.ok().map(|range| (header::RANGE, range)));
        request.headers.extend(self.version.tag.clone().map(|tag| (header::IF_RANGE, tag)));
        let response = self.settings.client.0.transport.open(&request).await?;
        self.skip = match response.status() {
            StatusCode::PARTIAL_CONTENT => 0,
            // The server sends everything again.
            _ => self.received,
        };
        let range = match response.status() {
            StatusCode::PARTIAL_CONTENT => content_range(response.headers()),
            _ => Some((0, response.content_length())),
        };
        let start = self.received - self.skip;
        let is_same = range.is_some_and(|(from, length)| {
            from == start && ContentVersion::new(response.headers(), length) == self.version
        });
        if !is_same {
            return Err(Error::new(ErrorKind::Transport, "the file changed while it was downloaded"));
        }
        (self.response, self.silence) = (response, Silence::default());
        Ok(())
    }
}

/// Parses a `Content-Range` such as `bytes 10-19/20`. Returns the start of the range and the length of the file.
fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let text = headers.get(header::CONTENT_RANGE)?.to_str().ok()?.trim();
    let (range, length) = text.strip_prefix("bytes ")?.split_once('/')?;
    Some((range.split_once('-')?.0.trim().parse().ok()?, length.trim().parse().ok()))
}

impl Chunks {
    pub(super) fn new(body: Body, max_bytes: Option<u64>, meter: Option<Meter>) -> Self {
        let state = Some((body, meter, 0_u64));
        Self(Box::pin(stream::unfold(state, move |state| async move {
            let (mut body, meter, mut sum) = state?;
            let chunk = match body.next().await {
                Ok(chunk) => chunk?,
                Err(error) => return Some((Err(error), None)),
            };
            let length = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            sum = sum.saturating_add(length);
            if let Err(error) = check_size(sum, max_bytes) {
                return Some((Err(error), None));
            }
            if let Some(meter) = &meter {
                meter.add(length);
            }
            Some((Ok(chunk), Some((body, meter, sum))))
        })))
    }

    /// Waits for the next chunk. Returns `None` at the end.
    pub async fn next(&mut self) -> Option<Result<Bytes>> {
        StreamExt::next(self).await
    }
}

impl Stream for Chunks {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").finish_non_exhaustive()
    }
}

/// Returns a `TooLarge` error if `length` exceeds the limit.
pub(super) fn check_size(length: u64, limit: Option<u64>) -> Result<()> {
    match limit {
        Some(limit) if length > limit => Err(too_large(limit)),
        _ => Ok(()),
    }
}

pub(super) fn too_large(limit: u64) -> Error {
    Error::new(ErrorKind::TooLarge { limit }, format!("the file is larger than {limit} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_parsed() {
        for (text, expected) in [
            ("bytes 10-19/20", Some((10, Some(20)))),
            ("bytes 0-0/*", Some((0, None))),
            ("bytes */20", None),
            ("items 1-2/3", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_RANGE, text.parse().unwrap())]);
            assert_eq!(content_range(&headers), expected, "{text}");
        }
    }
}
