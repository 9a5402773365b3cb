//! Patterns of strings, in the syntax that `fal-core` checks them with.
//!
//! A document may use any syntax: fal's apps are checked by the crate `regex` or by Python, and JSON Schema names
//! JavaScript. `fal-core` uses `regex-lite`, which has neither look-around nor Unicode classes. Patterns are compiled
//! here, so that one that cannot be checked is reported when code is generated, and refuses no value at run time.

use std::fmt;

use regex_syntax::{
    ParserBuilder,
    ast::ErrorKind,
    hir::{Hir, print::Printer},
};

/// A pattern of a string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// The pattern, as it is in the document.
    pub source: String,
    /// Regular expressions that have to match somewhere in the string.
    pub required: Vec<String>,
    /// Regular expressions that must not match anywhere in the string.
    pub excluded: Vec<String>,
}

/// The reason why a pattern is not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PatternError {
    /// It has no form that can be checked.
    Unsupported(String),
    /// It is not a pattern in any syntax.
    Invalid(String),
}

impl Pattern {
    /// Translates a pattern.
    pub(super) fn parse(source: &str) -> Result<Self, PatternError> {
        let parts = split_lookaround(source);
        let translate_all =
            |parts: Vec<String>| parts.iter().map(|part| translate(part)).collect::<Result<_, _>>();
        let (required, excluded) = (translate_all(parts.required)?, translate_all(parts.excluded)?);
        Ok(Self { source: source.to_owned(), required, excluded })
    }

    /// Creates a pattern that is documented and not checked.
    pub(super) fn unchecked(source: &str) -> Self {
        Self { source: source.to_owned(), required: Vec::new(), excluded: Vec::new() }
    }

    /// Returns true if values are checked.
    #[must_use]
    pub fn is_checked(&self) -> bool {
        !self.required.is_empty() || !self.excluded.is_empty()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)
    }
}

/// Regular expressions without the look-around at the ends of a pattern.
#[derive(Debug, PartialEq)]
struct Parts {
    required: Vec<String>,
    excluded: Vec<String>,
}

/// Splits the look-around at the start (`^(?!a)b`) and at the end (`b(?<!c)$`) from a pattern.
///
/// At these two places, a look-around is a pattern of its own about the same string. Look-around elsewhere stays.
fn split_lookaround(source: &str) -> Parts {
    let whole = || Parts { required: vec![source.to_owned()], excluded: Vec::new() };
    if !["(?=", "(?!", "(?<=", "(?<!"].iter().any(|start| source.contains(start))
        || has_top_level_choice(source)
    {
        return whole();
    }
    let mut parts = Parts { required: Vec::new(), excluded: Vec::new() };
    let start = ["^", r"\A"].into_iter().find(|start| source.starts_with(start));
    let mut rest = source;
    if let Some(start) = start {
        rest = &source[start.len()..];
        while let Some(group) = first_group(rest) {
            let inner = &group[1..group.len() - 1];
            match (inner.strip_prefix("?="), inner.strip_prefix("?!")) {
                (Some(ahead), _) => parts.required.push(format!("^(?:{ahead})")),
                (_, Some(ahead)) => parts.excluded.push(format!("^(?:{ahead})")),
                _ => break,
            }
            rest = &rest[group.len()..];
        }
    }
    let end = ["$", r"\Z", r"\z"]
        .into_iter()
        .find(|end| rest.ends_with(end) && !is_escaped(rest, rest.len() - end.len()));
    let mut behind = "";
    if let Some(end) = end {
        let before = &rest[..rest.len() - end.len()];
        if let Some(group) = last_group(before) {
            let inner = &group[1..group.len() - 1];
            match (inner.strip_prefix("?<="), inner.strip_prefix("?<!")) {
                (Some(back), _) => parts.required.push(format!("(?:{back})$")),
                (_, Some(back)) => parts.excluded.push(format!("(?:{back})$")),
                _ => return finish(parts, start, rest, behind),
            }
            behind = end;
            rest = &before[..before.len() - group.len()];
        }
    }
    finish(parts, start, rest, behind)
}

/// Adds the pattern that is left without its look-around.
fn finish(mut parts: Parts, start: Option<&str>, rest: &str, end: &str) -> Parts {
    parts.required.insert(0, [start.unwrap_or_default(), rest, end].concat());
    parts
}

/// Returns the start and the end of every group, with the number of groups around it, and the `|` outside all groups.
fn scan(pattern: &str) -> (Vec<(usize, usize)>, bool) {
    let (mut open, mut groups, mut has_choice) = (Vec::new(), Vec::new(), false);
    let mut class = None;
    let mut characters = pattern.char_indices();
    while let Some((index, character)) = characters.next() {
        match (character, class) {
            ('\\', _) => drop(characters.next()),
            // A `]` right after the start of a class is a part of it.
            (']', Some(start)) if index > start + 1 && !pattern[start..index].ends_with("[^") => class = None,
            (_, Some(_)) => {}
            ('[', None) => class = Some(index),
            ('(', None) => open.push(index),
            (')', None) => groups.extend(open.pop().map(|start| (start, index + 1))),
            ('|', None) => has_choice |= open.is_empty(),
            _ => {}
        }
    }
    (groups, has_choice)
}

