//! The melody of recordings and of the sound of videos: a soft arpeggio, in a key that the seed picks.

/// The number of notes per second.
const NOTES_PER_SECOND: f64 = 2.0;

/// An arpeggio.
#[derive(Clone, Copy)]
pub(super) struct Melody {
    /// The lowest frequency, in hertz.
    root: f64,
}

/// One of the tones of a melody.
#[derive(Clone, Copy)]
pub(super) struct Tone {
    /// In hertz, from 220 to 831.
    pub(super) frequency: f64,
    /// As a part of the largest amplitude, above 0 and at most 0.28.
    pub(super) amplitude: f64,
}

impl Melody {
    pub(super) fn new(seed: u64) -> Self {
        Self { root: 220.0 * 2f64.powf((seed % 12) as f64 / 12.0) }
    }

    /// Returns the tone at a time in seconds.
    pub(super) fn tone_at(self, seconds: f64) -> Tone {
        let beat = seconds * NOTES_PER_SECOND;
        let step = [1.0, 1.25, 1.5, 2.0][beat as usize % 4];
        let fade = (1.0 - beat.fract()).powi(2);
        Tone { frequency: self.root * step, amplitude: fade * 9000.0 / 32_768.0 }
    }
}

impl Tone {
    /// Returns the number of the spectral line that is nearest to the tone, and at least 1. `spacing` is that of the lines, in
    /// hertz.
    ///
    /// A codec whose overlapping windows are sines plays line `k` of constant strength as a pure tone at `k` times the spacing
    /// if the sign of an odd line changes with each block; see [`is_line_negative`].
    pub(super) fn line(self, spacing: f64) -> u32 {
        (self.frequency / spacing).round().max(1.0) as u32
    }
}

/// Returns the sign of a spectral line in a block, by which consecutive blocks continue the same tone.
///
/// A block contributes the cosine of its line's phase, which advances by `π (k + ½)` with each block. The falling window of one
/// block and the rising one of the next then add up to one cosine whose frequency is that of the lower edge of the line, because
/// they are a cosine and a sine.
pub(super) fn is_line_negative(line: u32, block: u32) -> bool {
    line % 2 == 1 && block % 2 == 1
}
