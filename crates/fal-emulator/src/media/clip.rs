//! Short videos of a ball that bounces across a still picture.

use super::aac;
use super::h264::{Yuv, delta_frame, key_frame};
use super::mp4::{self, Movie};
use super::picture::Picture;

/// The radius of the ball, in pixels.
const RADIUS: usize = 14;

/// Encodes an MP4 of `frames` frames over `picture`, whose sides must be even. The seed picks the key of the sound; `None` is a
/// video without a sound track.
pub(crate) fn encode_mp4(
    picture: &Picture,
    frames: u32,
    frames_per_second: u32,
    sound_seed: Option<u64>,
) -> Vec<u8> {
    let size = picture.size();
    let (width, height) = (size.width as usize, size.height as usize);
    let mut still = Yuv::new(size);
    let mut row = vec![0; width * 3];
    for y in 0..height {
        picture.draw_row(y as u32, &mut row);
        for (x, pixel) in row.chunks_exact(3).enumerate() {
            still.set(x, y, [pixel[0], pixel[1], pixel[2]]);
        }
    }
    let mut samples = vec![key_frame(&still)];
    let mut shown = Yuv::new(size);
    for index in 0..still.macroblocks() {
        shown.restore(index, &still);
    }
    let mut covered: Vec<usize> = Vec::new();
    for number in 1..frames {
        for &index in &covered {
            shown.restore(index, &still);
        }
        let touched = draw_ball(&mut shown, width, height, number as usize, frames as usize);
        let mut candidates = [covered, touched.clone()].concat();
        candidates.sort_unstable();
        candidates.dedup();
        samples.push(delta_frame(number, &shown, &candidates));
        covered = touched;
    }
    let sound =
        sound_seed.map(|seed| aac::encode(mp4::sound_samples(samples.len() as u32, frames_per_second), seed));
    mp4::mux(&Movie { size, frames_per_second, frames: samples, sound })
}

/// Draws the ball of frame `number` of `frames` and returns the macroblocks that it touches.
fn draw_ball(picture: &mut Yuv, width: usize, height: usize, number: usize, frames: usize) -> Vec<usize> {
    let (free_x, free_y) = (width.saturating_sub(2 * RADIUS + 1), height.saturating_sub(2 * RADIUS + 1));
    let left = free_x * number / frames.max(1);
    // Three bounces over the whole clip: a triangle wave in integers.
    let phase = (number * 6 * free_y / frames.max(1)) % (2 * free_y).max(1);
    let top = if phase > free_y { 2 * free_y - phase } else { phase };
    let mut touched = Vec::new();
    for y in top..(top + 2 * RADIUS + 1).min(height) {
        for x in left..(left + 2 * RADIUS + 1).min(width) {
            let (dx, dy) = (x.abs_diff(left + RADIUS), y.abs_diff(top + RADIUS));
            if dx * dx + dy * dy <= RADIUS * RADIUS {
                picture.set(x, y, [250, 250, 245]);
                touched.push(y / 16 * picture.columns() + x / 16);
            }
        }
    }
    touched.sort_unstable();
    touched.dedup();
    touched
}

#[cfg(test)]
mod tests {
    use symphonia::core::codecs::CODEC_TYPE_AAC;

    use super::*;
    use crate::media::decoded_sound::DecodedSound;
    use crate::media::{Size, probe};

    #[test]
    fn a_clip_of_48_frames_at_24_per_second_lasts_two_seconds() {
        let picture = Picture::new(Size::new(160, 90), 1, "a ball");
        let bytes = encode_mp4(&picture, 48, 24, None);
        assert_eq!((probe::duration(&bytes), probe::has_sound(&bytes)), (Some(2.0), Some(false)));
        assert!(bytes.windows(4).any(|window| window == b"avcC"));
    }

    /// Returns the length of each track in seconds, by the header of its media, and the sum of the durations of its samples.
    fn track_seconds(clip: &[u8]) -> Vec<[f64; 2]> {
        let child = |bytes, name: &[u8; 4]| probe::boxes(bytes).find(|(kind, _)| kind == name).unwrap().1;
        let number = |bytes: &[u8], at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap());
        let tracks = probe::boxes(child(clip, b"moov")).filter(|(kind, _)| kind == b"trak");
        tracks
            .map(|(_, track)| {
                let media = child(track, b"mdia");
                let header = child(media, b"mdhd");
                let (scale, length) = (number(header, 12), number(header, 16));
                let times = child(child(child(media, b"minf"), b"stbl"), b"stts");
                let entry = |index: usize| number(times, 8 + 8 * index) * number(times, 12 + 8 * index);
                let samples: u32 = (0..number(times, 4) as usize).map(entry).sum();
                [length, samples].map(|units| f64::from(units) / f64::from(scale))
            })
            .collect()
    }

    #[test]
    fn a_clip_with_sound_lasts_as_long_at_every_rate() {
        let picture = Picture::new(Size::new(16, 16), 1, "");
        for (frames, rate) in [(1, 60), (7, 7), (25, 25), (120, 24), (30, 30)] {
            let [silent, loud] = [None, Some(3)].map(|seed| encode_mp4(&picture, frames, rate, seed));
            let length = probe::duration(&silent).unwrap();
            assert_eq!(probe::duration(&loud), Some(length), "{rate}");
            assert_eq!(probe::has_sound(&loud), Some(true));
            // The pictures and the sound.
            assert_eq!(track_seconds(&loud), [[length; 2]; 2], "{rate}");
            // Tens of bytes for each of 48 blocks in a second.
            assert!(loud.len() < silent.len() + 1000 + 600 * frames as usize / rate as usize, "{rate}");
        }
    }

    #[test]
    fn a_decoder_finds_the_tones_of_the_sound() {
        let picture = Picture::new(Size::new(16, 16), 1, "");
        for seed in [0, 7, 11] {
            let sound = DecodedSound::new(encode_mp4(&picture, 50, 25, Some(seed)));
            assert_eq!((sound.codec, sound.rate), (CODEC_TYPE_AAC, aac::SAMPLE_RATE));
            assert_eq!(sound.samples.len(), 94 * aac::BLOCK as usize);
            sound.assert_plays(seed, f64::from(aac::SAMPLE_RATE) / f64::from(2 * aac::BLOCK));
        }
    }

    #[test]
    fn the_ball_stays_inside_small_and_narrow_pictures() {
        for size in [Size::new(16, 16), Size::new(30, 640), Size::new(640, 28)] {
            let bytes = encode_mp4(&Picture::new(size, 2, "small"), 24, 24, None);
            assert_eq!(probe::duration(&bytes), Some(1.0));
        }
    }
}
