//! Reads the size of images and the length of recordings from their headers.

use fal_core::file_facts::FileFacts;

use super::Size;

/// Returns the size of an image; `None` if a side is zero, as in damaged headers.
pub(crate) fn image_size(bytes: &[u8]) -> Option<Size> {
    let size = imagesize::blob_size(bytes).ok()?;
    let side = |side: usize| u32::try_from(side).ok().filter(|side| *side > 0);
    Some(Size::new(side(size.width)?, side(size.height)?))
}

/// Returns the length of a recording or a video, in seconds.
pub(crate) fn duration(bytes: &[u8]) -> Option<f64> {
    FileFacts::from_bytes(bytes).duration
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn truncated_and_foreign_bytes_have_neither_size_nor_duration() {
        let wav = crate::media::wav::arpeggio(1.0, 0);
        for length in 0..44 {
            assert_eq!(duration(&wav[..length]), None, "{length} bytes");
        }
        for bytes in [
            &b""[..],
            b"hello",
            b"\x89PNG\r\n\x1a\n\0\0\0\0IHDR\0\0\0\0\0\0\0\x01",
            &[0xFF, 0xD8, 0xFF, 0xC0],
            &[0; 64],
            &[0xFF; 64],
        ] {
            assert_eq!(image_size(bytes), None);
            assert_eq!(duration(bytes), None);
        }
    }
    #[test]
    fn a_wav_of_unknown_length_lasts_to_the_end_of_the_file() {
        let mut wav = crate::media::wav::arpeggio(1.0, 0);
        wav[40..44].fill(0xFF);
        assert_eq!(duration(&wav), Some(1.0));
    }
}
