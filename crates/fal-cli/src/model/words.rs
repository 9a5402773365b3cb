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
const SYNONYMS: [(&str, &[&str]); 25] = [
    ("aloud", &["speak", "text-to-speech"]),
    ("asr", &["speech-to-text"]),
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

/// Returns the words of models that mean the same as a word of a user, which may be a plural.
pub(crate) fn synonyms(word: &str) -> &'static [&'static str] {
    let is_known = |known: &str| known == word || word.strip_suffix('s') == Some(known);
    SYNONYMS.iter().find(|(known, _)| is_known(known)).map_or(&[], |(_, synonyms)| synonyms)
}

/// Returns the words of a text in lower case.
pub(crate) fn split(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    lower
        .split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Returns how much two words are the same, from 0 to 1: `upscaler` is nearly `upscale`.
pub(crate) fn likeness(known: &str, word: &str) -> f64 {
    if known == word {
        return 1.0;
    }
    let common = known.chars().zip(word.chars()).take_while(|(one, other)| one == other).count();
    let (shorter, longer) = (known.len().min(word.len()), known.len().max(word.len()));
    match common {
        _ if common >= 3 && common == word.len() => 0.8,
        _ if common >= 5 && common + 1 >= shorter && longer - common <= 4 => 0.7,
        _ => 0.0,
    }
}

/// Returns true if a word of a user is like a known one, or means the same.
pub(crate) fn means(known: &str, word: &str) -> bool {
    likeness(known, word) > 0.0 || synonyms(word).iter().any(|synonym| likeness(known, synonym) > 0.0)
}
