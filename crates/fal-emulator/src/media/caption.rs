//! The caption of a picture: the prompt, wrapped, white on a darkened band along the bottom.

use font8x8::UnicodeFonts as _;

use super::Size;

/// The side of a glyph, in font pixels.
const GLYPH: usize = 8;
const MAX_LINES: usize = 6;

/// A caption, laid out for pictures of one size.
pub(crate) struct Caption {
    /// Picture pixels per font pixel.
    scale: usize,
    top: usize,
    height: usize,
    lines: Vec<Vec<[u8; GLYPH]>>,
}

impl Caption {
    pub(crate) fn new(size: Size, text: &str) -> Self {
        let (width, height) = (size.width as usize, size.height as usize);
        let scale = (width.min(height) / 180).clamp(1, 4);
        let columns = (width / (GLYPH * scale)).saturating_sub(2);
        let rows = (height / ((GLYPH + 2) * scale)).saturating_sub(2).min(MAX_LINES);
        let lines: Vec<Vec<[u8; GLYPH]>> = if columns < 4 {
            Vec::new()
        } else {
            wrap(text, columns, rows).iter().map(|line| line.chars().map(glyph).collect()).collect()
        };
        let band = if lines.is_empty() { 0 } else { (lines.len() * (GLYPH + 2) + GLYPH) * scale };
        Self { scale, top: height - band.min(height), height: band, lines }
    }

    /// Draws over row `y` of the picture.
    pub(crate) fn draw_row(&self, y: u32, row: &mut [u8]) {
        let Some(below) = (y as usize).checked_sub(self.top).filter(|below| *below < self.height) else {
            return;
        };
        for sample in row.iter_mut() {
            *sample = (u16::from(*sample) * 2 / 5) as u8;
        }
        let Some(font_row) = (below / self.scale).checked_sub(GLYPH / 2 + 1) else {
            return;
        };
        let (line, within) = (font_row / (GLYPH + 2), font_row % (GLYPH + 2));
        let Some(line) = self.lines.get(line).filter(|_| within < GLYPH) else {
            return;
        };
        for (column, glyph) in line.iter().enumerate() {
            for bit in (0..GLYPH).filter(|bit| glyph[within] >> bit & 1 == 1) {
                let from = ((column + 1) * GLYPH + bit) * self.scale * 3;
                if let Some(pixels) = row.get_mut(from..from + self.scale * 3) {
                    pixels.fill(245);
                }
            }
        }
    }
}

/// Returns the rows of a letter from the top, each with its leftmost pixel in the lowest bit.
pub(super) fn glyph(character: char) -> [u8; GLYPH] {
    font8x8::BASIC_FONTS
        .get(character)
        .or_else(|| font8x8::LATIN_FONTS.get(character))
        .or_else(|| font8x8::GREEK_FONTS.get(character))
        .or_else(|| font8x8::HIRAGANA_FONTS.get(character))
        .or_else(|| font8x8::BASIC_FONTS.get('?'))
        .unwrap_or([0; GLYPH])
}

/// Wraps text between words, breaks words that are longer than a line, and ends text that does not fit
/// with dots.
pub(super) fn wrap(text: &str, columns: usize, rows: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    // Prompts may be very long, so characters that cannot fit are skipped at once.
    let visible: String = text.chars().take(columns * (rows + 1)).collect();
    for word in visible.split_whitespace() {
        let mut word: Vec<char> = word.chars().collect();
        while !word.is_empty() {
            let used = line.chars().count();
            let room = columns - if used == 0 { 0 } else { (used + 1).min(columns) };
            if word.len() > room && used > 0 {
                lines.push(std::mem::take(&mut line));
                continue;
            }
            if used > 0 {
                line.push(' ');
            }
            line.extend(word.drain(..word.len().min(room)));
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    if lines.len() > rows {
        lines.truncate(rows);
        if let Some(last) = lines.last_mut() {
            *last = last.chars().take(columns - 3).chain("...".chars()).collect();
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrap_breaks_only_words_that_are_longer_than_a_line() {
        assert_eq!(wrap("a cat reading a map", 10, 4), ["a cat", "reading a", "map"]);
        assert_eq!(wrap("abcdefghijkl", 5, 4), ["abcde", "fghij", "kl"]);
        assert_eq!(wrap("one two three four", 5, 2), ["one", "tw..."]);
        assert!(wrap("", 5, 2).is_empty());
    }

    #[test]
    fn the_caption_is_drawn_at_the_bottom() {
        let caption = Caption::new(Size::new(256, 256), "Hello");
        let mut light = 0;
        for y in 0..256 {
            let mut row = vec![100; 256 * 3];
            caption.draw_row(y, &mut row);
            let lit = row.iter().filter(|sample| **sample == 245).count();
            assert!(lit == 0 || y > 200);
            light += lit;
        }
        assert!(light > 100, "{light}");
    }
}
