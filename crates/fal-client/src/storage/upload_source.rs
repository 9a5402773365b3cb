//! The content, media type and name of a file that is about to be uploaded.

use std::{io, path::Path, pin::Pin, sync::Arc};

use bytes::Bytes;
use fal_core::{File, FileSource};
use tokio::io::AsyncReadExt;

use super::{
    byte_source::ByteSource,
    content_type,
    reader::{Reader, TakenReader},
};
use crate::{Error, ErrorKind, Result, regular_file::check_is_regular};

/// A file that is about to be uploaded.
pub(super) struct UploadSource {
    pub(super) content: UploadContent,
    pub(super) content_type: String,
    pub(super) file_name: String,
}

pub(super) enum UploadContent {
    /// UploadContent of a known length, which can be read again.
    Sized(ByteSource),
    /// A reader that has more than the first part, which is in memory.
    Unsized { first: Bytes, rest: TakenReader },
}

impl UploadSource {
    /// Opens a file that has no URL yet. Reads the first `part_size` bytes of a reader.
    pub(super) async fn open(file: &File, part_size: u64) -> Result<Self> {
        match file.source() {
            FileSource::Bytes { data, content_type, name } => {
                let data = Bytes::from_owner(SharedBytes(data.clone()));
                Ok(Self::from_bytes(data, Some(content_type), name.as_deref()))
            }
            FileSource::Path { path, content_type, name } => {
                Self::from_path(path, content_type.as_deref(), name.as_deref()).await.map_err(|cause| {
                    let message = format!("cannot read {}: {cause}", path.display());
                    Error::new(ErrorKind::File, message).with_source(cause)
                })
            }
            FileSource::Custom { content, content_type, name } => {
                let Some(reader) = content.downcast::<Reader>() else { return Err(unsupported()) };
                let mut rest = reader.take()?;
                let first = rest.read(part_size).await.map_err(reader_failed)?;
                let is_all = u64::try_from(first.len()).is_ok_and(|length| length < part_size);
                let source = Self::from_bytes(first.clone(), content_type.as_deref(), name.as_deref());
                let content = if is_all { source.content } else { UploadContent::Unsized { first, rest } };
                Ok(Self { content, ..source })
            }
            _ => Err(unsupported()),
        }
    }

    fn from_bytes(data: Bytes, content_type: Option<&str>, name: Option<&str>) -> Self {
        let content_type = match content_type.map(str::trim).filter(|given| !given.is_empty()) {
            None => content_type::guess(name.map(Path::new), data.get(..content_type::HEAD).unwrap_or(&data)),
            Some(given) => given.to_owned(),
        };
        let file_name = name.map_or_else(|| content_type::default_name(&content_type), str::to_owned);
        Self { content: UploadContent::Sized(ByteSource::Memory(data)), content_type, file_name }
    }

    async fn from_path(path: &Path, content_type: Option<&str>, name: Option<&str>) -> io::Result<Self> {
        // Looked at first, because opening a named pipe waits for its other end.
        check_is_regular(&tokio::fs::metadata(path).await?)?;
        let mut file = tokio::fs::File::open(path).await?;
        let metadata = file.metadata().await?;
        check_is_regular(&metadata)?;
        let content_type = match content_type {
            Some(given) => given.to_owned(),
            None => {
                let mut head = Vec::new();
                let limit = u64::try_from(content_type::HEAD).unwrap_or(u64::MAX);
                Pin::new(&mut file).take(limit).read_to_end(&mut head).await?;
                content_type::guess(Some(path), &head)
            }
        };
        let own_name = || path.file_name().map(|name| name.to_string_lossy().into_owned());
        let file_name = name
            .map(str::to_owned)
            .or_else(own_name)
            .unwrap_or_else(|| content_type::default_name(&content_type));
        let file = Arc::new(file.into_std().await);
        let content = UploadContent::Sized(ByteSource::Disk { file, start: 0, length: metadata.len() });
        Ok(Self { content, content_type, file_name })
    }

    /// Returns the number of bytes, if it is known.
    pub(super) fn length(&self) -> Option<u64> {
        match &self.content {
            UploadContent::Sized(source) => Some(source.length()),
            UploadContent::Unsized { .. } => None,
        }
    }
}

fn unsupported() -> Error {
    Error::new(ErrorKind::File, "this kind of file cannot be uploaded")
}

pub(super) fn reader_failed(cause: io::Error) -> Error {
    Error::new(ErrorKind::File, format!("a reader failed: {cause}")).with_source(cause)
}

/// The content of a [`File`] in memory, shared and not copied.
struct SharedBytes(Arc<Vec<u8>>);

impl AsRef<[u8]> for SharedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_content_type_wins_over_the_content() {
        let source = UploadSource::from_bytes(Bytes::from_static(b"GIF89a"), Some("image/png"), None);
        assert_eq!((source.content_type.as_str(), source.file_name.as_str()), ("image/png", "file.png"));
        let source = UploadSource::from_bytes(Bytes::from_static(b"GIF89a"), Some(""), Some("\u{17e}.bin2"));
        assert_eq!((source.content_type.as_str(), source.file_name.as_str()), ("image/gif", "\u{17e}.bin2"));
    }
}
