//! Bytes to send, from memory or from disk, as often as it takes.

use std::{fs::File, io, sync::Arc, time::SystemTime};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, future, stream};

use super::meter;
use crate::{Error, ErrorKind, Result, transport::Content};

/// How much is read and sent at a time. Large enough that handing it over costs little, small enough that ten
/// parts at a time cost little memory.
const CHUNK: u64 = 256 << 10;

/// How many chunks of a piece are read ahead.
const AHEAD: usize = 2;

/// Bytes to send.
#[derive(Debug, Clone)]
pub(super) enum Piece {
    Memory(Bytes),
    Disk { file: Arc<File>, from: u64, length: u64 },
}

/// What a file on disk is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) length: u64,
    pub(super) modified: Option<SystemTime>,
}

impl Piece {
    pub(super) fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            Self::Disk { length, .. } => *length,
        }
    }

    /// `length` bytes of it, or what there is from `from` on.
    pub(super) fn part(&self, from: u64, length: u64) -> Self {
        let length = length.min(self.length().saturating_sub(from));
        match self {
            Self::Memory(bytes) => {
                let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                Self::Memory(bytes.slice(index(from)..index(from.saturating_add(length))))
            }
            Self::Disk { file, from: start, .. } => {
                Self::Disk { file: file.clone(), from: start.saturating_add(from), length }
            }
        }
    }

    /// The body of a request, made anew for every attempt.
    pub(super) fn content(&self, meter: Option<meter::Piece>) -> Content {
        let piece = match (self, &meter) {
            (Self::Memory(bytes), None) => return Content::Bytes(bytes.clone()),
            (piece, _) => piece.clone(),
        };
        let make = move || {
            if let Some(meter) = &meter {
                meter.restart();
            }
            let meter = meter.clone();
            let chunks = piece.chunks().inspect_ok(move |chunk| {
                if let Some(meter) = &meter {
                    meter.add(u64::try_from(chunk.len()).unwrap_or(0));
                }
            });
            reqwest::Body::wrap_stream(chunks)
        };
        Content::Body { length: self.length(), make: Box::new(make) }
    }

    /// All of it, in memory.
    pub(super) async fn read(&self) -> Result<Bytes> {
        match self {
            Self::Memory(bytes) => Ok(bytes.clone()),
            Self::Disk { file, from, length } => read(file.clone(), *from, *length).await.map_err(|cause| {
                Error::new(ErrorKind::File, format!("a file cannot be read: {cause}")).with_source(cause)
            }),
        }
    }

    /// What a file on disk is known by at this moment.
    pub(super) async fn version(&self) -> Option<Version> {
        let Self::Disk { file, .. } = self else { return None };
        let file = file.clone();
        let metadata = tokio::task::spawn_blocking(move || file.metadata()).await.ok()?.ok()?;
        Some(Version { length: metadata.len(), modified: metadata.modified().ok() })
    }

    fn chunks(&self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static + use<> {
        let whole = self.clone();
        let starts = (0..self.length().div_ceil(CHUNK)).map(move |index| whole.part(index * CHUNK, CHUNK));
        stream::iter(starts)
            .map(|part| match part {
                Self::Memory(bytes) => future::Either::Left(future::ready(Ok(bytes))),
                Self::Disk { file, from, length } => future::Either::Right(read(file, from, length)),
            })
            .buffered(AHEAD)
    }
}

async fn read(file: Arc<File>, from: u64, length: u64) -> io::Result<Bytes> {
    let read = move || {
        let mut buffer = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match read_at(&file, rest, from + u64::try_from(filled).map_err(io::Error::other)?) {
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

/// Reads without moving a cursor, which parts that are read side by side would share.
fn read_at(file: &File, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_at(file, buffer, from);
    #[cfg(windows)]
    return std::os::windows::fs::FileExt::seek_read(file, buffer, from);
    #[cfg(not(any(unix, windows)))]
    {
        let _ = (file, buffer, from);
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn whole(piece: &Piece) -> io::Result<Vec<u8>> {
        let chunks: Vec<Bytes> = piece.chunks().try_collect().await?;
        assert!(chunks.iter().all(|chunk| chunk.len() as u64 <= CHUNK));
        Ok(chunks.concat())
    }

    #[tokio::test]
    async fn parts_are_what_they_should_be_wherever_they_are() {
        let content: Vec<u8> = (0..1_000_003_u32).map(|at| (at / 7) as u8).collect();
        let path = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&path, &content).unwrap();
        let file = Arc::new(File::open(&path).unwrap());
        let disk = Piece::Disk { file, from: 0, length: content.len() as u64 };
        let memory = Piece::Memory(content.clone().into());
        for piece in [&disk, &memory] {
            assert!(whole(piece).await.unwrap() == content);
            for (from, length) in [(0, 0), (0, 1), (1, 300_000), (999_999, 10), (2_000_000, 5)] {
                let part = piece.part(from, length);
                let from = (from as usize).min(content.len());
                let expected = &content[from..(from + length as usize).min(content.len())];
                assert!(whole(&part).await.unwrap() == expected, "{from}");
                assert_eq!(part.length(), expected.len() as u64);
            }
            let inner = piece.part(100, 1000).part(10, 5);
            assert_eq!(whole(&inner).await.unwrap(), content[110..115]);
        }
        std::fs::write(&path, b"short").unwrap();
        let error = whole(&disk).await.unwrap_err().to_string();
        assert!(error.contains("became shorter"), "{error}");
    }
}
