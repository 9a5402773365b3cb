//! Content to send, in memory or on disk, readable as often as needed.

use std::{fs::File, io, sync::Arc, time::SystemTime};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, future, stream};

use super::progress::PartProgress;
use crate::{
    Error, ErrorKind, Result,
    transport::{BodyStream, Content},
};

/// The number of bytes that are read and sent at a time. Large enough for few hand-overs between threads, small
/// enough for ten parts to be sent at the same time in little memory.
const CHUNK: u64 = 256 << 10;

/// The number of chunks that are read ahead.
const READ_AHEAD: usize = 2;

/// A range of bytes in memory or in a file.
#[derive(Debug, Clone)]
pub(super) enum ByteSource {
    Memory(Bytes),
    Disk { file: Arc<File>, start: u64, length: u64 },
}

/// The properties of a file on disk that change when its content is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileVersion {
    pub(super) length: u64,
    pub(super) modified: Option<SystemTime>,
}

impl ByteSource {
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::Disk { length, .. } => *length,
        }
    }

    /// Returns the `length` bytes that begin at `from`, or fewer at the end.
    pub(super) fn slice(&self, from: u64, length: u64) -> Self {
        let length = length.min(self.length().saturating_sub(from));
        match self {
            Self::Memory(bytes) => {
                let index = |offset: u64| usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
                Self::Memory(bytes.slice(index(from)..index(from.saturating_add(length))))
            }
            Self::Disk { file, start, .. } => {
                Self::Disk { file: file.clone(), start: start.saturating_add(from), length }
            }
        }
    }

    /// Returns a request body, which is read again for every attempt.
    pub(super) fn to_content(&self, progress: Option<PartProgress>) -> Content {
        let source = match (self, &progress) {
            (Self::Memory(bytes), None) => return Content::Bytes(bytes.clone()),
            (source, _) => source.clone(),
        };
        let make = move || {
            if let Some(progress) = &progress {
                progress.restart();
            }
            let progress = progress.clone();
            let chunks = source.chunks().inspect_ok(move |chunk| {
                if let Some(progress) = &progress {
                    progress.add(u64::try_from(chunk.len()).unwrap_or(0));
                }
            });
            Box::pin(chunks) as BodyStream
        };
        Content::Body { length: self.length(), make: Box::new(make) }
    }

    /// Reads everything into memory.
    pub(super) async fn read(&self) -> Result<Bytes> {
        match self {
            Self::Memory(bytes) => Ok(bytes.clone()),
            Self::Disk { file, start, length } => {
                read(file.clone(), *start, *length).await.map_err(|cause| {
                    Error::new(ErrorKind::File, format!("a file cannot be read: {cause}")).with_source(cause)
                })
            }
        }
    }

    /// Returns the current version of a file on disk; `None` for content in memory.
    pub(super) async fn version(&self) -> Option<FileVersion> {
        let Self::Disk { file, .. } = self else { return None };
        let file = file.clone();
        let metadata = tokio::task::spawn_blocking(move || file.metadata()).await.ok()?.ok()?;
        Some(FileVersion { length: metadata.len(), modified: metadata.modified().ok() })
    }

    fn chunks(&self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static + use<> {
        let whole = self.clone();
        let chunks = (0..self.length().div_ceil(CHUNK)).map(move |index| whole.slice(index * CHUNK, CHUNK));
        stream::iter(chunks)
            .map(|chunk| match chunk {
                Self::Memory(bytes) => future::Either::Left(future::ready(Ok(bytes))),
                Self::Disk { file, start, length } => future::Either::Right(read(file, start, length)),
            })
            .buffered(READ_AHEAD)
    }
}

async fn read(file: Arc<File>, start: u64, length: u64) -> io::Result<Bytes> {
    let read = move || {
        let mut buffer = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match read_at(&file, rest, start + u64::try_from(filled).map_err(io::Error::other)?) {
                Ok(0) => return Err(io::Error::other("the file became shorter while it was sent")),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Bytes::from(buffer))
    };
    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
}

/// Reads at an offset. Parts that are read at the same time would share the cursor of the file.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_at(file, buffer, offset);
    #[cfg(windows)]
    return std::os::windows::fs::FileExt::seek_read(file, buffer, offset);
    #[cfg(not(any(unix, windows)))]
    {
        let _ = (file, buffer, offset);
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_chunks(source: &ByteSource) -> io::Result<Vec<u8>> {
        let chunks: Vec<Bytes> = source.chunks().try_collect().await?;
        assert!(chunks.iter().all(|chunk| chunk.len() as u64 <= CHUNK));
        Ok(chunks.concat())
    }

    #[tokio::test]
    async fn slices_have_the_same_content_in_memory_and_on_disk() {
        let content: Vec<u8> = (0..1_000_003_u32).map(|index| (index / 7) as u8).collect();
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&path, &content).unwrap();
        let file = Arc::new(File::open(&path).unwrap());
        let disk = ByteSource::Disk { file, start: 0, length: content.len() as u64 };
        let memory = ByteSource::Memory(content.clone().into());
        for source in [&disk, &memory] {
            assert!(read_chunks(source).await.unwrap() == content);
            for (from, length) in [(0, 0), (0, 1), (1, 300_000), (999_999, 10), (2_000_000, 5)] {
                let part = source.slice(from, length);
                let from = (from as usize).min(content.len());
                let expected = &content[from..(from + length as usize).min(content.len())];
                assert!(read_chunks(&part).await.unwrap() == expected, "{from}");
                assert_eq!(part.length(), expected.len() as u64);
            }
            let inner = source.slice(100, 1000).slice(10, 5);
            assert_eq!(read_chunks(&inner).await.unwrap(), content[110..115]);
        }
        std::fs::write(&path, b"short").unwrap();
        let error = read_chunks(&disk).await.unwrap_err().to_string();
        assert!(error.contains("became shorter"), "{error}");
    }
}
