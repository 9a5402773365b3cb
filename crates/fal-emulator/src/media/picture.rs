//! Synthesized pictures: a colour gradient, a few discs, and the prompt as a caption.

use super::Size;
use super::caption::Caption;

/// A picture that is computed row by row. The same arguments always give the same pixels.
pub(crate) struct Picture {
    size: Size,
    /// The colours at top left, top right, bottom left, bottom right.
    corners: [[i32; 3]; 4],
    discs: Vec<Disc>,
    caption: Caption,
    /// The share of noise, from 0 to 256.
    noise: u32,
    seed: u64,
}

struct Disc {
    x: i64,
    y: i64,
    radius: i64,
    color: [i32; 3],
}

impl Picture {
    pub(crate) fn new(size: Size, seed: u64, prompt: &str) -> Self {
        let mut random = SplitMix64(seed ^ fnv1a(prompt.as_bytes()));
        let hue = random.below(360);
        let corner = |turn: u32, value: u32| hsv((hue + turn) % 360, 60, value);
        let corners = [corner(0, 92), corner(35, 88), corner(60, 66), corner(100, 52)];
        let (width, height) = (i64::from(size.width), i64::from(size.height));
        let shorter = width.min(height).max(8);
        let discs = (0..5)
            .map(|index| Disc {
                x: i64::from(random.below(1000)) * width / 1000,
                y: i64::from(random.below(1000)) * height / 1000,
                radius: shorter / 8 + i64::from(random.below(1000)) * shorter / 5000,
                color: hsv((hue + 30 * index + 150) % 360, 45, 100),
            })
            .collect();
        Self { size, corners, discs, caption: Caption::new(size, prompt), noise: 0, seed }
    }

    /// Returns a picture without anything, as a safety checker puts it in the place of another.
    pub(crate) fn black(size: Size) -> Self {
        let caption = Caption::new(size, "");
        Self { size, corners: [[0; 3]; 4], discs: Vec::new(), caption, noise: 0, seed: 0 }
    }

    /// Mixes noise into the picture: `noise` parts of 256.
    pub(crate) fn with_noise(self, noise: u32) -> Self {
        Self { noise: noise.min(256), ..self }
    }

    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// Draws row `y` as RGB; `row` must hold three bytes for every pixel of the width.
    pub(crate) fn draw_row(&self, y: u32, row: &mut [u8]) {
        self.draw_gradient(y, row);
        for disc in &self.discs {
            disc.draw(i64::from(y), row);
        }
        self.caption.draw_row(y, row);
        if self.noise > 0 {
            self.draw_noise(y, row);
        }
    }

    /// Mixes noise into a row, in grains of a few pixels, which compress well.
    fn draw_noise(&self, y: u32, row: &mut [u8]) {
        let grain = (self.size.width.max(self.size.height) / 128).max(1);
        let line = u64::from(y / grain) << 32;
        let (noise, rest) = (self.noise, 256 - self.noise);
        for (index, pixels) in row.chunks_mut(grain as usize * 3).enumerate() {
            let mut random = SplitMix64(self.seed ^ line ^ index as u64);
            let color = [0; 3].map(|_: u32| random.below(256));
            for pixel in pixels.chunks_exact_mut(3) {
                for (sample, color) in pixel.iter_mut().zip(color) {
                    *sample = ((u32::from(*sample) * rest + color * noise) >> 8) as u8;
                }
            }
        }
    }

    fn draw_gradient(&self, y: u32, row: &mut [u8]) {
        let down = i64::from(y) * 256 / i64::from(self.size.height.max(1));
        let side = |top: usize, bottom: usize, channel: usize| {
            let (a, b) = (i64::from(self.corners[top][channel]), i64::from(self.corners[bottom][channel]));
            (a * 256 + (b - a) * down) << 8
        };
        let mut value = [0i64; 3];
        let mut step = [0i64; 3];
        for channel in 0..3 {
            value[channel] = side(0, 2, channel);
            step[channel] = (side(1, 3, channel) - value[channel]) / i64::from(self.size.width.max(1));
        }
        for pixel in row.chunks_exact_mut(3) {
            for ((sample, value), step) in pixel.iter_mut().zip(&mut value).zip(&step) {
                *sample = (*value >> 16) as u8;
                *value += step;
            }
        }
    }

