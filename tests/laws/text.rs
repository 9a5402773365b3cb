//! Random texts with a given length or pattern, and random JSON.

use serde_json::{Map, Value, json};

use crate::random::Random;

/// Characters of one to four bytes in UTF-8, and characters that JSON escapes.
const CHARACTERS: &[char] = &[
    'a',
    'Z',
    '7',
    ' ',
    '_',
    '-',
    '/',
    '.',
    '"',
    '\\',
    '\n',
    '\u{1}',
    'ž',
    'ß',
    '語',
    '\u{301}',
    '🤩',
    '\u{10ffff}',
];

/// Values of file parameters, and texts that resemble values of other types.
const FIXED: &[&str] = &[
    "",
    "https://example.com/a%20file.png?x=1&y=ž",
    "data:text/plain;base64,aGVsbG8=",
    "null",
    "true",
    "42",
    "{}",
];

/// The patterns of the corpus, each with texts that match and texts that do not.
const PATTERNS: &[(&str, &[&str], &[&str])] = &[
    (r"^\w+$", &["a", "_", "7", "Speaker_1", "ABCxyz"], &["", "a b", "a-b", "a\n", "ž!", "語 "]),
    (
        "^#([0-9A-Fa-f]{3}){1,2}$",
        &["#abc", "#A1b2C3", "#000", "#FFFFFF"],
        &["", "abc", "#ab", "#abcd", "#ggg", "#abcdefa", "#abc\n", "#ábc"],
    ),
    // The patterns of random documents.
    (r"^[A-Z]{3}\d+$", &["ABC1", "XYZ007"], &["", "abc1", "ABC", "ABCD1", " ABC1", "ABC1x"]),
    (r"^\d{2}:\d{2}$", &["12:34", "00:00"], &["1:23", "12:345", "12-34", "", "ab:cd"]),
    (
        r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$",
        &["1.50", "-0", "+007", ".5", "5."],
        &["", "+", ".", "-.", "1e5", "abc", "1.2.3"],
    ),
    (r"^\p{L}+$", &["abc", "Größe", "語"], &["", "abc1", "a b", "_"]),
    (
        "^https://",
        &["https://", "https://example.com/a.png"],
        &["", "http://example.com", "see https://x", "HTTPS://x"],
    ),
    ("^[^/]+/[^/]+$", &["a/b", "ž/🤩"], &["", "a", "a/", "/b", "a/b/c"]),
    ("cat|dog", &["cat", "a dog", "hotdogs"], &["", "do", "CAT"]),
    (r"^(?=.*\d)[a-z0-9]+$", &["a1", "1", "abc9x"], &["", "abc", "A1", "a-1"]),
    (r"^\S+$", &["a", "ž-1", "a\u{301}"], &["", "a b", "\t"]),
    ("^(?i)yes$", &["yes", "YES"], &["", "yess", "no"]),
    // The patterns of the apps that pydantic judges.
    (
        r"^(https?://|[\w-]+/[\w.-]+$)",
        &["https://a b", "http://", "me/my-lora.v1", "a_b/c"],
        &["", "ftp://a", "me", "me/", "a/b/c", "a b/c"],
    ),
    (
        r"^[\w.-]+(/[\w.-]+)+$",
        &["a/b", "fal-ai/flux/dev", "x/v1.0"],
        &["", "a", "/a/b", "a//b", "a/b/", "a b/c"],
    ),
    (r"^[a-zA-Z0-9_-]{1,64}$", &["f", "get_weather-2"], &["", "get weather", "é", "a.b"]),
    (r"^\w[\w .-]*$", &["a", "my run 2.0-b", "é"], &["", " a", "-", "a/b"]),
    (r"^\s*(\d*\.?\d+)\s*(\w+)?", &["1", "10MB", " 1.5 GiB "], &["", "MB", "x1"]),
];

/// Texts of many forms, for patterns that are not in the table.
const FORMS: &[&str] = &[
    "a",
    "A",
    "aa",
    "aaa",
    "aaaa",
    "b",
    "ab",
    "ba",
    "cb",
    "abc",
    "ABC",
    "abcd",
    "xABC",
    "foo",
    "a foo b",
    "bar",
    "Abc1",
    "Abc12",
    "abc1",
    "word",
    "a word.",
    "wordy",
    "123-4567",
    "123-456",
    "2024",
    "x2024y",
    "me@example.com",
    "a.b@c",
    "/a/",
    "/a",
    "é",
    "éé",
    "e\u{301}",
    "A1",
    "red",
    "green",
    "redgreen",
    "C:\\",
    "C:/",
    "-",
    "]",
    "Éa",
    "éa",
    "#12ab9F",
    "#12ab9F00",
    "#12ab9",
    "  ",
    "\n",
    "a\nb",
    "語",
    "日本",
    "http://x",
    "data:,",
    "ftp:",
];

/// Returns a text that matches `pattern`, or one that does not.
///
/// # Panics
///
/// If there is none among the known texts. The table above then needs the pattern.
pub(crate) fn with_pattern(pattern: &str, matching: bool, random: &mut Random) -> String {
    if let Some((_, good, bad)) = PATTERNS.iter().find(|row| row.0 == pattern) {
        return (*random.pick(if matching { good } else { bad })).to_owned();
    }
    let judge = jsonschema::validator_for(&json!({ "pattern": pattern })).unwrap();
    let known = PATTERNS.iter().flat_map(|row| row.1.iter().chain(row.2)).chain(FIXED).chain(FORMS);
    let fitting: Vec<&str> = known.copied().filter(|text| judge.is_valid(&json!(text)) == matching).collect();
    assert!(!fitting.is_empty(), "no text for the pattern {pattern}; see PATTERNS");
    (*random.pick(&fitting)).to_owned()
}

/// Returns a text of exactly `length` characters (Unicode scalar values).
pub(crate) fn with_length(length: usize, random: &mut Random) -> String {
    if length > 40 {
        // The length is what matters in a long text, so one special character is enough.
        let special = *random.pick(CHARACTERS);
        return std::iter::once(special).chain(std::iter::repeat_n('x', length - 1)).collect();
    }
    (0..length).map(|_| *random.pick(CHARACTERS)).collect()
}

/// Returns any short text.
pub(crate) fn any_text(random: &mut Random) -> String {
    if random.once_in(3) {
        return (*random.pick(FIXED)).to_owned();
    }
    let length = random.below(12);
    with_length(length, random)
}

/// Returns any JSON, at most `depth` levels deep.
pub(crate) fn any_json(depth: usize, random: &mut Random) -> Value {
    match random.below(if depth == 0 { 6 } else { 8 }) {
        0 => Value::Null,
        1 => json!(random.once_in(2)),
        2 => json!(i64::try_from(random.below(2000)).unwrap_or(0) - 1000),
        3 => json!(random.fraction()),
        4 | 5 => json!(any_text(random)),
        6 => (0..random.below(3)).map(|_| any_json(depth - 1, random)).collect(),
        _ => (0..random.below(3))
            .map(|_| (any_text(random), any_json(depth - 1, random)))
            .collect::<Map<_, _>>()
            .into(),
    }
}
