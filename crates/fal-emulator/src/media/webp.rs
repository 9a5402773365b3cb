//! WebP encoding without loss (VP8L), row by row.
//!
//! A picture is stored as differences between neighbors, which are small in pictures of this program. Their codes are fixed, so
//! that no statistics are needed and a row is written as soon as it is drawn: the crate `image-webp` takes all pixels at once,
//! which are 280 MB in the largest pictures.

use super::Size;
use super::picture::Picture;

/// The largest side that every reader takes, in pixels. The format has one more.
const MAX_SIDE: u32 = (1 << 14) - 1;
/// The longest copy, in pixels.
const MAX_COPY: u32 = 4096;
/// The longest word of a code, in bits.
const MAX_WORD: u8 = 15;
/// The number of values of a channel, after which the lengths of copies are in the code of the green channel.
const VALUES: usize = 256;
const COPY_LENGTHS: usize = 24;
/// The prediction of a pixel by the one on its left.
const LEFT: u32 = 1;
/// The order in which the lengths of the words for lengths of words are stored.
const LENGTH_ORDER: [u8; 19] = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

/// Returns true if a WebP can have this size.
pub(crate) fn can_encode(size: Size) -> bool {
    [size.width, size.height].iter().all(|side| (1..=MAX_SIDE).contains(side))
}

/// Encodes a picture; `None` if a side is zero or over 16,383.
pub(crate) fn encode(picture: &Picture) -> Option<Vec<u8>> {
    let size = picture.size();
    if !can_encode(size) {
        return None;
    }
    let mut pixels = PixelWriter::new(size);
    let mut row = vec![0; size.width as usize * 3];
    // The first pixel of a row is predicted by the one above it, and the very first one is black.
    let mut above = [0; 3];
    for y in 0..size.height {
        picture.draw_row(y, &mut row);
        let mut left = above;
        let (row, _) = row.as_chunks::<3>();
        above = row.first().copied().unwrap_or_default();
        for pixel in row {
            pixels.add([0, 1, 2].map(|channel| pixel[channel].wrapping_sub(left[channel])));
            left = *pixel;
        }
    }
    Some(wrap(pixels.finish()))
}

/// Wraps the data of a picture in a RIFF file.
fn wrap(data: Vec<u8>) -> Vec<u8> {
    let padded = data.len().next_multiple_of(2);
    let mut file = Vec::with_capacity(20 + padded);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(12 + padded as u32).to_le_bytes());
    file.extend_from_slice(b"WEBPVP8L");
    file.extend_from_slice(&(data.len() as u32).to_le_bytes());
    file.extend_from_slice(&data);
    file.resize(20 + padded, 0);
    file
}

/// Writes the differences of pixels: each alone, or as a number of copies of the one before.
struct PixelWriter {
    bits: LowBitWriter,
    green: PrefixCode,
    red_and_blue: PrefixCode,
    /// The latest pixel that was written otherwise than as a copy.
    last: Option<[u8; 3]>,
    /// The number of pixels that are equal to `last` and not yet written.
    copies: u32,
}

impl PixelWriter {
    /// Writes everything before the pixels.
    fn new(size: Size) -> Self {
        let mut bits = LowBitWriter::default();
        bits.put(0x2f, 8); // signature
        bits.put(size.width - 1, 14);
        bits.put(size.height - 1, 14);
        bits.put(0, 1); // no alpha
        bits.put(0, 3); // version
        bits.put(1, 1); // a transform
        bits.put(0, 2); // prediction
        bits.put(7, 3); // in blocks of 512 pixels
        bits.put(0, 1); // without a color cache
        for channel in [LEFT, 0, 0, 0, 0] {
            put_single_symbol(&mut bits, channel);
        }
        bits.put(0, 1); // no further transform
        bits.put(0, 1); // without a color cache
        bits.put(0, 1); // one group of codes
        let lengths =
            (VALUES..VALUES + COPY_LENGTHS).map(|symbol| (symbol, if symbol < 266 { 5 } else { 8 }));
        let values = [(0, 2), (1, 3), (255, 3), (2, 5), (254, 5)];
        let green = PrefixCode::new(VALUES + COPY_LENGTHS, values.into_iter().chain(lengths));
        let red_and_blue = PrefixCode::new(VALUES, [(0, 1), (1, 3), (255, 3), (2, 5), (254, 5)]);
        for code in [&green, &red_and_blue, &red_and_blue] {
            code.put_lengths(&mut bits);
        }
        put_single_symbol(&mut bits, 0); // alpha
        put_single_symbol(&mut bits, 1); // distance of copies: the pixel on the left
        Self { bits, green, red_and_blue, last: None, copies: 0 }
    }

