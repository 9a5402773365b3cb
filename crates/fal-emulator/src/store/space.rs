//! How much may be uploaded, and bodies on their way to memory or disk.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use ring::digest;

use super::content::Content;

/// Uploads over this size are written to temporary files, in bytes.
const IN_MEMORY: usize = 4 << 20;

/// The room for uploads.
pub(crate) struct Space {
    limit: u64,
    used: Arc<AtomicU64>,
}

/// Room that is taken, until it is dropped.
pub(crate) struct Held {
    bytes: u64,
    used: Arc<AtomicU64>,
}

impl Held {
    /// Takes more; false when there is not as much left.
    fn grow(&mut self, bytes: u64, limit: u64) -> bool {
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(bytes).filter(|used| *used <= limit)
        });
        if taken.is_ok() {
            self.bytes += bytes;
        }
        taken.is_ok()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Why an upload was not taken.
#[derive(Debug)]
pub(crate) enum Refused {
    /// More than there is room for; the limit in bytes.
    Full(u64),
    /// The sender stopped before the end.
    Broken,
    /// The disk failed.
    Disk(io::Error),
}

impl Space {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, used: Arc::default() }
    }

    /// Takes a body, holding little of it in memory.
    pub(crate) async fn take(&self, body: Body) -> Result<Content, Refused> {
        let mut held = Held { bytes: 0, used: Arc::clone(&self.used) };
        let mut sum = digest::Context::new(&digest::SHA256);
        let mut memory = BytesMut::new();
        let mut file: Option<tempfile::NamedTempFile> = None;
        let mut stream = body.into_data_stream();
        while let Some(bytes) = stream.next().await {
            let bytes: Bytes = bytes.map_err(|_| Refused::Broken)?;
            if !held.grow(bytes.len() as u64, self.limit) {
                return Err(Refused::Full(self.limit));
            }
            sum.update(&bytes);
            match &mut file {
                None if memory.len() + bytes.len() <= IN_MEMORY => memory.extend_from_slice(&bytes),
                None => {
                    let mut new = tempfile::NamedTempFile::new().map_err(Refused::Disk)?;
                    // The system's cache takes it; another task waits for a moment at most.
                    new.write_all(&memory).and_then(|()| new.write_all(&bytes)).map_err(Refused::Disk)?;
                    memory = BytesMut::new();
                    file = Some(new);
                }
                Some(file) => file.write_all(&bytes).map_err(Refused::Disk)?,
            }
        }
        let length = held.bytes;
        Ok(match file {
            Some(file) => Content::disk(file.into_temp_path(), length, held, sum.finish()),
            None => Content::held(memory.freeze(), held, sum.finish()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(count: usize, size: usize) -> Body {
        let pieces = (0..count).map(move |index| Ok::<_, io::Error>(Bytes::from(vec![index as u8; size])));
        Body::from_stream(futures_util::stream::iter(pieces))
    }

    async fn read(body: Body) -> Bytes {
        axum::body::to_bytes(body, usize::MAX).await.unwrap()
    }

    #[tokio::test]
    async fn small_and_large_bodies_are_read_back_whole_and_in_part() {
        let space = Space::new(1 << 30);
        for (count, size) in [(0, 0), (3, 1000), (9, 1 << 20)] {
            let content = space.take(pieces(count, size)).await.unwrap();
            let whole = read(pieces(count, size)).await;
            assert_eq!(content.length(), whole.len() as u64);
            assert_eq!(read(content.body(0, content.length())).await, whole);
            assert_eq!(content.head(100), whole.slice(..whole.len().min(100)));
            assert_eq!(content.etag(), Content::memory(whole.clone()).etag());
            let joined = Content::joined([&content, &content]);
            let twice = [whole.as_ref(), whole.as_ref()].concat();
            let (from, length) = (whole.len() / 2, whole.len());
            let part = read(joined.body(from as u64, length as u64)).await;
            assert!(part == twice[from..from + length]);
            assert!(joined.head(u64::MAX) == twice);
        }
    }

    #[tokio::test]
    async fn room_is_limited_and_given_back() {
        let space = Space::new(10 << 20);
        let first = space.take(pieces(6, 1 << 20)).await.unwrap();
        assert!(matches!(space.take(pieces(6, 1 << 20)).await, Err(Refused::Full(_))));
        assert!(space.take(pieces(4, 1 << 20)).await.is_ok());
        drop(first);
        assert!(space.take(pieces(10, 1 << 20)).await.is_ok());
        assert_eq!(space.used.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_refused() {
        let broken = [Ok(Bytes::from_static(b"x")), Err(io::Error::other("gone"))];
        let body = Body::from_stream(futures_util::stream::iter(broken));
        assert!(matches!(Space::new(100).take(body).await, Err(Refused::Broken)));
    }
}
