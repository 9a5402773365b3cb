//! The purposes that people come with, and the first choices for each: those of the guide.

use std::collections::BTreeMap;

use super::words;

/// The purposes, one a line: a title in plain words, the category whose name means the same, and ids, the best first.
const PURPOSES: &str = include_str!("first_choices.tsv");

/// The share of the words of a title that a wish has at least. If the title has no verb, it has more.
const LEAST_TITLE: f64 = 0.5;

/// The least weight of the words of a wish that a purpose has, as a share of all.
const LEAST_WISH: f64 = 0.4;

/// The advantage of a first choice over the next one for the same purpose, as a share of that of the first.
const STEP: f64 = 0.05;

/// A wish in the words of a user.
pub(crate) struct Wish<'a> {
    /// The words that say something, each with its weight.
    pub(crate) words: Vec<(&'a str, f64)>,
    /// The category that the wish names, such as `image-to-video`, or all words in the same form.
    pub(crate) category: &'a str,
    /// The words that name the category, if the wish has others too.
    pub(crate) category_words: &'a [String],
}

/// A model that is a first choice for a wish.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FirstChoice {
    /// The closeness of the purpose to the wish, from 0 to 1, and less for the later choices.
    pub(crate) rank: f64,
    /// The weight of the words of the wish that the purpose has, as a share of all.
    pub(crate) share: f64,
}

/// Returns the first choices for the purposes that a wish is for, by their ids.
pub(crate) fn find(wish: &Wish<'_>) -> BTreeMap<&'static str, FirstChoice> {
    let mut found: BTreeMap<&str, FirstChoice> = BTreeMap::new();
    for line in PURPOSES.lines().filter(|line| !line.starts_with('#')) {
        let mut fields = line.split('\t');
        let (title, category) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
        let Some(best) = wish.fit(title, category).filter(|best| best.share >= LEAST_WISH) else { continue };
        for (place, id) in fields.enumerate() {
            let choice = FirstChoice { rank: best.rank * (1.0 - STEP * place as f64), ..best };
            let known = found.entry(id).or_default();
            if choice.rank > known.rank {
                *known = choice;
            }
        }
    }
    found
}

impl Wish<'_> {
    /// Returns how well a purpose fits. `None` if it is another one.
    fn fit(&self, title: &str, category: &str) -> Option<FirstChoice> {
        // "Speech to text with speakers" has words of the title "Speak a text" too.
        if !self.category_words.is_empty() && !category.is_empty() && category != self.category {
            return None;
        }
        // In brackets is another name, such as `OCR`.
        let (title, other) = title.split_once('(').unwrap_or((title, ""));
        let fits = [self.fit_title(title, true), self.fit_title(other, false), self.fit_category(category)];
        fits.into_iter().flatten().max_by(|one, other| one.rank.total_cmp(&other.rank))
    }

    /// Compares the wish with a title. If the title begins with a verb, this is what makes it another purpose than that of
    /// other titles with the same things, so the wish has to have it.
    fn fit_title(&self, title: &str, begins_with_verb: bool) -> Option<FirstChoice> {
        let all = words::split(title);
        let verb = all.first().filter(|verb| begins_with_verb && !words::is_ignored(verb));
        let title: Vec<&String> = all.iter().filter(|word| !words::is_ignored(word)).collect();
        let has = |known: &str| self.words.iter().any(|(word, _)| words::means(known, word));
        if title.is_empty() || verb.is_some_and(|verb| !has(verb)) {
            return None;
        }
        let share = self.share(|word| title.iter().any(|known| words::means(known, word)));
        let of_title = title.iter().filter(|known| has(known)).count() as f64 / title.len() as f64;
        let is_enough = of_title > LEAST_TITLE || verb.is_some() && of_title >= LEAST_TITLE;
        is_enough.then_some(FirstChoice { rank: share * share * of_title, share })
    }

    fn fit_category(&self, category: &str) -> Option<FirstChoice> {
        if category.is_empty() {
            return None;
        }
        if self.category == category {
            let share = match self.category_words {
                [] => 1.0,
                words => {
                    self.share(|word| words.iter().any(|of_category| of_category == word)).max(LEAST_WISH)
                }
            };
            return Some(FirstChoice { rank: 1.0, share });
        }
        let share = self.share(|word| words::synonyms(word).contains(&category));
        (share > 0.0).then_some(FirstChoice { rank: share * share, share })
    }

    /// Returns the weight of some words as a share of all.
    fn share(&self, is_one: impl Fn(&str) -> bool) -> f64 {
        let all: f64 = self.words.iter().map(|(_, weight)| weight).sum();
        let some: f64 = self.words.iter().filter(|(word, _)| is_one(word)).map(|(_, weight)| weight).sum();
        if all > 0.0 { some / all } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(words: &[&'static str], category: &str) -> Option<&'static str> {
        let words = words.iter().map(|word| (*word, 1.0)).collect();
        let wish = Wish { words, category, category_words: &[] };
        let found = find(&wish).into_iter().max_by(|one, other| one.1.rank.total_cmp(&other.1.rank));
        found.map(|(id, _)| id)
    }

    /// Returns the best choice for the purpose with a title.
    fn choice(title: &str) -> Option<&'static str> {
        let line = PURPOSES.lines().find(|line| line.starts_with(&format!("{title}\t")))?;
        line.split('\t').nth(2)
    }

    #[test]
    fn purpose_with_most_words_of_a_wish_gives_the_first_choice() {
        for (words, category, title) in [
            (&["describe", "picture"][..], "describe-image", "Describe an image"),
            (&["remove", "background", "video"], "", "Remove the background of a video"),
            (&["video"], "video", "Generate a video"),
            (&["upscale"], "upscale", "Upscale an image"),
            (&["ocr"], "ocr", "Read the text of a page (OCR)"),
            (&["image", "video"], "image-to-video", "Animate an image"),
            (&["transcribe"], "transcribe", "Write down speech"),
        ] {
            assert!(choice(title).is_some(), "{title}");
            assert_eq!(first(words, category), choice(title), "{words:?}");
        }
        // The title has a verb that the wish lacks, or too many other words.
        for words in [&["flux", "lora"][..], &["text"], &["portrait"], &["nothing"], &[]] {
            assert_eq!(first(words, ""), None, "{words:?}");
        }
    }
}