    /// Adds a pixel by its difference, in the order red, green, blue.
    fn add(&mut self, pixel: [u8; 3]) {
        let is_copy = self.last == Some(pixel);
        if !is_copy || self.copies == MAX_COPY {
            self.put_copies();
        }
        if is_copy {
            self.copies += 1;
        } else {
            self.put_pixel(pixel);
            self.last = Some(pixel);
        }
    }

    fn put_pixel(&mut self, [red, green, blue]: [u8; 3]) {
        self.green.put(&mut self.bits, green.into());
        self.red_and_blue.put(&mut self.bits, red.into());
        self.red_and_blue.put(&mut self.bits, blue.into());
    }

    fn put_copies(&mut self) {
        match (std::mem::take(&mut self.copies), self.last) {
            (0, _) => {}
            // Shorter than a copy.
            (1, Some(pixel)) => self.put_pixel(pixel),
            (copies, _) => {
                let (symbol, extra, extra_bits) = split_length(copies);
                self.green.put(&mut self.bits, VALUES + symbol);
                self.bits.put(extra, extra_bits);
            }
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.put_copies();
        self.bits.finish()
    }
}

/// Returns the symbol of a length, and its other bits with their number.
fn split_length(length: u32) -> (usize, u32, u32) {
    let rest = length - 1;
    if rest < 4 {
        return (rest as usize, 0, 0);
    }
    let highest = rest.ilog2();
    let second = (rest >> (highest - 1)) & 1;
    let extra_bits = highest - 1;
    ((2 * highest + second) as usize, rest & ((1 << extra_bits) - 1), extra_bits)
}

/// Writes a code with one symbol, 0 or 1, whose word has no bits.
fn put_single_symbol(bits: &mut LowBitWriter, symbol: u32) {
    bits.put(0b001, 3); // simple, one symbol, of one bit
    bits.put(symbol, 1);
}

/// A canonical prefix code.
struct PrefixCode {
    /// The length of the word of each symbol.
    lengths: Vec<u8>,
    /// The words, with their first bit lowest.
    words: Vec<u16>,
}

impl PrefixCode {
    /// Makes a complete code of `count` symbols with words of these lengths. The others share what is left as equally as possible.
    fn new(count: usize, known: impl IntoIterator<Item = (usize, u8)>) -> Self {
        let part = |length: u8| 1u32 << (MAX_WORD - length);
        let mut lengths = vec![0; count];
        let mut left = 1u32 << MAX_WORD;
        let mut others = count as u32;
        for (symbol, length) in known {
            lengths[symbol] = length;
            left -= part(length);
            others -= 1;
        }
        let longest = (1..=MAX_WORD).find(|length| others * part(*length) <= left).unwrap_or(MAX_WORD);
        let mut shorter = (left - others * part(longest)) / part(longest);
        for length in lengths.iter_mut().filter(|length| **length == 0) {
            *length = longest - u8::from(shorter > 0);
            shorter = shorter.saturating_sub(1);
        }
        let mut words = vec![0; count];
        let mut next = 0u16;
        for length in 1..=MAX_WORD {
            next <<= 1;
            for (word, _) in words.iter_mut().zip(&lengths).filter(|(_, own)| **own == length) {
                *word = next.reverse_bits() >> (16 - u16::from(length));
                next += 1;
            }
        }
        Self { lengths, words }
    }

    fn put(&self, bits: &mut LowBitWriter, symbol: usize) {
        bits.put(self.words[symbol].into(), self.lengths[symbol].into());
    }

