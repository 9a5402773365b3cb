//! Sounds as Symphonia decodes them, for the tests of their encoders.

use std::io::Cursor;

use symphonia::core::audio::SampleBuffer;
use symphonia::core::codecs::{CODEC_TYPE_NULL, CodecType, DecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::FormatOptions;
use symphonia::core::io::MediaSourceStream;
use symphonia::core::meta::MetadataOptions;
use symphonia::core::probe::Hint;

use super::melody::Melody;

/// The decoded sound of a file.
pub(super) struct DecodedSound {
    pub(super) codec: CodecType,
    pub(super) rate: u32,
    pub(super) samples: Vec<f32>,
}

impl DecodedSound {
    /// Decodes every packet of the sound track of a file.
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        let stream = MediaSourceStream::new(Box::new(Cursor::new(bytes)), Default::default());
        let (options, metadata) = (FormatOptions::default(), MetadataOptions::default());
        let mut format =
            symphonia::default::get_probe().format(&Hint::new(), stream, &options, &metadata).unwrap().format;
        let is_sound = |codec: CodecType| codec != CODEC_TYPE_NULL;
        let track = format.tracks().iter().find(|track| is_sound(track.codec_params.codec)).unwrap().clone();
        let mut decoder =
            symphonia::default::get_codecs().make(&track.codec_params, &DecoderOptions::default()).unwrap();
        let (mut samples, mut rate) = (Vec::new(), 0);
        loop {
            let packet = match format.next_packet() {
                Ok(packet) if packet.track_id() == track.id => packet,
                Ok(_) => continue,
                Err(Error::IoError(_)) => break,
                Err(error) => panic!("{error}"),
            };
            let decoded = decoder.decode(&packet).unwrap();
            let spec = *decoded.spec();
            assert_eq!(spec.channels.count(), 1);
            rate = spec.rate;
            let mut buffer = SampleBuffer::<f32>::new(decoded.capacity() as u64, spec);
            buffer.copy_interleaved_ref(decoded);
            samples.extend_from_slice(buffer.samples());
        }
        Self { codec: track.codec_params.codec, rate, samples }
    }

    /// Checks that the sound is the melody of a seed, whose tones are those of the nearest spectral lines.
    pub(super) fn assert_plays(&self, seed: u64, line_spacing: f64) {
        let rate = f64::from(self.rate);
        for note in 0..4 {
            let time = f64::from(note) * 0.5 + 0.1;
            let tone = Melody::new(seed).tone_at(time + 0.025);
            let frequency = f64::from(tone.line(line_spacing)) * line_spacing;
            assert!((frequency - tone.frequency).abs() <= line_spacing / 2.0, "{frequency}");
            let start = (time * rate) as usize;
            let part = &self.samples[start..start + (0.05 * rate) as usize];
            let energy: f64 = part.iter().map(|sample| f64::from(*sample).powi(2)).sum();
            let mut parts = [0.0; 2];
            for (index, sample) in part.iter().enumerate() {
                let phase = std::f64::consts::TAU * frequency * index as f64 / rate;
                parts[0] += f64::from(*sample) * phase.cos();
                parts[1] += f64::from(*sample) * phase.sin();
            }
            let of_tone = 2.0 * (parts[0].powi(2) + parts[1].powi(2)) / part.len() as f64;
            assert!(of_tone / energy > 0.95, "note {note} of {seed}: {of_tone} of {energy}");
            let amplitude = (2.0 * energy / part.len() as f64).sqrt();
            let ratio = amplitude / tone.amplitude;
            assert!(
                (0.7..1.4).contains(&ratio),
                "note {note} of {seed}: {amplitude}, not {}",
                tone.amplitude
            );
        }
    }
}
