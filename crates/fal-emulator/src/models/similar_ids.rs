//! Ids that resemble one that does not exist.

use std::cmp::Ordering;
use std::collections::BTreeSet;

/// The number of ids that are suggested.
const MOST: usize = 3;
/// The similarity from which an id is suggested. Ids of the same owner alone have less.
const LEAST: f64 = 0.55;
/// The longest id that is compared, in bytes.
const MAX_LENGTH: usize = 200;

/// Returns the ids that resemble `id` most, the best first.
pub(super) fn find<'a>(id: &str, ids: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    if id.len() > MAX_LENGTH {
        return Vec::new();
    }
    let wanted = Words::new(id);
    let mut found: Vec<(f64, &str)> = ids
        .map(|other| (wanted.similarity(&Words::new(other)), other))
        .filter(|(similarity, _)| *similarity >= LEAST)
        .collect();
    found.sort_by(|(one, id), (other, other_id)| {
        other.partial_cmp(one).unwrap_or(Ordering::Equal).then_with(|| id.len().cmp(&other_id.len()))
    });
    found.into_iter().take(MOST).map(|(_, id)| id).collect()
}

/// The parts of an id that are compared.
struct Words {
    words: BTreeSet<String>,
    /// The pairs of neighbouring letters, so that a misspelt word still counts.
    pairs: BTreeSet<(char, char)>,
}

impl Words {
    fn new(id: &str) -> Self {
        let id = id.to_lowercase();
        // The owner says little, because most models have the same one.
        let name = id.split_once('/').map_or(id.as_str(), |(_, name)| name);
        let words = name.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
        let letters: Vec<char> = name.chars().filter(|letter| letter.is_alphanumeric()).collect();
        Self {
            words: words.map(str::to_owned).collect(),
            pairs: letters.windows(2).map(|pair| (pair[0], pair[1])).collect(),
        }
    }

    /// Compares two ids. 1 means that they have the same words, 0 that they have nothing in common.
    fn similarity(&self, other: &Self) -> f64 {
        let shared = self.words.intersection(&other.words).count() as f64;
        // A part of a longer id is a near miss too.
        let contained = shared / self.words.len().max(1) as f64;
        let pairs = self.pairs.intersection(&other.pairs).count() as f64;
        let dice = 2.0 * pairs / (self.pairs.len() + other.pairs.len()).max(1) as f64;
        // One misspelt word has no word in common.
        (0.4 * contained + 0.6 * dice).max(0.9 * dice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_misses_are_found() {
        let ids = [
            "fal-ai/flux/dev",
            "fal-ai/flux-pro/v1.1",
            "fal-ai/recraft/v3/text-to-image",
            "fal-ai/recraft/v3/image-to-image",
            "fal-ai/whisper",
            "fal-ai/kling-video/v2.1/master/text-to-video",
        ];
        for (id, expected) in [
            ("fal-ai/recraft-v3", "fal-ai/recraft/v3/text-to-image"),
            ("fal-ai/flux/deev", "fal-ai/flux/dev"),
            ("fal-ai/Flux/Dev", "fal-ai/flux/dev"),
            ("fal-ai/wisper", "fal-ai/whisper"),
            ("acme/flux-pro/v1.1", "fal-ai/flux-pro/v1.1"),
            ("fal-ai/kling-video/v2.1/text-to-video", "fal-ai/kling-video/v2.1/master/text-to-video"),
        ] {
            assert!(find(id, ids.into_iter()).contains(&expected), "{id}");
        }
        for id in ["fal-ai/something-else", "acme/x", ""] {
            assert_eq!(find(id, ids.into_iter()), [""; 0], "{id}");
        }
    }
}
