//! PNG encoding, row by row.

use std::io::Write as _;

use super::picture::Picture;

/// Encodes a picture; `None` if it has no pixels.
pub(crate) fn encode(picture: &Picture) -> Option<Vec<u8>> {
    let size = picture.size();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, size.width, size.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Fastest);
    let mut writer = encoder.write_header().ok()?;
    let mut stream = writer.stream_writer().ok()?;
    let mut row = vec![0; size.width as usize * 3];
    for y in 0..size.height {
        picture.draw_row(y, &mut row);
        stream.write_all(&row).ok()?;
    }
    stream.finish().ok()?;
    drop(writer);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use crate::media::Size;
    use crate::media::picture::Picture;

    #[test]
    fn an_encoded_picture_decodes_to_the_same_pixels() {
        let picture = Picture::new(Size::new(97, 61), 7, "a cat");
        let bytes = super::encode(&picture).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (97, 61));
        assert_eq!(pixels, picture.pixels());
    }
}
