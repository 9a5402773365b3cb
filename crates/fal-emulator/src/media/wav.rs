//! WAV files: a soft arpeggio in 16-bit mono PCM.

use super::melody::Melody;

/// Samples per second.
pub(crate) const SAMPLE_RATE: u32 = 16_000;

/// Returns an arpeggio of the given length; the seed picks its key.
pub(crate) fn arpeggio(seconds: f64, seed: u64) -> Vec<u8> {
    let count = (seconds.max(0.0) * f64::from(SAMPLE_RATE)).round() as u32;
    let melody = Melody::new(seed);
    let mut bytes = header(count * 2);
    bytes.reserve(count as usize * 2);
    for index in 0..count {
        let time = f64::from(index) / f64::from(SAMPLE_RATE);
        let tone = melody.tone_at(time);
        let sample = (time * tone.frequency * std::f64::consts::TAU).sin() * tone.amplitude * 32_768.0;
        bytes.extend_from_slice(&(sample as i16).to_le_bytes());
    }
    bytes
}

fn header(data: u32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(44);
    bytes.extend_from_slice(b"RIFF");
    bytes.extend_from_slice(&(36 + data).to_le_bytes());
    bytes.extend_from_slice(b"WAVEfmt ");
    bytes.extend_from_slice(&16u32.to_le_bytes());
    bytes.extend_from_slice(&1u16.to_le_bytes()); // PCM
    bytes.extend_from_slice(&1u16.to_le_bytes()); // channels
    bytes.extend_from_slice(&SAMPLE_RATE.to_le_bytes());
    bytes.extend_from_slice(&(SAMPLE_RATE * 2).to_le_bytes()); // bytes per second
    bytes.extend_from_slice(&2u16.to_le_bytes()); // bytes per frame
    bytes.extend_from_slice(&16u16.to_le_bytes()); // bits per sample
    bytes.extend_from_slice(b"data");
    bytes.extend_from_slice(&data.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use crate::media::probe;

    #[test]
    fn an_arpeggio_of_one_and_a_half_seconds_lasts_that_long() {
        let bytes = super::arpeggio(1.5, 3);
        assert_eq!(probe::duration(&bytes), Some(1.5));
        assert_eq!(bytes.len(), 44 + 24_000 * 2);
        assert!(bytes[44..].iter().any(|byte| *byte != 0));
    }
}
