//! Content inside a `data:` URI.

use base64::{Engine, engine::general_purpose::STANDARD};
use fal_core::{File, FileSource};

use super::{
    reader::Reader,
    upload_source::{UploadContent, UploadSource},
};
use crate::{Error, ErrorKind, Result};

/// The largest number of bytes that are read from a reader into memory.
const MAX_READER: u64 = 256 << 20;

/// Returns a file as a `data:` URI, with its whole content. A URI that it has already is returned as it is.
pub(crate) async fn to_data_uri(file: &File) -> Result<String> {
    let reader = match file.source() {
        FileSource::Url(url) if is_data_uri(url) => return Ok(url.clone()),
        FileSource::Url(_) => {
            let message = "a file with a URL is not local: download it, or give its URL";
            return Err(Error::new(ErrorKind::File, message));
        }
        FileSource::Custom { content, .. } => content.downcast::<Reader>(),
        _ => None,
    };
    if let Some(uri) = reader.as_ref().and_then(|reader| reader.url()) {
        return Ok(uri);
    }
    let source = UploadSource::open(file, MAX_READER).await?;
    let uri = encode(source).await?;
    if let Some(reader) = reader {
        reader.set_url(&uri);
    }
    Ok(uri)
}

/// Returns true if the content of a file has to be read from a disk or a reader before it can be written as a URI.
#[cfg(feature = "realtime")]
pub(crate) fn has_to_be_read(file: &File) -> bool {
    match file.source() {
        FileSource::Url(_) | FileSource::Bytes { .. } => false,
        FileSource::Custom { content, .. } => {
            content.downcast::<Reader>().is_some_and(|reader| reader.is_unread())
        }
        _ => true,
    }
}

/// Returns a file as a `data:` URI, if it has at most `limit` bytes. A reader is not, because its length is known only
/// once it is read.
pub(super) async fn to_small_data_uri(file: &File, limit: u64) -> Result<Option<String>> {
    if limit == 0 || matches!(file.source(), FileSource::Custom { .. }) {
        return Ok(None);
    }
    let source = UploadSource::open(file, MAX_READER).await?;
    if source.length().is_none_or(|length| length > limit) {
        return Ok(None);
    }
    encode(source).await.map(Some)
}

async fn encode(source: UploadSource) -> Result<String> {
    let UploadContent::Sized(content) = source.content else {
        return Err(Error::new(ErrorKind::File, "a reader is too long for a data: URI: at most 256 MiB"));
    };
    let content = content.read().await?;
    let content_type = super::upload::parse_content_type(&source.content_type)?;
    Ok(data_uri(content_type.to_str().unwrap_or_default(), &content))
}

/// Returns true if a URL holds its content.
pub(crate) fn is_data_uri(url: &str) -> bool {
    url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// Returns content as a `data:` URI.
pub(crate) fn data_uri(content_type: &str, content: &[u8]) -> String {
    let head = format!("data:{content_type};base64,");
    let mut uri = String::with_capacity(head.len() + content.len().div_ceil(3) * 4);
    uri.push_str(&head);
    STANDARD.encode_string(content, &mut uri);
    uri
}
