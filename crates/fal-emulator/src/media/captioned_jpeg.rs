//! Large JPEGs, composed of a background that many images share and of the letters of their captions.
//!
//! Encoding the pixels of an image of the usual size takes a tenth of a second in a build without optimization, which is the
//! one that a test of a user has. The row `different images of FLUX` of the emulator's bench shows the difference.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use jpeg_encoder::{ImageBuffer, JpegColorType};

use super::Size;
use super::caption;
use super::jpeg::{PictureRows, push_rgb};
use super::jpeg_units::{JpegUnits, SIDE};
use super::picture::{Picture, SplitMix64, fnv1a};
use crate::sync::lock;

/// The number of different backgrounds of a size.
const BACKGROUNDS: u32 = 16;
/// The largest number of backgrounds that are kept, and their largest total size in pixels.
const MAX_KEPT: usize = 64;
const MAX_PIXELS: u64 = 64 << 20;
/// The largest number of letters that are kept.
const MAX_LETTERS: usize = 2_000;
/// The smallest area of an image that is composed, in pixels. Smaller ones are encoded as quickly.
const MIN_AREA: u64 = 256 * 256;
const MAX_LINES: usize = 6;
/// The longest prompt in a caption, in characters.
const MAX_CAPTION: usize = 1_000;
const TEXT: [u8; 3] = [245; 3];
const BAND: [u8; 3] = [38, 34, 48];

type Backgrounds = HashMap<(u32, u32, u32), Arc<JpegUnits>>;
/// The units of letters, row by row, by the letter and the number of units of a side.
type Letters = HashMap<(char, usize), Arc<JpegUnits>>;

static KEPT_BACKGROUNDS: Mutex<Option<Backgrounds>> = Mutex::new(None);
static KEPT_LETTERS: Mutex<Option<Letters>> = Mutex::new(None);

/// An image of one of a few backgrounds, with the prompt and the seed as its caption.
pub(crate) struct Composition {
    size: Size,
    variant: u32,
    caption: String,
}

impl Composition {
    pub(crate) fn new(size: Size, seed: u64, prompt: &str) -> Self {
        let variant = SplitMix64::new(seed ^ fnv1a(prompt.as_bytes())).below(BACKGROUNDS);
        // A prompt may have megabytes, of which no image has room for more.
        let prompt: String = prompt.chars().take(MAX_CAPTION).collect();
        Self { size, variant, caption: format!("#{seed} {prompt}") }
    }

    /// Composes the image. Returns `None` for a size that the encoder is left to.
    pub(crate) fn encode(&self) -> Option<Vec<u8>> {
        compose(self.size, self.variant, &self.caption)
    }
}

fn compose(size: Size, variant: u32, caption: &str) -> Option<Vec<u8>> {
    let (width, height) = (u16::try_from(size.width).ok()?, u16::try_from(size.height).ok()?);
    if u64::from(width) * u64::from(height) < MIN_AREA {
        return None;
    }
    let (columns, rows) =
        (usize::from(width.div_ceil(SIDE as u16)), usize::from(height.div_ceil(SIDE as u16)));
    // The number of units of a side of a letter.
    let scale = if width.min(height) >= 720 { 2 } else { 1 };
    let across = (columns / scale).checked_sub(2).filter(|across| *across >= 4)?;
    let down = (rows / scale).checked_sub(2).filter(|down| *down >= 1)?.min(MAX_LINES);
    let lines = caption::wrap(caption, across, down);
    // A unit of the band above the text and one below it.
    let band = lines.len() * scale + 2;
    let top = rows.saturating_sub(band);
    let mut units: Vec<Option<(Arc<JpegUnits>, usize)>> = vec![None; columns * rows];
    let blank = letter(' ', 1)?;
    units.get_mut(top * columns..)?.fill(Some((blank, 0)));
    for (row, line) in lines.iter().enumerate() {
        for (column, symbol) in line.chars().enumerate().filter(|(_, symbol)| *symbol != ' ') {
            let drawn = letter(symbol, scale)?;
            for part in 0..scale * scale {
                let (x, y) = ((column + 1) * scale + part % scale, top + 1 + row * scale + part / scale);
                if x < columns
                    && let Some(unit) = units.get_mut(y * columns + x)
                {
                    *unit = Some((Arc::clone(&drawn), part));
                }
            }
        }
    }
    let background = background(size, variant)?;
    Some(background.write(|index| {
        let (image, part) = units.get(index)?.as_ref()?;
        image.unit(*part)
    }))
}

