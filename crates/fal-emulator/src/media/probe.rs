//! Reads the size of images and the length of recordings from their headers.

use super::Size;

/// Returns the size of a PNG or JPEG; `None` if a side is zero, as in damaged headers.
pub(crate) fn image_size(bytes: &[u8]) -> Option<Size> {
    parse_image_size(bytes).filter(|size| size.width > 0 && size.height > 0)
}

fn parse_image_size(bytes: &[u8]) -> Option<Size> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some(Size::new(read_be(bytes, 16, 4)? as u32, read_be(bytes, 20, 4)? as u32));
    }
    if !bytes.starts_with(&[0xFF, 0xD8]) {
        return None;
    }
    let mut at = 2;
    loop {
        let marker = read_be(bytes, at, 2)?;
        let is_frame = (0xFFC0..=0xFFCF).contains(&marker) && !matches!(marker, 0xFFC4 | 0xFFC8 | 0xFFCC);
        if is_frame {
            return Some(Size::new(read_be(bytes, at + 7, 2)? as u32, read_be(bytes, at + 5, 2)? as u32));
        }
        if marker < 0xFF00 {
            return None;
        }
        at += 2 + read_be(bytes, at + 2, 2)? as usize;
    }
}

/// Returns the length of a WAV or MP4, in seconds.
pub(crate) fn duration(bytes: &[u8]) -> Option<f64> {
    if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WAVE") {
        return wav_duration(bytes);
    }
    mp4_duration(bytes)
}

fn wav_duration(bytes: &[u8]) -> Option<f64> {
    let (mut at, mut bytes_per_second) = (12, 0);
    loop {
        let name = bytes.get(at..at + 4)?;
        let length = read_le_u32(bytes, at + 4)?;
        match name {
            b"fmt " => bytes_per_second = read_le_u32(bytes, at + 16)?,
            b"data" if bytes_per_second > 0 => {
                // Streamed recordings do not know their length; then the file's end counts.
                let available = bytes.len() - (at + 8);
                return Some((length as usize).min(available) as f64 / f64::from(bytes_per_second));
            }
            _ => {}
        }
        at = at.checked_add(8 + (length as usize).next_multiple_of(2))?;
    }
}

fn mp4_duration(bytes: &[u8]) -> Option<f64> {
    let movie = find_box(bytes, b"moov")?;
    let header = find_box(movie, b"mvhd")?;
    let (scale, length) = match header.first()? {
        0 => (read_be(header, 12, 4)?, read_be(header, 16, 4)?),
        _ => (read_be(header, 20, 4)?, read_be(header, 24, 8)?),
    };
    (scale > 0).then(|| length as f64 / scale as f64)
}

fn find_box<'a>(mut bytes: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    loop {
        let length = read_be(bytes, 0, 4)? as usize;
        if bytes.get(4..8)? == name {
            return bytes.get(8..length);
        }
        // With a length under eight the search would never end.
        bytes = bytes.get(length.max(8)..)?;
    }
}

fn read_be(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(length)?)?;
    Some(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

fn read_le_u32(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(bytes.iter().rev().fold(0, |value, byte| value << 8 | u32::from(*byte)))
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