    /// Writes the lengths of the words, in words of four bits each.
    fn put_lengths(&self, bits: &mut LowBitWriter) {
        bits.put(0, 1); // not simple
        bits.put(LENGTH_ORDER.len() as u32 - 4, 4);
        for symbol in LENGTH_ORDER {
            bits.put(if symbol <= MAX_WORD { 4 } else { 0 }, 3);
        }
        bits.put(0, 1); // all symbols
        for length in &self.lengths {
            bits.put(u32::from(length.reverse_bits() >> 4), 4);
        }
    }
}

/// Collects bits into bytes, least significant bit first.
#[derive(Default)]
struct LowBitWriter {
    bytes: Vec<u8>,
    partial: u64,
    used: u32,
}

impl LowBitWriter {
    /// Writes the lowest `count` bits of `value`, of which the others must be zero.
    fn put(&mut self, value: u32, count: u32) {
        self.partial |= u64::from(value) << self.used;
        self.used += count;
        if self.used >= 32 {
            self.bytes.extend_from_slice(&(self.partial as u32).to_le_bytes());
            self.partial >>= 32;
            self.used -= 32;
        }
    }

    /// Writes zeros up to the next byte. Returns the bytes.
    fn finish(mut self) -> Vec<u8> {
        let rest = self.used.div_ceil(8) as usize;
        self.bytes.extend_from_slice(&self.partial.to_le_bytes()[..rest]);
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> (u32, u32, Vec<u8>) {
        let mut decoder = image_webp::WebPDecoder::new(std::io::Cursor::new(bytes)).unwrap();
        let (width, height) = decoder.dimensions();
        let mut pixels = vec![0; decoder.output_buffer_size().unwrap()];
        decoder.read_image(&mut pixels).unwrap();
        (width, height, pixels)
    }

    #[test]
    fn an_encoded_picture_decodes_to_the_same_pixels() {
        for (width, height, noise) in
            [(97, 61, 0), (640, 480, 0), (1, 1, 0), (1, 600, 0), (600, 1, 0), (64, 48, 256)]
        {
            let picture = Picture::new(Size::new(width, height), 7, "a cat").with_noise(noise);
            let bytes = encode(&picture).unwrap();
            assert_eq!(decode(&bytes), (width, height, picture.pixels()), "{width}x{height}");
            assert_eq!(crate::media::probe::image_size(&bytes), Some(Size::new(width, height)));
            assert_eq!(infer::get(&bytes).unwrap().mime_type(), "image/webp");
        }
    }

    #[test]
    fn a_picture_takes_less_than_four_bits_a_pixel() {
        let bytes = encode(&Picture::new(Size::new(1024, 768), 3, "a cat reading a map")).unwrap();
        assert!(bytes.len() * 2 < 1024 * 768, "{}", bytes.len());
    }

    #[test]
    fn long_runs_of_equal_pixels_are_copies_of_at_most_4096() {
        let size = Size::new(16_383, 1);
        let mut pixels = PixelWriter::new(size);
        for _ in 0..16_383 {
            pixels.add([0; 3]);
        }
        let bytes = wrap(pixels.finish());
        assert!(bytes.len() < 500, "{}", bytes.len());
        assert_eq!(decode(&bytes), (16_383, 1, vec![0; 16_383 * 3]));
    }

    #[test]
    fn lengths_are_split_as_the_format_says() {
        let parts = [1, 4, 5, 6, 7, 9, 12, 4096].map(split_length);
        let expected =
            [(0, 0, 0), (3, 0, 0), (4, 0, 1), (4, 1, 1), (5, 0, 1), (6, 0, 2), (6, 3, 2), (23, 1023, 10)];
        assert_eq!(parts, expected);
    }

    #[test]
    fn codes_are_complete() {
        let code = PrefixCode::new(VALUES, [(0, 1), (1, 3), (255, 3)]);
        let parts: u32 = code.lengths.iter().map(|length| 1 << (MAX_WORD - length)).sum();
        assert_eq!(parts, 1 << MAX_WORD);
    }

    #[test]
    fn sides_beyond_the_format_are_refused() {
        for (width, height) in [(0, 5), (5, 0), (16_384, 1), (1, 16_384)] {
            assert_eq!(encode(&Picture::new(Size::new(width, height), 1, "")), None);
        }
    }
}
