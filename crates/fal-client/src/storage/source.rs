//! What is uploaded: its content, its type, its name.

use std::{io, path::Path, pin::Pin, sync::Arc};

use bytes::Bytes;
use fal_core::{File, FileSource};
use tokio::io::AsyncReadExt;

use super::{
    content_type,
    piece::Piece,
    reader::{Reader, Taken},
};
use crate::{Error, ErrorKind, Result};

/// What is uploaded.
pub(super) struct Source {
    pub(super) content: Content,
    pub(super) content_type: String,
    pub(super) file_name: String,
}

pub(super) enum Content {
    /// All of it is there.
    Known(Piece),
    /// The first part of it, and the rest.
    Rest { first: Bytes, rest: Taken },
}

impl Source {
    /// The source of a file that has no URL yet. Of a reader, the first `part_size` bytes are read.
    pub(super) async fn open(file: &File, part_size: u64) -> Result<Self> {
        match file.source() {
            FileSource::Bytes { data, content_type, name } => {
                let data = Bytes::from_owner(Shared(data.clone()));
                Ok(Self::of_bytes(data, Some(content_type), name.as_deref()))
            }
            FileSource::Path { path, content_type, name } => {
                Self::of_path(path, content_type.as_deref(), name.as_deref()).await.map_err(|cause| {
                    let message = format!("cannot read {}: {cause}", path.display());
                    Error::new(ErrorKind::File, message).with_source(cause)
                })
            }
            FileSource::Custom { content, content_type, name } => {
                let Some(reader) = content.downcast::<Reader>() else { return Err(unknown()) };
                let mut rest = reader.take()?;
                let first = rest.read(part_size).await.map_err(unreadable)?;
                let is_all = u64::try_from(first.len()).is_ok_and(|length| length < part_size);
                let source = Self::of_bytes(first.clone(), content_type.as_deref(), name.as_deref());
                let content = if is_all { source.content } else { Content::Rest { first, rest } };
                Ok(Self { content, ..source })
            }
            _ => Err(unknown()),
        }
    }

    fn of_bytes(data: Bytes, content_type: Option<&str>, name: Option<&str>) -> Self {
        let content_type = match content_type.map(str::trim).filter(|said| !said.is_empty()) {
            None => content_type::guess(name.map(Path::new), data.get(..content_type::HEAD).unwrap_or(&data)),
            Some(said) => said.to_owned(),
        };
        let file_name = name.map_or_else(|| content_type::name(&content_type), str::to_owned);
        Self { content: Content::Known(Piece::Memory(data)), content_type, file_name }
    }

    async fn of_path(path: &Path, content_type: Option<&str>, name: Option<&str>) -> io::Result<Self> {
        let mut file = tokio::fs::File::open(path).await?;
        let metadata = file.metadata().await?;
        if !metadata.is_file() {
            return Err(io::Error::other("it is not a file"));
        }
        let content_type = match content_type {
            Some(said) => said.to_owned(),
            None => {
                let mut head = Vec::new();
                let most = u64::try_from(content_type::HEAD).unwrap_or(u64::MAX);
                Pin::new(&mut file).take(most).read_to_end(&mut head).await?;
                content_type::guess(Some(path), &head)
            }
        };
        let own_name = || path.file_name().map(|name| name.to_string_lossy().into_owned());
        let file_name =
            name.map(str::to_owned).or_else(own_name).unwrap_or_else(|| content_type::name(&content_type));
        let file = Arc::new(file.into_std().await);
        let content = Content::Known(Piece::Disk { file, from: 0, length: metadata.len() });
        Ok(Self { content, content_type, file_name })
    }

    /// How many bytes, if that is known.
    pub(super) fn length(&self) -> Option<u64> {
        match &self.content {
            Content::Known(piece) => Some(piece.length()),
            Content::Rest { .. } => None,
        }
    }
}

fn unknown() -> Error {
    Error::new(ErrorKind::File, "this kind of file cannot be uploaded")
}

pub(super) fn unreadable(cause: io::Error) -> Error {
    Error::new(ErrorKind::File, format!("a reader failed: {cause}")).with_source(cause)
}

/// The content of a [`File`], as bytes that are shared.
struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_about_bytes_is_believed() {
        let source = Source::of_bytes(Bytes::from_static(b"GIF89a"), Some("image/png"), None);
        assert_eq!((source.content_type.as_str(), source.file_name.as_str()), ("image/png", "file.png"));
        let source = Source::of_bytes(Bytes::from_static(b"GIF89a"), Some(""), Some("\u{17e}.bin2"));
        assert_eq!((source.content_type.as_str(), source.file_name.as_str()), ("image/gif", "\u{17e}.bin2"));
    }
}
