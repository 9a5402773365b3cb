//! JPEG encoding.

use super::Size;
use super::picture::Picture;

/// Returns true if a JPEG can have this size.
pub(crate) fn can_encode(size: Size) -> bool {
    [size.width, size.height].iter().all(|side| (1..=u32::from(u16::MAX)).contains(side))
}

/// Encodes a picture; `None` if a side is zero or over 65,535.
pub(crate) fn encode(picture: &Picture) -> Option<Vec<u8>> {
    let size = picture.size();
    let (width, height) = (u16::try_from(size.width).ok()?, u16::try_from(size.height).ok()?);
    let mut bytes = Vec::new();
    jpeg_encoder::Encoder::new(&mut bytes, 85)
        .encode(&picture.pixels(), width, height, jpeg_encoder::ColorType::Rgb)
        .ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use crate::media::picture::Picture;
    use crate::media::{Size, probe};

    #[test]
    fn the_header_holds_the_size() {
        let bytes = super::encode(&Picture::new(Size::new(120, 80), 7, "a cat")).unwrap();
        assert_eq!(probe::image_size(&bytes), Some(Size::new(120, 80)));
        assert_eq!(bytes[bytes.len() - 2..], [0xFF, 0xD9]);
    }
}
