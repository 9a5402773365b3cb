//! An AAC encoder of single tones (ISO/IEC 13818-7, low complexity, mono).
//!
//! Each block has one spectral line, of which [`melody`](super::melody) says why it plays a pure tone. So the encoder needs no
//! transform and, of the Huffman tables of the standard, eight words.

use super::bit_writer::BitWriter;
use super::melody::{Melody, is_line_negative};

/// Samples per second.
pub(super) const SAMPLE_RATE: u32 = 48_000;
/// Samples of a block.
pub(super) const BLOCK: u32 = 1024;

/// The `AudioSpecificConfig`: low complexity (2) in five bits, 48 kHz (3) in four, one channel in four.
pub(super) const CONFIGURATION: [u8; 2] = [0b0001_0001, 0b1000_1000];

/// The number of spectral lines of a scale factor band at 48 kHz, of the first ten, which hold all tones of a melody.
const BAND: u32 = 4;

/// The words of the first spectral codebook for four lines of which one is 1, or -1, by the position of that line. Each has five
/// bits.
const WORDS: [(u32, u32); 4] = [(0x10, 0x11), (0x13, 0x17), (0x16, 0x15), (0x14, 0x12)];

/// Encodes the melody of a seed. Returns the blocks, the last of which may be longer than the rest of `samples`.
pub(super) fn encode(samples: u32, seed: u64) -> Vec<Vec<u8>> {
    let melody = Melody::new(seed);
    (0..samples.div_ceil(BLOCK))
        .map(|number| {
            let tone = melody.tone_at(f64::from(number) * f64::from(BLOCK) / f64::from(SAMPLE_RATE));
            let line = tone.line(f64::from(SAMPLE_RATE) / f64::from(2 * BLOCK)).min(10 * BAND - 1);
            block(line, is_line_negative(line, number), tone.amplitude)
        })
        .collect()
}

/// Encodes a block with one line.
fn block(line: u32, is_negative: bool, amplitude: f64) -> Vec<u8> {
    let band = line / BAND;
    let mut bits = BitWriter::default();
    bits.bits(0, 3); // id_syn_ele: a single channel
    bits.bits(0, 4); // element_instance_tag
    bits.bits(global_gain(amplitude), 8);
    bits.bit(false); // ics_reserved_bit
    bits.bits(0, 2); // window_sequence: long
    bits.bit(false); // window_shape: sine
    bits.bits(band + 1, 6); // max_sfb
    bits.bit(false); // predictor_data_present
    if band > 0 {
        bits.bits(0, 4); // sect_cb: zeros
        bits.bits(band, 5); // sect_len_incr
    }
    bits.bits(1, 4); // sect_cb: the first codebook
    bits.bits(1, 5); // sect_len_incr
    bits.bit(false); // hcod_sf: no difference from the gain
    bits.bit(false); // pulse_data_present
    bits.bit(false); // tns_data_present
    bits.bit(false); // gain_control_data_present
    let (positive, negative) = WORDS[(line % BAND) as usize];
    bits.bits(if is_negative { negative } else { positive }, 5);
    bits.bits(7, 3); // id_syn_ele: the end
    bits.align();
    bits.into_bytes()
}

/// Returns the gain, in steps of 1.5 dB, at which a line of 1 has an amplitude. The inverse transform divides by half of the
/// length of its window.
fn global_gain(amplitude: f64) -> u32 {
    let line = amplitude * 32_768.0 * f64::from(BLOCK);
    (100.0 + 4.0 * line.log2()).round().clamp(0.0, 255.0) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_has_the_bits_of_the_standard() {
        // Line 9 is the second of the third band, and 1 / (32,768 · 1,024) is a gain of 100.
        let expected = "000_0000_01100100_0_00_0_000011_0_0000_00010_0001_00001_0_0_0_0_10011_111";
        let mut bits = BitWriter::default();
        for bit in expected.chars().filter(|bit| *bit != '_') {
            bits.bit(bit == '1');
        }
        bits.align();
        assert_eq!(block(9, false, 1.0 / 32_768.0 / 1024.0), bits.into_bytes());
    }

    #[test]
    fn every_tone_has_a_line_in_the_bands_of_four() {
        for seed in 0..12 {
            for block in 0..200 {
                let tone = Melody::new(seed).tone_at(f64::from(block) * 0.02);
                let line = tone.line(f64::from(SAMPLE_RATE) / f64::from(2 * BLOCK));
                assert!((1..10 * BAND).contains(&line), "{line}");
            }
        }
        assert_eq!(encode(BLOCK * 2 + 1, 0).len(), 3);
    }
}
