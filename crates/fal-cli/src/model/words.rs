//! The words of wishes and of texts about models, and how alike they are.

/// Words that say nothing about a model.
const IGNORED: [&str; 30] = [
    "a",
    "about",
    "an",
    "and",
    "by",
    "create",
    "for",
    "from",
    "generate",
    "generator",
    "i",
    "in",
    "into",
    "it",
    "make",
    "me",
    "model",
    "models",
    "my",
    "of",
    "or",
    "some",
    "that",
    "the",
    "this",
    "to",
    "using",
    "want",
    "with",
    "would",
];

/// Words of users, and the words of models that mean the same.
const SYNONYMS: [(&str, &[&str]); 26] = [
    ("aloud", &["speak", "text-to-speech"]),
    ("asr", &["speech-to-text"]),
    ("audio", &["sound"]),
    ("bigger", &["enlarge", "upscale"]),
    ("caption", &["describe"]),
    ("cheap", &["lite", "mini", "nano", "small", "turbo", "schnell", "lightning"]),
    ("clip", &["video"]),
    ("clothes", &["garment"]),
    ("describe", &["caption"]),
    ("edit", &["change"]),
    ("enlarge", &["upscale"]),
    ("extend", &["continue"]),
    ("fast", &["turbo", "lightning", "schnell", "quick", "flash"]),
    ("head", &["avatar"]),
    ("movie", &["video"]),
    ("photo", &["image"]),
    ("picture", &["image"]),
    ("quick", &["turbo", "lightning", "schnell", "fast"]),
    ("song", &["music"]),
    ("sound", &["audio"]),
    ("subtitles", &["caption"]),
    ("swap", &["replace", "vton"]),
    ("talking", &["avatar", "speaking", "lipsync"]),
    ("transcribe", &["speech-to-text"]),
    ("tts", &["text-to-speech"]),
    ("voice", &["speech"]),
];

/// Returns true for a word that says nothing about a model.
pub(crate) fn is_ignored(word: &str) -> bool {
    IGNORED.contains(&word)
}

/// Returns the words of models that mean the same as a word of a user, which may be a plural or end in `-ing`.
pub(crate) fn synonyms(word: &str) -> &'static [&'static str] {
    let is_known =
        |known: &str| known == word || word.strip_suffix('s') == Some(known) || is_participle(word, known);
    SYNONYMS.iter().find(|(known, _)| is_known(known)).map_or(&[], |(_, synonyms)| synonyms)
}

/// Returns true for a verb with `-ing`: `editing` of `edit`, `describing` of `describe` and `swapping` of `swap`.
fn is_participle(word: &str, verb: &str) -> bool {
    let Some(stem) = word.strip_suffix("ing").filter(|stem| stem.len() > 2) else { return false };
    let is_doubled = |rest: &str| rest.len() < 2 && verb.ends_with(rest);
    stem.strip_prefix(verb).is_some_and(is_doubled) || verb.strip_suffix('e') == Some(stem)
}

/// Returns the words of a text in lower case. A version, such as `2.7`, is one word.
pub(crate) fn split(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let mut words = vec![String::new()];
    let (mut before, mut letters) = (' ', lower.chars().peekable());
    while let Some(letter) = letters.next() {
        let is_point =
            letter == '.' && before.is_ascii_digit() && letters.peek().is_some_and(char::is_ascii_digit);
        match words.last_mut() {
            Some(word) if is_point || letter.is_alphanumeric() => word.push(letter),
            _ => words.push(String::new()),
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Returns how much two words are the same, from 0 to 1: `upscaler` is nearly `upscale`.
pub(crate) fn likeness(known: &str, word: &str) -> f64 {
    if known == word {
        return 1.0;
    }
    if let Some(version) = version(word.strip_prefix('v').unwrap_or(word)) {
        return likeness_of_version(known, version);
    }
    if is_participle(word, known) || known.strip_suffix('s').is_some_and(|verb| is_participle(word, verb)) {
        return 0.8;
    }
    let common = known.chars().zip(word.chars()).take_while(|(one, other)| one == other).count();
    let (shorter, longer) = (known.len().min(word.len()), known.len().max(word.len()));
    match common {
        _ if common >= 3 && common == word.len() => 0.8,
        _ if common >= 5 && common + 1 >= shorter && longer - common <= 4 => 0.7,
        _ => 0.0,
    }
}

/// Returns a word that is a version, such as `2.7` or `3`.
fn version(word: &str) -> Option<&str> {
    let is_version = |word: &str| word.chars().all(|letter| letter.is_ascii_digit() || letter == '.');
    (word.starts_with(|letter: char| letter.is_ascii_digit()) && is_version(word)).then_some(word)
}

/// Splits a name with a version, such as `wan2.7`.
pub(crate) fn split_version(word: &str) -> Option<(&str, &str)> {
    let number = word.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    let name = word.strip_suffix(number).filter(|name| name.len() > 2)?;
    Some((name, version(number)?))
}

/// Compares a word with a version. `v2.7` and `wan2.7` are 2.7 too, 2.0 is 2, and 2.7 is a kind of 2. Other letters before a
/// version make another series: `o3` is not 3.
fn likeness_of_version(known: &str, wanted: &str) -> f64 {
    let version_of_known = known.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    let letters = known.len() - version_of_known.len();
    let is_known = matches!(letters, 0 | 3..) || known.starts_with('v');
    match version(version_of_known).filter(|_| is_known).and_then(|known| known.strip_prefix(wanted)) {
        Some("" | ".0") => 1.0,
        Some(rest) if rest.starts_with('.') => 0.5,
        _ => 0.0,
    }
}

/// Returns true if a word of a user is like a known one, or means the same.
pub(crate) fn means(known: &str, word: &str) -> bool {
    likeness(known, word) > 0.0 || synonyms(word).iter().any(|synonym| likeness(known, synonym) > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verb_with_ing_is_like_the_verb() {
        for (known, word) in
            [("edit", "editing"), ("edits", "editing"), ("swap", "swapping"), ("describe", "describing")]
        {
            assert_eq!(likeness(known, word), 0.8, "{known} {word}");
        }
        assert_eq!(synonyms("editing"), synonyms("edit"));
        for (known, word) in [("k", "king"), ("st", "string"), ("even", "evening s"), ("", "ing")] {
            assert_eq!(likeness(known, word), 0.0, "{known} {word}");
        }
    }

    #[test]
    fn version_is_one_word_and_is_found_after_letters() {
        assert_eq!(split("Wan 2.7, v2.7/edit. Veo3.1..."), ["wan", "2.7", "v2.7", "edit", "veo3.1"]);
        for known in ["2.7", "v2.7", "wan2.7"] {
            assert_eq!((likeness(known, "2.7"), likeness(known, "v2.7")), (1.0, 1.0), "{known}");
            assert_eq!(likeness(known, "2"), 0.5, "{known}");
        }
        assert_eq!((likeness("3.0", "3"), likeness("veo3", "3"), likeness("v3", "3")), (1.0, 1.0, 1.0));
        assert_eq!((likeness("o3", "3"), likeness("mp3", "3")), (0.0, 0.0));
        assert_eq!(split_version("wan2.7"), Some(("wan", "2.7")));
        for word in ["wan", "2.7", "v2.7", "o3", "wan-2.7", "wan2.7b", ""] {
            assert_eq!(split_version(word), None, "{word}");
        }
        for known in ["2.70", "2.75", "12.7", "7", "2", "2.7b", "27"] {
            assert_eq!(likeness(known, "2.7"), 0.0, "{known}");
        }
    }
}
