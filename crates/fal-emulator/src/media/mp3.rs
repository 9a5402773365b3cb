//! An MP3 encoder of single tones (ISO/IEC 13818-3, layer III, mono).
//!
//! Each frame has one spectral line, of which [`melody`](super::melody) says why it plays a pure tone. So the encoder needs neither
//! a filter bank nor a transform, and no Huffman table: of the part of a spectrum whose lines are at most 1, the standard has a
//! code of four bits for four lines.

use super::bit_writer::BitWriter;
use super::melody::{Melody, is_line_negative};

/// Samples per second.
pub(crate) const SAMPLE_RATE: u32 = 24_000;
/// Samples of a frame.
const FRAME: u32 = 576;
/// The bytes of a frame: 32 kbit/s.
const FRAME_BYTES: usize = 96;

/// The head of a frame: version 2 of layer III without a checksum, 32 kbit/s, 24 kHz, without padding, mono.
const HEAD: [u8; 4] = [0xff, 0b1111_0011, 0b0100_0100, 0b1100_0000];

/// An ID3v2.3 tag with the name of the program, by which programs recognize the file more surely than by a frame.
const TAG: &[u8] = b"ID3\x03\0\0\0\0\0\x17TSSE\0\0\0\x0d\0\0\0fal-emulator";

/// Encodes the melody of a seed, in whole frames of 24 ms.
pub(crate) fn arpeggio(seconds: f64, seed: u64) -> Vec<u8> {
    let melody = Melody::new(seed);
    let frame_time = f64::from(FRAME) / f64::from(SAMPLE_RATE);
    let count = (seconds / frame_time).round().max(1.0) as u32;
    let mut bytes = TAG.to_vec();
    bytes.reserve(count as usize * FRAME_BYTES);
    for number in 0..count {
        let tone = melody.tone_at(f64::from(number) * frame_time);
        let line = tone.line(f64::from(SAMPLE_RATE) / f64::from(2 * FRAME)).min(FRAME - 1);
        let end = bytes.len() + FRAME_BYTES;
        bytes.extend(frame(line, is_line_negative(line, number), tone.amplitude));
        bytes.resize(end, 0);
    }
    bytes
}

/// Encodes a frame with one line, without the zeros that fill it up.
fn frame(line: u32, is_negative: bool, amplitude: f64) -> Vec<u8> {
    let mut bits = BitWriter::default();
    bits.aligned_bytes(&HEAD);
    bits.bits(0, 8); // main_data_begin: in this frame
    bits.bits(0, 1); // private_bits
    bits.bits(4 * (line / 4 + 1) + 1, 12); // part2_3_length
    bits.bits(0, 9); // big_values: no line is larger than 1
    bits.bits(global_gain(amplitude), 8);
    bits.bits(0, 9); // scalefac_compress: no scale factors
    bits.bit(false); // window_switching_flag: the window is a sine
    bits.bits(0, 5 * 3); // table_select
    bits.bits(0, 4); // region0_count
    bits.bits(0, 3); // region1_count
    bits.bit(false); // scalefac_scale
    bits.bit(true); // count1table_select: a bit for each line, 0 if it is not zero
    for _ in 0..line / 4 {
        bits.bits(0b1111, 4);
    }
    bits.bits(0b1111 ^ (0b1000 >> (line % 4)), 4);
    bits.bit(is_negative);
    bits.align();
    bits.into_bytes()
}

/// Returns the gain, in steps of 1.5 dB, at which a line of 1 has an amplitude.
fn global_gain(amplitude: f64) -> u32 {
    (210.0 + 4.0 * amplitude.log2()).round().clamp(0.0, 255.0) as u32
}

#[cfg(test)]
mod tests {
    use symphonia::core::codecs::CODEC_TYPE_MP3;

    use super::*;
    use crate::media::decoded_sound::DecodedSound;
    use crate::media::probe;

    #[test]
    fn a_frame_has_the_bits_of_the_standard() {
        // Line 6 is the third of the second group of four, and an amplitude of 1 is a gain of 210.
        let expected =
            "00000000_0_000000001001_000000000_11010010_000000000_0_000000000000000_0000_000_0_1_1111_1101_1";
        let mut bits = BitWriter::default();
        bits.aligned_bytes(&HEAD);
        for bit in expected.chars().filter(|bit| *bit != '_') {
            bits.bit(bit == '1');
        }
        bits.align();
        assert_eq!(frame(6, true, 1.0), bits.into_bytes());
    }

    #[test]
    fn a_decoder_finds_the_tones() {
        for seed in [0, 5, 11] {
            let sound = DecodedSound::new(arpeggio(2.0, seed));
            assert_eq!((sound.codec, sound.rate), (CODEC_TYPE_MP3, SAMPLE_RATE));
            assert_eq!(sound.samples.len(), 83 * FRAME as usize);
            sound.assert_plays(seed, f64::from(SAMPLE_RATE) / f64::from(2 * FRAME));
        }
    }

    #[test]
    fn a_recording_lasts_as_long_as_its_frames() {
        for (seconds, frames) in [(0.0, 1), (0.5, 21), (3.0, 125), (60.0, 2500)] {
            let bytes = arpeggio(seconds, 5);
            assert_eq!(bytes.len(), TAG.len() + frames * FRAME_BYTES);
            let duration = probe::duration(&bytes).unwrap();
            assert!((duration - frames as f64 * 0.024).abs() < 1e-9, "{duration}");
        }
        let kind = infer::get(&arpeggio(1.0, 0)).unwrap();
        assert_eq!((kind.mime_type(), kind.extension()), ("audio/mpeg", "mp3"));
    }
}