fn has_top_level_choice(pattern: &str) -> bool {
    scan(pattern).1
}

/// Returns the group that a pattern starts with, if no repetition follows it.
fn first_group(pattern: &str) -> Option<&str> {
    let (_, end) = scan(pattern).0.into_iter().find(|(start, _)| *start == 0)?;
    (!pattern[end..].starts_with(['*', '+', '?', '{'])).then(|| &pattern[..end])
}

/// Returns the group that a pattern ends with.
fn last_group(pattern: &str) -> Option<&str> {
    let (start, _) = scan(pattern).0.into_iter().filter(|(_, end)| *end == pattern.len()).min()?;
    Some(&pattern[start..])
}

fn is_escaped(pattern: &str, index: usize) -> bool {
    pattern[..index].bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// Translates a pattern without look-around into the syntax of `regex-lite`.
fn translate(pattern: &str) -> Result<String, PatternError> {
    let rust = rewrite_escapes(pattern, false);
    let (pattern, hir) = match parse(&rust) {
        Ok(hir) => (rust, hir),
        Err(error @ PatternError::Unsupported(_)) => return Err(error),
        Err(error) => {
            let script = rewrite_escapes(pattern, true);
            let hir = parse(&script).map_err(|_| error)?;
            (script, hir)
        }
    };
    let translated = if depends_on_unicode(&pattern) { print(&hir)? } else { pattern };
    match regex_lite::Regex::new(&translated) {
        Ok(_) => Ok(translated),
        Err(error) => Err(PatternError::Unsupported(error.to_string())),
    }
}

fn parse(pattern: &str) -> Result<Hir, PatternError> {
    let parsed = ParserBuilder::new().nest_limit(50).build().parse(pattern);
    parsed.map_err(|error| match &error {
        regex_syntax::Error::Parse(error) => match error.kind() {
            ErrorKind::UnsupportedLookAround => {
                PatternError::Unsupported("it looks around in the middle".to_owned())
            }
            ErrorKind::UnsupportedBackreference => {
                PatternError::Unsupported("it refers back to a group".to_owned())
            }
            ErrorKind::NestLimitExceeded(_) => PatternError::Unsupported("it nests too deeply".to_owned()),
            kind => PatternError::Invalid(kind.to_string()),
        },
        regex_syntax::Error::Translate(error) => PatternError::Invalid(error.kind().to_string()),
        error => PatternError::Invalid(error.to_string()),
    })
}

/// Returns true for a pattern that means something else without Unicode, or whose flags do.
fn depends_on_unicode(pattern: &str) -> bool {
    let classes = [r"\w", r"\W", r"\d", r"\D", r"\s", r"\S", r"\p", r"\P", "(?", "[["];
    classes.iter().any(|class| pattern.contains(class))
}

/// Prints a parsed pattern with its classes as ranges.
fn print(hir: &Hir) -> Result<String, PatternError> {
    let mut text = String::new();
    Printer::new().print(hir, &mut text).map_err(|error| PatternError::Unsupported(error.to_string()))?;
    Ok(text)
}

/// Rewrites `\Z`, which Python has for the end. For JavaScript, also rewrites characters that are ordinary there: `[` and
/// doubled operators in a class, and braces that are no repetition.
fn rewrite_escapes(pattern: &str, script: bool) -> String {
    let mut rewritten = String::with_capacity(pattern.len());
    let mut in_class = false;
    let mut characters = pattern.char_indices().peekable();
    while let Some((index, character)) = characters.next() {
        let after = &pattern[index + character.len_utf8()..];
        match character {
            '\\' => {
                let Some((_, escaped)) = characters.next() else {
                    rewritten.push(character);
                    break;
                };
                match escaped {
                    'Z' if !in_class => rewritten.push_str(r"\z"),
                    // JavaScript takes an escape without a meaning for the character.
                    'c' if script => match characters.next() {
                        Some((_, letter)) => {
                            rewritten
                                .push_str(&format!(r"\x{:02X}", u32::from(letter.to_ascii_uppercase()) & 31));
                        }
                        None => rewritten.push_str(r"\c"),
                    },
                    '0' if script => rewritten.push_str(r"\x00"),
                    'b' if script && in_class => rewritten.push_str(r"\x08"),
                    letter if script && is_plain_escape(letter) => rewritten.push(letter),
                    escaped => rewritten.extend(['\\', escaped]),
                }
            }
            '[' if in_class && script => rewritten.push_str(r"\["),
            '[' if !in_class => {
                in_class = true;
                rewritten.push('[');
                if script && after.starts_with(']') {
                    // `[]` matches nothing.
                    rewritten.push_str("a&&b");
                } else if script && after.starts_with("^]") {
                    characters.next();
                    rewritten.push_str(r"\x00-\x{10FFFF}");
                }
            }
            ']' => {
                in_class = false;
                rewritten.push(']');
            }
            '&' | '~' if in_class && script => rewritten.extend(['\\', character]),
            '-' if in_class && script && is_plain_dash(pattern, index) => rewritten.push_str(r"\-"),
            '{' if script && !in_class && !is_repetition(after) => rewritten.push_str(r"\{"),
            '}' if script && !in_class && !closes_repetition(&pattern[..index]) => rewritten.push_str(r"\}"),
            character => rewritten.push(character),
        }
    }
    rewritten
}

/// Returns true for a letter that has no meaning after `\`.
fn is_plain_escape(letter: char) -> bool {
    letter.is_ascii_alphabetic() && !"AbBdDfnprPsStuUvwWxzZk".contains(letter) || letter == '_'
}

/// Returns true for a `-` beside a class such as `\w`, which is no range.
fn is_plain_dash(pattern: &str, index: usize) -> bool {
    let is_class = |letter: Option<char>| letter.is_some_and(|letter| "wWdDsS".contains(letter));
    let before = &pattern[..index];
    let after = &pattern[index + 1..];
    is_class(before.chars().next_back()) && is_escaped(before, before.len() - 1)
        || after.starts_with('\\') && is_class(after.chars().nth(1))
}

/// Returns true if what follows a `{` makes it a repetition, such as `2}` or `2,3}`.
fn is_repetition(after: &str) -> bool {
    let Some((inside, _)) = after.split_once('}') else { return false };
    let (min, max) = inside.split_once(',').unwrap_or((inside, ""));
    !min.is_empty() && [min, max].iter().all(|bound| bound.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Returns true if a `}` after this text ends a repetition.
fn closes_repetition(before: &str) -> bool {
    before.rfind('{').is_some_and(|start| {
        !is_escaped(before, start) && is_repetition(&format!("{}}}", &before[start + 1..]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks a string as `fal-core` does.
    fn matches(pattern: &str, text: &str) -> bool {
        let pattern = Pattern::parse(pattern).unwrap_or_else(|error| panic!("{pattern}: {error:?}"));
        let find = |pattern: &String| regex_lite::Regex::new(pattern).unwrap().is_match(text);
        pattern.required.iter().all(find) && !pattern.excluded.iter().any(find)
    }

    #[test]
    fn patterns_mean_what_they_mean_to_fal() {
        for (pattern, good, bad) in [
            (r"^#([0-9A-F]{3}){1,2}$", &["#0AF", "#00AAFF"][..], &["0AF", "#0A"][..]),
            (r"^\p{L}+$", &["abc", "žluť"], &["a1", ""]),
            (r"^\w+$", &["a_1", "žluť"], &["a-b", ""]),
            (r"^\d{2}$", &["12", "٣٤"], &["1", "ab"]),
            (r"^a\sb$", &["a b", "a\u{a0}b"], &["ab"]),
            (r"\Aab\Z", &["ab"], &["abc", "ab\n"]),
            (r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$", &["1.50", "-3", ".5"], &["", "+", "1.2.3", "."]),
            (r"^(?=.*[A-Z])(?=.*\d).{4,}$", &["abC1", "1Xyz"], &["abc1", "abCd", "C1"]),
            (r"^[a-z]+(?<!ing)$", &["sink"], &["sing"]),
            (r"^(?!con$|nul$)[a-z]+$", &["cone", "a"], &["con", "nul"]),
            (r"^{.*}$", &["{}", "{a}"], &["a"]),
            (r"^[\w-.]+$", &["a-b.c"], &["a b"]),
            (r"^[[]a]$", &["[a]"], &["a"]),
            (r"^https?:\/\/", &["https://x", "http://x"], &["ftp://x"]),
            (r"^(?i)é$", &["é", "É"], &["e"]),
            (r"^[^]]+$", &["ab"], &["a]"]),
        ] {
            good.iter().for_each(|text| assert!(matches(pattern, text), "{pattern} {text:?}"));
            bad.iter().for_each(|text| assert!(!matches(pattern, text), "{pattern} {text:?}"));
        }
    }

    #[test]
    fn patterns_without_classes_stay_as_they_are() {
        for pattern in ["^#[0-9a-fA-F]{6}$", "^[a-z]+(-[a-z]+)*$", r"^https:\/\/[^ ]+\.png$"] {
            assert_eq!(Pattern::parse(pattern).unwrap().required, [pattern]);
        }
    }

    #[test]
    fn patterns_that_cannot_be_checked_are_told_from_invalid_ones() {
        for pattern in [r"^a(?=b).c$", r"^(a)\1$", r"(?=.*a)b", r"(?=a)|b"] {
            assert!(matches!(Pattern::parse(pattern), Err(PatternError::Unsupported(_))), "{pattern}");
        }
        for pattern in ["([a-z", "a)", "*"] {
            assert!(matches!(Pattern::parse(pattern), Err(PatternError::Invalid(_))), "{pattern}");
        }
    }
}
