//! What synthesised images show: a colour gradient, a few discs, and the prompt written over it.

use super::Size;
use super::caption::Caption;

/// A picture described well enough to compute any row of it; the same inputs give the same pixels.
pub(crate) struct Picture {
    size: Size,
    /// Colours at top left, top right, bottom left, bottom right.
    corners: [[i32; 3]; 4],
    discs: Vec<Disc>,
    caption: Caption,
    /// How much of it is noise, of 256.
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
        let mut random = Random(seed ^ hash(prompt.as_bytes()));
        let hue = random.below(360);
        let corner = |turn: u32, value: u32| color((hue + turn) % 360, 60, value);
        let corners = [corner(0, 92), corner(35, 88), corner(60, 66), corner(100, 52)];
        let (width, height) = (i64::from(size.width), i64::from(size.height));
        let shorter = width.min(height).max(8);
        let discs = (0..5)
            .map(|index| Disc {
                x: i64::from(random.below(1000)) * width / 1000,
                y: i64::from(random.below(1000)) * height / 1000,
                radius: shorter / 8 + i64::from(random.below(1000)) * shorter / 5000,
                color: color((hue + 30 * index + 150) % 360, 45, 100),
            })
            .collect();
        Self { size, corners, discs, caption: Caption::new(size, prompt), noise: 0, seed }
    }

    /// The same picture when `noise` parts of 256 are still noise.
    pub(crate) fn noisy(self, noise: u32) -> Self {
        Self { noise: noise.min(256), ..self }
    }

    pub(crate) fn size(&self) -> Size {
        self.size
    }

    /// Writes row `y` as RGB bytes; `row` holds three bytes for every pixel of the width.
    pub(crate) fn row(&self, y: u32, row: &mut [u8]) {
        self.gradient(y, row);
        for disc in &self.discs {
            disc.blend(i64::from(y), row);
        }
        self.caption.draw(y, row);
        if self.noise > 0 {
            self.scatter(y, row);
        }
    }

    /// Mixes grains of noise into a row. They are a few pixels wide, which compresses well.
    fn scatter(&self, y: u32, row: &mut [u8]) {
        let grain = (self.size.width.max(self.size.height) / 128).max(1);
        let line = u64::from(y / grain) << 32;
        let (noise, rest) = (self.noise, 256 - self.noise);
        for (index, pixels) in row.chunks_mut(grain as usize * 3).enumerate() {
            let mut random = Random(self.seed ^ line ^ index as u64);
            let color = [0; 3].map(|_: u32| random.below(256));
            for pixel in pixels.chunks_exact_mut(3) {
                for (sample, color) in pixel.iter_mut().zip(color) {
                    *sample = ((u32::from(*sample) * rest + color * noise) >> 8) as u8;
                }
            }
        }
    }

    fn gradient(&self, y: u32, row: &mut [u8]) {
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

    /// The whole picture, row after row.
    pub(crate) fn pixels(&self) -> Vec<u8> {
        let stride = self.size.width as usize * 3;
        let mut pixels = vec![0; stride * self.size.height as usize];
        if stride > 0 {
            for (y, row) in pixels.chunks_exact_mut(stride).enumerate() {
                self.row(y as u32, row);
            }
        }
        pixels
    }
}

impl Disc {
    /// Mixes a quarter of the disc's colour into the part of the row it covers.
    fn blend(&self, y: i64, row: &mut [u8]) {
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

/// A colour from hue (degrees), saturation and value (percent).
fn color(hue: u32, saturation: u32, value: u32) -> [i32; 3] {
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

/// FNV-1a: small, and stable between runs and versions, which the standard hasher is not.
pub(crate) fn hash(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xCBF2_9CE4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3))
}

/// SplitMix64, to place things.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u32) -> u32 {
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
    fn the_same_request_gives_the_same_picture_and_another_seed_another() {
        let size = Size::new(64, 48);
        let pixels = |seed, prompt| Picture::new(size, seed, prompt).pixels();
        assert_eq!(pixels(1, "a cat"), pixels(1, "a cat"));
        assert_ne!(pixels(1, "a cat"), pixels(2, "a cat"));
        assert_ne!(pixels(1, "a cat"), pixels(1, "a dog"));
        assert_eq!(pixels(1, "a cat").len(), 64 * 48 * 3);
    }

    #[test]
    fn noise_gives_way_to_the_picture() {
        let clean = Picture::new(Size::new(64, 48), 1, "a cat").pixels();
        let distance = |noise| -> u64 {
            let noisy = Picture::new(Size::new(64, 48), 1, "a cat").noisy(noise).pixels();
            noisy.iter().zip(&clean).map(|(a, b)| u64::from(a.abs_diff(*b))).sum()
        };
        assert_eq!(distance(0), 0);
        assert!(distance(256) > distance(128) && distance(128) > distance(32) && distance(32) > 0);
    }

    #[test]
    fn any_size_can_be_drawn() {
        for (width, height) in [(1, 1), (1, 300), (300, 1), (7, 5)] {
            let pixels = Picture::new(Size::new(width, height), 9, "tiny").pixels();
            assert_eq!(pixels.len() as u32, width * height * 3);
        }
    }
}
