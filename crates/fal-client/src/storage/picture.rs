//! Pictures of the crate `image`.

use std::io::Cursor;

use bytes::Bytes;
use fal_core::File;
use image::{DynamicImage, ImageError, ImageFormat, ImageReader};

use crate::{Error, ErrorKind, Result};

/// Encodes a picture as a file in memory.
pub(super) fn encode(picture: &DynamicImage, format: ImageFormat) -> Result<File> {
    let write = |picture: &DynamicImage| {
        let mut content = Cursor::new(Vec::new());
        picture.write_to(&mut content, format).map(|()| content.into_inner())
    };
    let written = match (write(picture), format) {
        // Not every format has every kind of pixel: JPEG has no transparency, WebP no 16 bits.
        (Err(ImageError::Unsupported(_)), ImageFormat::Jpeg) => write(&picture.to_rgb8().into()),
        (Err(ImageError::Unsupported(_)), _) => write(&picture.to_rgba8().into()),
        (written, _) => written,
    };
    let content = written.map_err(|cause| failed("written", cause))?;
    let name = format!("image.{}", format.extensions_str().first().unwrap_or(&"bin"));
    Ok(File::bytes(content, format.to_mime_type()).named(name))
}

/// Decodes a picture. On a thread for blocking work, because a large one takes longer than other tasks may wait.
pub(super) async fn decode(content: Bytes) -> Result<DynamicImage> {
    let decoded = tokio::task::spawn_blocking(move || {
        ImageReader::new(Cursor::new(content)).with_guessed_format().map_err(ImageError::IoError)?.decode()
    });
    match decoded.await {
        Ok(decoded) => decoded.map_err(|cause| failed("read", cause)),
        Err(cause) => Err(failed("read", cause)),
    }
}

fn failed(verb: &str, cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::File, format!("the image cannot be {verb}: {cause}")).with_source(cause)
}
