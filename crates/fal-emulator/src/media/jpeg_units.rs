//! A JPEG in units that can be exchanged: each block of 16 by 16 pixels stands between restart markers of its own.

use jpeg_encoder::ImageBuffer;

use super::jpeg::QUALITY;

/// The side of a unit, in pixels.
pub(super) const SIDE: u32 = 16;

/// The marker before the pixels of an image, and the one at its end.
const START_OF_SCAN: u8 = 0xDA;
const END_OF_IMAGE: u8 = 0xD9;

/// An encoded image. Every such image has the same tables, so that units of one are valid in another.
pub(super) struct JpegUnits {
    /// Everything before the first unit.
    head: Vec<u8>,
    /// All units, one after the other without markers.
    units: Vec<u8>,
    /// The end of each unit.
    ends: Vec<usize>,
}

impl JpegUnits {
    /// Encodes an image. Returns `None` if a side is zero.
    pub(super) fn encode(image: impl ImageBuffer) -> Option<Self> {
        let mut bytes = Vec::new();
        let mut encoder = jpeg_encoder::Encoder::new(&mut bytes, QUALITY);
        encoder.set_restart_interval(1);
        encoder.encode_image(image).ok()?;
        Self::split(&bytes)
    }

    fn split(bytes: &[u8]) -> Option<Self> {
        let mut at = 2;
        loop {
            let [_, marker, high, low] = bytes.get(at..at + 4)?.try_into().ok()?;
            at += 2 + usize::from(u16::from_be_bytes([high, low]));
            if marker == START_OF_SCAN {
                break;
            }
        }
        let (head, mut rest) = bytes.split_at_checked(at)?;
        let (mut units, mut ends) = (Vec::with_capacity(rest.len()), Vec::new());
        loop {
            // A byte of 255 that begins no marker is followed by a zero.
            let end = rest.windows(2).position(|pair| pair[0] == 0xFF && pair[1] != 0)?;
            units.extend_from_slice(&rest[..end]);
            ends.push(units.len());
            if rest[end + 1] == END_OF_IMAGE {
                return Some(Self { head: head.to_vec(), units, ends });
            }
            rest = &rest[end + 2..];
        }
    }

    /// Returns a unit; they are numbered row by row.
    pub(super) fn unit(&self, index: usize) -> Option<&[u8]> {
        let start = index.checked_sub(1).and_then(|before| self.ends.get(before)).copied();
        self.units.get(start.unwrap_or_default()..*self.ends.get(index)?)
    }

    /// Writes the image, with other units in the place of those for which `replace` returns one.
    pub(super) fn write<'a>(&'a self, replace: impl Fn(usize) -> Option<&'a [u8]>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.head.len() + self.units.len() + 4 * self.ends.len());
        bytes.extend_from_slice(&self.head);
        for index in 0..self.ends.len() {
            if let Some(before) = index.checked_sub(1) {
                bytes.extend_from_slice(&[0xFF, 0xD0 + (before % 8) as u8]);
            }
            bytes.extend_from_slice(replace(index).or_else(|| self.unit(index)).unwrap_or_default());
        }
        bytes.extend_from_slice(&[0xFF, END_OF_IMAGE]);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Size;
    use crate::media::jpeg::PictureRows;
    use crate::media::picture::Picture;

    #[test]
    fn an_image_is_the_same_after_it_was_split() {
        for (width, height) in [(64, 48), (50, 33), (16, 16), (1, 1), (200, 17)] {
            let picture = Picture::new(Size::new(width, height), 3, "");
            let (width, height) = (width as u16, height as u16);
            let mut whole = Vec::new();
            let mut encoder = jpeg_encoder::Encoder::new(&mut whole, QUALITY);
            encoder.set_restart_interval(1);
            encoder.encode_image(PictureRows::new(&picture).unwrap()).unwrap();
            let split = JpegUnits::encode(PictureRows::new(&picture).unwrap()).unwrap();
            assert_eq!(split.write(|_| None), whole);
            let expected = width.div_ceil(SIDE as u16) * height.div_ceil(SIDE as u16);
            assert_eq!(split.ends.len(), usize::from(expected));
        }
    }
}