    /// Draws the whole picture, row after row.
    #[cfg(test)]
    pub(crate) fn pixels(&self) -> Vec<u8> {
        let stride = self.size.width as usize * 3;
        let mut pixels = vec![0; stride * self.size.height as usize];
        if stride > 0 {
            for (y, row) in pixels.chunks_exact_mut(stride).enumerate() {
                self.draw_row(y as u32, row);
            }
        }
        pixels
    }
}

impl Disc {
    /// Mixes a quarter of the disc's colour into the part of the row that it covers.
    fn draw(&self, y: i64, row: &mut [u8]) {
        let across = self.radius * self.radius - (y - self.y) * (y - self.y);
        if across <= 0 {
            return;
        }
        let half = across.isqrt();
        let width = row.len() as i64 / 3;
        let from = (self.x - half).clamp(0, width) as usize;
        let to = (self.x + half).clamp(0, width) as usize;
        for pixel in row[from * 3..to * 3].chunks_exact_mut(3) {
            for (sample, color) in pixel.iter_mut().zip(self.color) {
                *sample = ((i32::from(*sample) * 3 + color) / 4) as u8;
            }
        }
    }
}

/// Converts hue (degrees), saturation and value (percent) to RGB.
fn hsv(hue: u32, saturation: u32, value: u32) -> [i32; 3] {
    let top = (value * 255 / 100) as i32;
    let bottom = top * (100 - saturation as i32) / 100;
    let within = (hue % 60) as i32;
    let (rising, falling) = (bottom + (top - bottom) * within / 60, top - (top - bottom) * within / 60);
    match hue / 60 {
        0 => [top, rising, bottom],
        1 => [falling, top, bottom],
        2 => [bottom, top, rising],
        3 => [bottom, falling, top],
        4 => [rising, bottom, top],
        _ => [top, bottom, falling],
    }
}

/// Hashes bytes with FNV-1a, which is stable between runs and versions; the standard hasher is not.
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

/// The SplitMix64 generator: a seed always gives the same picture.
pub(super) struct SplitMix64(u64);

impl SplitMix64 {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Returns a number below `limit`.
    pub(super) fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % u64::from(limit)) as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_depend_on_the_seed_and_the_prompt_only() {
        let size = Size::new(64, 48);
        let pixels = |seed, prompt| Picture::new(size, seed, prompt).pixels();
        assert_eq!(pixels(1, "a cat"), pixels(1, "a cat"));
        assert_ne!(pixels(1, "a cat"), pixels(2, "a cat"));
        assert_ne!(pixels(1, "a cat"), pixels(1, "a dog"));
        assert_eq!(pixels(1, "a cat").len(), 64 * 48 * 3);
    }

    #[test]
    fn less_noise_is_closer_to_the_picture() {
        let clean = Picture::new(Size::new(64, 48), 1, "a cat").pixels();
        let distance = |noise| -> u64 {
            let noisy = Picture::new(Size::new(64, 48), 1, "a cat").with_noise(noise).pixels();
            noisy.iter().zip(&clean).map(|(a, b)| u64::from(a.abs_diff(*b))).sum()
        };
        assert_eq!(distance(0), 0);
        assert!(distance(256) > distance(128) && distance(128) > distance(32) && distance(32) > 0);
    }

    #[test]
    fn tiny_and_narrow_pictures_can_be_drawn() {
        for (width, height) in [(1, 1), (1, 300), (300, 1), (7, 5)] {
            let pixels = Picture::new(Size::new(width, height), 9, "tiny").pixels();
            assert_eq!(pixels.len() as u32, width * height * 3);
        }
    }
}