fn background(size: Size, variant: u32) -> Option<Arc<JpegUnits>> {
    let key = (size.width, size.height, variant);
    if let Some(kept) = lock(&KEPT_BACKGROUNDS).as_ref().and_then(|kept| kept.get(&key)) {
        return Some(Arc::clone(kept));
    }
    let picture = Picture::new(size, u64::from(variant), "");
    let drawn = Arc::new(JpegUnits::encode(PictureRows::new(&picture)?)?);
    let mut kept = lock(&KEPT_BACKGROUNDS);
    let kept = kept.get_or_insert_default();
    let area = |(width, height, _): &(u32, u32, u32)| u64::from(*width) * u64::from(*height);
    let pixels = kept.keys().map(area).sum::<u64>() + area(&key);
    if kept.len() >= MAX_KEPT || pixels > MAX_PIXELS {
        kept.clear();
    }
    kept.insert(key, Arc::clone(&drawn));
    Some(drawn)
}

fn letter(symbol: char, scale: usize) -> Option<Arc<JpegUnits>> {
    if let Some(kept) = lock(&KEPT_LETTERS).as_ref().and_then(|kept| kept.get(&(symbol, scale))) {
        return Some(Arc::clone(kept));
    }
    let side = u16::try_from(SIDE as usize * scale).ok()?;
    let drawn = Arc::new(JpegUnits::encode(Letter { rows: caption::glyph(symbol), side })?);
    let mut kept = lock(&KEPT_LETTERS);
    let kept = kept.get_or_insert_default();
    if kept.len() >= MAX_LETTERS {
        kept.clear();
    }
    kept.insert((symbol, scale), Arc::clone(&drawn));
    Some(drawn)
}

/// The image of a letter, from eight rows of eight dots.
struct Letter {
    rows: [u8; 8],
    side: u16,
}

impl ImageBuffer for Letter {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        self.side
    }

    fn height(&self) -> u16 {
        self.side
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let dot = self.side / 8;
        for x in 0..self.side {
            let is_lit = self.rows[usize::from(y / dot)] >> (x / dot) & 1 == 1;
            push_rgb(if is_lit { TEXT } else { BAND }, buffers);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::probe;

    #[test]
    fn images_depend_on_the_seed_and_the_prompt_only() {
        let size = Size::new(1024, 768);
        let image = |seed, prompt| Composition::new(size, seed, prompt).encode().unwrap();
        assert_eq!(image(1, "a cat"), image(1, "a cat"));
        assert_ne!(image(1, "a cat"), image(2, "a cat"));
        assert_ne!(image(1, "a cat"), image(1, "a dog"));
        assert_eq!(probe::image_size(&image(1, "a cat")), Some(size));
    }

    #[test]
    fn only_the_band_of_the_caption_is_replaced() {
        let size = Size::new(520, 300);
        let image = compose(size, 7, "a cat").unwrap();
        let background = background(size, 7).unwrap().write(|_| None);
        let same = image.iter().zip(&background).take_while(|(one, other)| one == other).count();
        assert!(same * 3 > background.len() * 2 && same < background.len(), "{same} of {}", background.len());
    }

    #[test]
    fn every_size_is_composed_or_left_to_the_encoder() {
        for (width, height) in [(256, 256), (257, 255), (1000, 70), (70, 1000), (65_535, 16), (1, 65_535)] {
            let long = "many words ".repeat(1000);
            for prompt in ["", "a", &long, "\u{0}\u{202e}\n"] {
                let size = Size::new(width, height);
                let composed = Composition::new(size, u64::MAX, prompt).encode();
                assert!(composed.is_none_or(|bytes| probe::image_size(&bytes) == Some(size)), "{size:?}");
            }
        }
        for size in [Size::new(255, 256), Size::new(70_000, 256), Size::new(0, 256)] {
            assert_eq!(compose(size, 1, "a cat"), None);
        }
    }
}
