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

/// Returns true if a video in MP4 or QuickTime has a sound track. `None` for other files and damaged ones.
pub(crate) fn has_sound(bytes: &[u8]) -> Option<bool> {
    if bytes.get(4..8) != Some(b"ftyp") {
        return None;
    }
    let movie = boxes(bytes).find(|(kind, _)| kind == b"moov")?.1;
    let mut tracks = boxes(movie).filter(|(kind, _)| kind == b"trak");
    Some(tracks.any(|(_, track)| {
        let media = boxes(track).find(|(kind, _)| kind == b"mdia");
        let handler = media.and_then(|(_, media)| boxes(media).find(|(kind, _)| kind == b"hdlr"));
        handler.is_some_and(|(_, handler)| handler.get(8..12) == Some(b"soun"))
    }))
}

/// Returns the kind and the content of each box of an MP4 file, up to the first one that is damaged.
pub(super) fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (head, rest) = bytes.split_at_checked(8)?;
        let [a, b, c, d, kind @ ..]: [u8; 8] = head.try_into().ok()?;
        let (content, rest) = match u32::from_be_bytes([a, b, c, d]) {
            // To the end of the file.
            0 => (rest, &rest[rest.len()..]),
            // A longer length follows.
            1 => {
                let (length, rest) = rest.split_at_checked(8)?;
                let length = u64::from_be_bytes(length.try_into().ok()?);
                rest.split_at_checked(usize::try_from(length).ok()?.checked_sub(16)?)?
            }
            length => rest.split_at_checked(usize::try_from(length).ok()?.checked_sub(8)?)?,
        };
        bytes = rest;
        Some((kind, content))
    })
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
            assert_eq!((duration(bytes), has_sound(bytes)), (None, None));
        }
    }

    #[test]
    fn a_damaged_video_is_not_said_to_have_a_sound() {
        let picture = crate::media::picture::Picture::new(Size::new(16, 16), 1, "");
        let video = crate::media::clip::encode_mp4(&picture, 2, 24, Some(1));
        assert_eq!(has_sound(&video), Some(true));
        for length in 0..video.len() {
            let found = has_sound(&video[..length]);
            assert!(found != Some(false), "{length} bytes: {found:?}");
        }
        // Boxes with a length of 64 bits, of less than their head, and up to the end.
        let file = |movie: &[u8]| [b"\0\0\0\x08ftyp", movie].concat();
        assert_eq!(has_sound(&file(b"\0\0\0\x01moov\0\0\0\0\0\0\0\x10")), Some(false));
        assert_eq!(has_sound(&file(b"\0\0\0\x01moov\0\0\0\0\0\0\0\x0f")), None);
        assert_eq!(has_sound(&file(b"\0\0\0\x07moov")), None);
        assert_eq!(has_sound(&file(b"\0\0\0\0moov")), Some(false));
    }

    #[test]
    fn a_wav_of_unknown_length_lasts_to_the_end_of_the_file() {
        let mut wav = crate::media::wav::arpeggio(1.0, 0);
        wav[40..44].fill(0xFF);
        assert_eq!(duration(&wav), Some(1.0));
    }
}
