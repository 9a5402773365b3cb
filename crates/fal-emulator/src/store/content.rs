//! The bytes of a file, wherever they are kept.

use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use ring::digest;
use tempfile::TempPath;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

use super::space::Held;

/// How much of a file on disk is read at once.
const CHUNK: usize = 256 << 10;

/// The bytes of a file, in as many pieces as they came.
#[derive(Clone)]
pub(crate) struct Content {
    pieces: Vec<Piece>,
    length: u64,
    etag: String,
}

#[derive(Clone)]
enum Piece {
    Memory {
        bytes: Bytes,
        _held: Option<Arc<Held>>,
    },
    /// The file is removed, and its space free, with the last piece.
    Disk {
        path: Arc<TempPath>,
        length: u64,
        _held: Arc<Held>,
    },
    /// The file of an earlier run, which stays.
    Kept {
        path: Arc<PathBuf>,
        length: u64,
    },
}

enum Source<'a> {
    Memory(&'a Bytes),
    Disk(&'a Path),
}

impl Piece {
    fn source(&self) -> Source<'_> {
        match self {
            Self::Memory { bytes, .. } => Source::Memory(bytes),
            Self::Disk { path, .. } => Source::Disk(path),
            Self::Kept { path, .. } => Source::Disk(path),
        }
    }

    fn length(&self) -> u64 {
        match self {
            Self::Memory { bytes, .. } => bytes.len() as u64,
            Self::Disk { length, .. } | Self::Kept { length, .. } => *length,
        }
    }
}

impl Content {
    /// What the emulator makes itself, which no limit counts.
    pub(crate) fn memory(bytes: Bytes) -> Self {
        let etag = etag(&[digest::digest(&digest::SHA256, &bytes)]);
        Self { length: bytes.len() as u64, pieces: vec![Piece::Memory { bytes, _held: None }], etag }
    }

    pub(super) fn held(bytes: Bytes, held: Held, sum: digest::Digest) -> Self {
        let length = bytes.len() as u64;
        Self {
            length,
            pieces: vec![Piece::Memory { bytes, _held: Some(Arc::new(held)) }],
            etag: etag(&[sum]),
        }
    }

    pub(super) fn disk(path: TempPath, length: u64, held: Held, sum: digest::Digest) -> Self {
        let piece = Piece::Disk { path: Arc::new(path), length, _held: Arc::new(held) };
        Self { length, pieces: vec![piece], etag: etag(&[sum]) }
    }

    pub(super) fn kept(path: PathBuf, length: u64, etag: String) -> Self {
        Self { length, pieces: vec![Piece::Kept { path: Arc::new(path), length }], etag }
    }

    /// Writes all of it to a new file, while the caller waits.
    pub(super) fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut file = std::fs::File::create(path)?;
        for piece in &self.pieces {
            match piece.source() {
                Source::Memory(bytes) => file.write_all(bytes)?,
                Source::Disk(path) => drop(std::io::copy(&mut std::fs::File::open(path)?, &mut file)?),
            }
        }
        Ok(())
    }

    /// One after the other, without copying. The tag is made of those of the parts.
    pub(crate) fn joined<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut whole = Self { pieces: Vec::new(), length: 0, etag: String::new() };
        let mut tags = digest::Context::new(&digest::SHA256);
        let mut count = 0;
        for part in parts {
            whole.pieces.extend(part.pieces.iter().cloned());
            whole.length += part.length;
            tags.update(part.etag.as_bytes());
            count += 1;
        }
        whole.etag = format!("{}-{count}", etag(&[tags.finish()]));
        whole
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// A tag that differs when the bytes do, without quotes.
    pub(crate) fn etag(&self) -> &str {
        &self.etag
    }

    /// The first `most` bytes, read while the caller waits; nothing when the disk fails.
    pub(crate) fn head(&self, most: u64) -> Bytes {
        let mut head = Vec::new();
        for piece in &self.pieces {
            let left = most.saturating_sub(head.len() as u64);
            match piece.source() {
                Source::Memory(bytes) if self.pieces.len() == 1 => {
                    return bytes.slice(..bytes.len().min(usize::try_from(most).unwrap_or(usize::MAX)));
                }
                Source::Memory(bytes) => {
                    let length = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                    head.extend_from_slice(&bytes[..length]);
                }
                Source::Disk(path) => {
                    let read =
                        std::fs::File::open(path).and_then(|file| file.take(left).read_to_end(&mut head));
                    if read.is_err() {
                        return Bytes::new();
                    }
                }
            }
            if head.len() as u64 >= most {
                break;
            }
        }
        head.into()
    }

    /// The bytes from `from` on, `length` of them, as they are asked for.
    pub(crate) fn body(&self, from: u64, length: u64) -> Body {
        let mut skip = from;
        let mut left = length;
        let mut sections = Vec::new();
        for piece in &self.pieces {
            let start = skip.min(piece.length());
            let taken = left.min(piece.length() - start);
            skip -= start;
            left -= taken;
            if taken > 0 {
                sections.push(Section { piece: piece.clone(), start, left: taken, file: None });
            }
        }
        if let [Section { piece: Piece::Memory { bytes, .. }, start, left, .. }] = sections.as_slice() {
            let (start, left) = (*start as usize, *left as usize);
            return Body::from(bytes.slice(start..start + left));
        }
        sections.reverse();
        Body::from_stream(stream::unfold(sections, async |mut sections| {
            let section = sections.last_mut()?;
            let read = section.read().await;
            if section.left == 0 || read.is_err() {
                sections.pop();
            }
            if read.is_err() {
                sections.clear();
            }
            Some((read, sections))
        }))
    }
}

/// A stretch of a piece that is still to be sent.
struct Section {
    piece: Piece,
    start: u64,
    left: u64,
    file: Option<tokio::fs::File>,
}

impl Section {
    async fn read(&mut self) -> std::io::Result<Bytes> {
        let length = self.left.min(CHUNK as u64) as usize;
        let bytes = match self.piece.source() {
            Source::Memory(bytes) => bytes.slice(self.start as usize..self.start as usize + length),
            Source::Disk(path) => {
                let file = match &mut self.file {
                    Some(file) => file,
                    closed => {
                        let mut file = std::fs::File::open(path)?;
                        file.seek(SeekFrom::Start(self.start))?;
                        let mut file = tokio::fs::File::from_std(file);
                        file.set_max_buf_size(CHUNK);
                        closed.insert(file)
                    }
                };
                file.seek(SeekFrom::Start(self.start)).await?;
                let mut bytes = vec![0; length];
                file.read_exact(&mut bytes).await?;
                bytes.into()
            }
        };
        self.start += length as u64;
        self.left -= length as u64;
        Ok(bytes)
    }
}

fn etag(sums: &[digest::Digest]) -> String {
    sums.iter().flat_map(|sum| &sum.as_ref()[..16]).map(|byte| format!("{byte:02x}")).collect()
}
