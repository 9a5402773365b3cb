//! The content of a download, which goes on where it broke off.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use url::Url;

use super::{Meter, check};
use crate::{
    Client, Error, ErrorKind, Result, Retry,
    retry::{Outcome, RetryClass},
    transport::Request,
};

/// Whoever has got this much further may begin to count attempts anew.
const PROGRESS: u64 = 1 << 20;

/// The content of a file, piece by piece, from [`Download::chunks`](super::Download::chunks). Ends after an error.
#[must_use = "a stream does nothing unless polled"]
pub struct Chunks(Pin<Box<dyn Stream<Item = Result<Bytes>> + Send>>);

/// Where content comes from.
pub(super) enum Body {
    Here(Option<Bytes>),
    Open(Box<Open>),
}

/// A download under way.
pub(super) struct Open {
    client: Client,
    url: Url,
    retry: Retry,
    response: reqwest::Response,
    /// What the content is known by, so that a part of another version is not taken for the rest of this one.
    version: Version,
    received: u64,
    /// How many attempts there were since `received` was this.
    attempts: (u32, u64),
    /// When the first of them was.
    start: Instant,
    /// What comes again and was received already.
    skip: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct Version {
    /// An `ETag` that promises the same bytes, or a date.
    tag: Option<HeaderValue>,
    length: Option<u64>,
}

impl Version {
    fn of(headers: &HeaderMap, length: Option<u64>) -> Self {
        let strong = |tag: &&HeaderValue| !tag.as_bytes().starts_with(b"W/");
        let tag = headers.get(header::ETAG).filter(strong).or_else(|| headers.get(header::LAST_MODIFIED));
        Self { tag: tag.cloned(), length }
    }
}

impl Body {
    pub(super) fn open(client: Client, url: Url, retry: Retry, response: reqwest::Response) -> Self {
        let version = Version::of(response.headers(), response.content_length());
        let (attempts, start) = ((1, 0), Instant::now());
        Self::Open(Box::new(Open {
            client,
            url,
            retry,
            response,
            version,
            received: 0,
            attempts,
            start,
            skip: 0,
        }))
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        match self {
            Self::Here(content) => Ok(content.take().filter(|content| !content.is_empty())),
            Self::Open(open) => open.next().await,
        }
    }
}

impl Open {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        loop {
            let mut chunk = match self.response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(None),
                Err(cause) => {
                    self.go_on(Error::broken(cause)).await?;
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

    /// Asks for the rest, or gives up with `error`.
    async fn go_on(&mut self, error: Error) -> Result<()> {
        let (number, before) = self.attempts;
        let number = if self.received - before >= PROGRESS { 1 } else { number };
        // Without anything to know it by, the rest may be that of another file.
        if self.version.tag.is_none() && self.version.length.is_none() {
            return Err(error);
        }
        let elapsed = self.start.elapsed();
        let Some(pause) = self.retry.pause(number, RetryClass::Idempotent, &Outcome::Broken, elapsed, None)
        else {
            return Err(error);
        };
        tracing::debug!(received = self.received, ?pause, %error, "a download goes on");
        tokio::time::sleep(pause).await;
        self.attempts = (number + 1, self.received);
        let mut request = Request::to_anyone(Method::GET, self.url.clone(), RetryClass::Idempotent);
        request.retry = self.retry.clone();
        let range = HeaderValue::try_from(format!("bytes={}-", self.received));
        request.headers.extend(range.ok().map(|range| (header::RANGE, range)));
        request.headers.extend(self.version.tag.clone().map(|tag| (header::IF_RANGE, tag)));
        let response = self.client.0.transport.open(&request).await?;
        self.skip = match response.status() {
            StatusCode::PARTIAL_CONTENT => 0,
            // All of it again.
            _ => self.received,
        };
        let extent = match response.status() {
            StatusCode::PARTIAL_CONTENT => extent(response.headers()),
            _ => Some((0, response.content_length())),
        };
        let start = self.received - self.skip;
        let same = extent.is_some_and(|(from, length)| {
            from == start && Version::of(response.headers(), length) == self.version
        });
        if !same {
            return Err(Error::new(ErrorKind::Transport, "the file changed while it was downloaded"));
        }
        self.response = response;
        Ok(())
    }
}

/// Where a part begins, and how long the whole is: `bytes 10-19/20`.
fn extent(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
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
            if let Err(error) = check(sum, max_bytes) {
                return Some((Err(error), None));
            }
            if let Some(meter) = &meter {
                meter.add(length);
            }
            Some((Ok(chunk), Some((body, meter, sum))))
        })))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_are_read() {
        for (text, expected) in [
            ("bytes 10-19/20", Some((10, Some(20)))),
            ("bytes 0-0/*", Some((0, None))),
            ("bytes */20", None),
            ("items 1-2/3", None),
            ("", None),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_RANGE, text.parse().unwrap())]);
            assert_eq!(extent(&headers), expected, "{text}");
        }
    }
}
