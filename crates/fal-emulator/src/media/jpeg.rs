//! JPEG encoding.

use jpeg_encoder::{ImageBuffer, JpegColorType, rgb_to_ycbcr};

use super::Size;
use super::picture::Picture;

/// The quality of all images, from 1 to 100.
pub(super) const QUALITY: u8 = 85;

/// Returns true if a JPEG can have this size.
pub(crate) fn can_encode(size: Size) -> bool {
    [size.width, size.height].iter().all(|side| (1..=u32::from(u16::MAX)).contains(side))
}

/// Encodes a picture; `None` if a side is zero or over 65,535.
pub(crate) fn encode(picture: &Picture) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    jpeg_encoder::Encoder::new(&mut bytes, QUALITY).encode_image(PictureRows::new(picture)?).ok()?;
    Some(bytes)
}

/// A picture that is drawn row by row while it is encoded. All pixels of a large one would take megabytes.
pub(super) struct PictureRows<'a> {
    picture: &'a Picture,
    width: u16,
    height: u16,
}

impl<'a> PictureRows<'a> {
    /// Returns `None` if a side is over 65,535.
    pub(super) fn new(picture: &'a Picture) -> Option<Self> {
        let size = picture.size();
        Some(Self { picture, width: size.width.try_into().ok()?, height: size.height.try_into().ok()? })
    }
}

impl ImageBuffer for PictureRows<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.width
    }

    fn height(&self) -> u16 {
        self.height
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let mut row = vec![0; usize::from(self.width) * 3];
        self.picture.draw_row(y.into(), &mut row);
        for pixel in row.as_chunks().0 {
            push_rgb(*pixel, buffers);
        }
    }
}

/// Adds a pixel to the rows of an image.
pub(super) fn push_rgb([red, green, blue]: [u8; 3], buffers: &mut [Vec<u8>; 4]) {
    let (luma, blue, red) = rgb_to_ycbcr(red, green, blue);
    // Not in a loop, with which a background takes 40 % longer in a build without optimization.
    buffers[0].push(luma);
    buffers[1].push(blue);
    buffers[2].push(red);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::probe;

    #[test]
    fn the_header_holds_the_size() {
        let bytes = encode(&Picture::new(Size::new(120, 80), 7, "a cat")).unwrap();
        assert_eq!(probe::image_size(&bytes), Some(Size::new(120, 80)));
        assert_eq!(bytes[bytes.len() - 2..], [0xFF, 0xD9]);
    }

    #[test]
    fn rows_are_encoded_as_all_pixels_at_once() {
        let picture = Picture::new(Size::new(75, 50), 7, "a cat");
        let mut whole = Vec::new();
        let encoder = jpeg_encoder::Encoder::new(&mut whole, QUALITY);
        encoder.encode(&picture.pixels(), 75, 50, jpeg_encoder::ColorType::Rgb).unwrap();
        assert_eq!(encode(&picture).unwrap(), whole);
    }
}
