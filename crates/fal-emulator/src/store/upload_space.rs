//! The limit for all uploads together, and receiving uploads into memory or onto disk.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use ring::digest;

use super::content::FileContent;

/// The size in bytes above which uploads are written to temporary files.
const MEMORY_LIMIT: usize = 4 << 20;

/// The space for all uploads together.
pub(crate) struct UploadSpace {
    limit: u64,
    used: Arc<AtomicU64>,
}

/// Reserved space, which is free again once this is dropped.
pub(crate) struct Reservation {
    bytes: u64,
    used: Arc<AtomicU64>,
}

impl Reservation {
    /// Reserves more bytes. Returns false if there is not enough space.
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

impl Drop for Reservation {
    fn drop(&mut self) {
        self.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// The reason why an upload failed.
#[derive(Debug)]
pub(crate) enum UploadError {
    /// There is not enough space; holds the limit in bytes.
    Full(u64),
    /// The body ended early.
    Broken,
    /// The temporary file could not be written.
    Disk(io::Error),
}

impl UploadSpace {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, used: Arc::default() }
    }

    /// Receives a body, at most 4 MiB of it in memory.
    pub(crate) async fn receive(&self, body: Body) -> Result<FileContent, UploadError> {
        let mut reservation = Reservation { bytes: 0, used: Arc::clone(&self.used) };
        let mut sum = digest::Context::new(&digest::SHA256);
        let mut memory = BytesMut::new();
        let mut file: Option<File> = None;
        let mut stream = body.into_data_stream();
        while let Some(bytes) = stream.next().await {
            let bytes: Bytes = bytes.map_err(|_| UploadError::Broken)?;
            if !reservation.grow(bytes.len() as u64, self.limit) {
                return Err(UploadError::Full(self.limit));
            }
            sum.update(&bytes);
            match &mut file {
                None if memory.len() + bytes.len() <= MEMORY_LIMIT => memory.extend_from_slice(&bytes),
                None => {
                    let mut new = tempfile::tempfile().map_err(UploadError::Disk)?;
                    // Blocking is fine: these writes go to the page cache.
                    new.write_all(&memory).and_then(|()| new.write_all(&bytes)).map_err(UploadError::Disk)?;
                    memory = BytesMut::new();
                    file = Some(new);
                }
                Some(file) => file.write_all(&bytes).map_err(UploadError::Disk)?,
            }
        }
        let length = reservation.bytes;
        Ok(match file {
            Some(file) => FileContent::on_disk(file, length, reservation, sum.finish()),
            None => FileContent::in_memory(memory.freeze(), reservation, sum.finish()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunks(count: usize, size: usize) -> Body {
        let chunks = (0..count).map(move |index| Ok::<_, io::Error>(Bytes::from(vec![index as u8; size])));
        Body::from_stream(futures_util::stream::iter(chunks))
    }

    async fn read(body: Body) -> Bytes {
        axum::body::to_bytes(body, usize::MAX).await.unwrap()
    }

    #[tokio::test]
    async fn bodies_in_memory_and_on_disk_are_read_back_whole_and_in_part() {
        let space = UploadSpace::new(1 << 30);
        for (count, size) in [(0, 0), (3, 1000), (9, 1 << 20)] {
            let content = space.receive(chunks(count, size)).await.unwrap();
            let whole = read(chunks(count, size)).await;
            assert_eq!(content.length(), whole.len() as u64);
            assert_eq!(read(content.stream_range(0, content.length())).await, whole);
            assert_eq!(content.head(100), whole.slice(..whole.len().min(100)));
            assert_eq!(content.etag(), FileContent::from_bytes(whole.clone()).etag());
            let joined = FileContent::concat([&content, &content]);
            let twice = [whole.as_ref(), whole.as_ref()].concat();
            let (from, length) = (whole.len() / 2, whole.len());
            let part = read(joined.stream_range(from as u64, length as u64)).await;
            assert!(part == twice[from..from + length]);
            assert!(joined.head(u64::MAX) == twice);
        }
    }

    #[tokio::test]
    async fn space_is_limited_and_free_again_after_a_drop() {
        let space = UploadSpace::new(10 << 20);
        let first = space.receive(chunks(6, 1 << 20)).await.unwrap();
        assert!(matches!(space.receive(chunks(6, 1 << 20)).await, Err(UploadError::Full(_))));
        assert!(space.receive(chunks(4, 1 << 20)).await.is_ok());
        drop(first);
        assert!(space.receive(chunks(10, 1 << 20)).await.is_ok());
        assert_eq!(space.used.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn a_body_that_ends_early_is_an_error() {
        let broken = [Ok(Bytes::from_static(b"x")), Err(io::Error::other("gone"))];
        let body = Body::from_stream(futures_util::stream::iter(broken));
        assert!(matches!(UploadSpace::new(100).receive(body).await, Err(UploadError::Broken)));
    }
}
