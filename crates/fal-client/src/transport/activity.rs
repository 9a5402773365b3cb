//! The silence of one attempt: the time in which neither side sends a byte.

use std::{
    future::pending,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use tokio::time::{Instant, sleep_until, timeout};

use super::Failure;

/// The content of a request, piece by piece.
pub(crate) type BodyStream = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// The number of bytes of a request that are handed to the connection at a time. Each piece is a sign of life, so a
/// piece must not take long on a slow line.
const PIECE: usize = 64 << 10;

/// The signs of life of one attempt until its response begins.
pub(super) struct Activity {
    start: Instant,
    /// Shared with a body that is sent piece by piece. Any other is sent at once, and needs no record.
    sending: Option<Arc<Sending>>,
}

struct Sending {
    /// The time of the latest sign of life, in milliseconds since the start.
    latest: AtomicU64,
    /// `true` until the last piece of the body was handed to the connection.
    is_unfinished: AtomicBool,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self { start: Instant::now(), sending: None }
    }

    /// Returns the body of `length` bytes that `content` has. Each piece that is sent is a sign of life.
    pub(super) fn watch(&mut self, length: u64, content: BodyStream) -> reqwest::Body {
        let (start, mut left) = (self.start, length);
        let sending =
            Arc::new(Sending { latest: AtomicU64::new(0), is_unfinished: AtomicBool::new(length > 0) });
        self.sending = Some(Arc::clone(&sending));
        let pieces = content.flat_map(|chunk| stream::iter(split(chunk))).inspect(move |piece| {
            let sent = piece.as_ref().map_or(0, Bytes::len);
            left = left.saturating_sub(u64::try_from(sent).unwrap_or(u64::MAX));
            let elapsed = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
            sending.latest.store(elapsed, Ordering::Relaxed);
            sending.is_unfinished.store(left > 0, Ordering::Relaxed);
        });
        reqwest::Body::wrap_stream(pieces)
    }

    /// Returns true if a part of the body has not been handed to the connection.
    pub(super) fn is_sending(&self) -> bool {
        self.sending.as_ref().is_some_and(|sending| sending.is_unfinished.load(Ordering::Relaxed))
    }

    /// Waits until there was no sign of life for too long. Returns the limit that has passed: `sending` while the body
    /// is sent, and then `answer`.
    pub(super) async fn silence(&self, sending: Option<Duration>, answer: Option<Duration>) -> Duration {
        loop {
            let latest = self.sending.as_ref().map_or(0, |sending| sending.latest.load(Ordering::Relaxed));
            let is_sending = self.is_sending();
            let limit = if is_sending { sending } else { answer };
            let since = self.start + Duration::from_millis(latest);
            // Without a limit now there can be one later, so the state is checked again.
            let end = limit.and_then(|limit| since.checked_add(limit));
            match end {
                Some(end) if end <= Instant::now() => return limit.unwrap_or_default(),
                Some(end) => sleep_until(end).await,
                None if is_sending => tokio::time::sleep(Duration::from_secs(1)).await,
                None => pending().await,
            }
        }
    }
}

/// Splits a chunk into pieces without copying it.
fn split(chunk: io::Result<Bytes>) -> impl Iterator<Item = io::Result<Bytes>> {
    let mut rest = Some(chunk);
    std::iter::from_fn(move || match rest.take()? {
        Ok(mut chunk) if chunk.len() > PIECE => {
            let piece = chunk.split_to(PIECE);
            rest = Some(Ok(chunk));
            Some(Ok(piece))
        }
        last => Some(last),
    })
}

/// Returns content in memory as a stream.
pub(super) fn stream_bytes(bytes: Bytes) -> BodyStream {
    Box::pin(stream::iter([Ok(bytes)]))
}

/// Returns true if content in memory is so large that sending it may take long.
pub(super) fn is_large(bytes: &Bytes) -> bool {
    bytes.len() > PIECE
}

/// The number of bytes of a body that end a silence. A server that sends a byte now and then would otherwise never be given
/// up.
pub(crate) const SIGN_OF_LIFE: usize = 1 << 10;

/// The patience with the body of a response.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyPatience {
    /// The limit of a wait for the next bytes.
    pub(super) idle: Option<Duration>,
    /// The limit of all waits until there is a sign of life. Some gateways send spaces while a model works.
    pub(super) dripping: Option<Duration>,
}

/// The body of a response, which is given up when its server is silent or only drips.
pub(super) struct BodyReader<'a> {
    response: &'a mut reqwest::Response,
    patience: BodyPatience,
    /// The time spent waiting since the last sign of life, and the bytes that have arrived in it.
    waited: Duration,
    bytes: usize,
}

impl<'a> BodyReader<'a> {
    pub(super) fn new(response: &'a mut reqwest::Response, patience: BodyPatience) -> Self {
        Self { response, patience, waited: Duration::ZERO, bytes: 0 }
    }

    /// Waits for the next bytes.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        let BodyPatience { idle, dripping } = self.patience;
        let left = dripping.map(|limit| limit.saturating_sub(self.waited));
        let Some(limit) = idle.into_iter().chain(left).min() else {
            return self.response.chunk().await.map_err(Failure::from_reqwest);
        };
        let start = Instant::now();
        let chunk = timeout(limit, self.response.chunk()).await;
        self.waited += start.elapsed();
        let chunk =
            chunk.map_err(|_| Failure::Silent(if Some(limit) == idle { limit } else { self.waited }))?;
        let chunk = chunk.map_err(Failure::from_reqwest)?;
        self.bytes += chunk.as_ref().map_or(0, Bytes::len);
        if self.bytes >= SIGN_OF_LIFE {
            (self.waited, self.bytes) = (Duration::ZERO, 0);
        }
        Ok(chunk)
    }
}
