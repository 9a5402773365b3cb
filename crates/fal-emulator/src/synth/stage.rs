//! How far a run has come: outputs made before its end are previews.

use std::cell::Cell;

use crate::media::Size;

/// Previews are no longer than this, in pixels: they are many, and only to be glanced at.
const PREVIEW_SIDE: u32 = 512;

/// How far a run has come when an output is made.
#[derive(Debug)]
pub(crate) struct Stage {
    done: u32,
    of: u32,
    /// Set once something was made that looks different at another stage.
    seen: Cell<bool>,
}

impl Stage {
    /// The end: what is made is the result.
    pub(crate) fn last() -> Self {
        Self::of(1, 1)
    }

    /// `done` steps of `of`, counted from one.
    pub(crate) fn of(done: u32, of: u32) -> Self {
        Self { done, of: of.max(1), seen: Cell::new(false) }
    }

    pub(crate) fn is_last(&self) -> bool {
        self.done >= self.of
    }

    /// Whether an output made at this stage shows it.
    pub(crate) fn is_seen(&self) -> bool {
        self.seen.get()
    }

    /// How much of a picture is still noise, of 256.
    pub(super) fn noise(&self) -> u32 {
        self.seen.set(true);
        256 * self.of.saturating_sub(self.done) / self.of
    }

    /// The size to draw a picture at.
    pub(super) fn size(&self, size: Size) -> Size {
        if self.is_last() || size.width.max(size.height) <= PREVIEW_SIDE {
            return size;
        }
        size.fitted(PREVIEW_SIDE)
    }

    /// The words of a text that are there by now.
    pub(super) fn text<'a>(&self, text: &'a str) -> &'a str {
        self.seen.set(true);
        if self.is_last() {
            return text;
        }
        let words = text.split_whitespace().count() * self.done as usize / self.of as usize;
        let mut rest = text;
        for _ in 0..words {
            rest = rest.trim_start();
            rest = rest.find(char::is_whitespace).map_or("", |end| &rest[end..]);
        }
        &text[..text.len() - rest.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_and_words_follow_the_steps() {
        assert_eq!([1, 2, 4].map(|done| Stage::of(done, 4).noise()), [192, 128, 0]);
        let text = "one  two three four";
        assert_eq!([0, 1, 2, 4].map(|done| Stage::of(done, 4).text(text)), ["", "one", "one  two", text]);
        assert_eq!(Stage::of(1, 2).text("größe über alles da"), "größe über");
    }

    #[test]
    fn previews_are_small_and_results_are_not() {
        assert_eq!(Stage::of(1, 2).size(Size::new(1024, 768)), Size::new(512, 384));
        assert_eq!(Stage::of(1, 2).size(Size::new(40, 30)), Size::new(40, 30));
        assert_eq!(Stage::last().size(Size::new(1024, 768)), Size::new(1024, 768));
    }
}
