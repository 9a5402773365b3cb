//! Texts that match the `pattern` of a schema.

use regex_syntax::hir::{Class, Hir, HirKind};
use serde_json::{Value, json};

/// The longest text that is made, in bytes. A short pattern can demand far more.
const MAX_LENGTH: usize = 1_000;
/// The longest pattern that is read, in bytes.
const MAX_PATTERN: usize = 1_000;

/// The characters that are taken first where several are allowed.
const PREFERRED: [char; 7] = ['a', 'A', '0', '1', '-', '_', ' '];

/// Returns true if a text matches the `pattern` of a schema, or if there is none.
pub(super) fn matches(schema: &Value, text: &str) -> bool {
    let Some(pattern) = schema.get("pattern").and_then(Value::as_str) else {
        return true;
    };
    let compile = || jsonschema::draft202012::options().build(&json!({"pattern": pattern}));
    pattern.len() <= MAX_PATTERN && compile().is_ok_and(|validator| validator.is_valid(&json!(text)))
}

/// Returns a short text of a length from `least` that matches a pattern, or `None` if the pattern is too complicated.
pub(super) fn make_text(schema: &Value, least: usize) -> Option<String> {
    let pattern = schema.get("pattern")?.as_str().filter(|pattern| pattern.len() <= MAX_PATTERN)?;
    let hir = regex_syntax::parse(pattern).ok()?;
    // More repetitions than the pattern needs make the text longer.
    [0, 1, least].into_iter().find_map(|more| {
        let mut text = String::new();
        write(&hir, more, &mut text)?;
        (text.chars().count() >= least && matches(schema, &text)).then_some(text)
    })
}

/// Adds a text that matches a part of a pattern, with `more` repetitions than necessary. Returns `None` if it would be too long.
fn write(part: &Hir, more: usize, text: &mut String) -> Option<()> {
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => text.push(choose(class)?),
        HirKind::Repetition(repetition) => {
            let least = usize::try_from(repetition.min).ok()?;
            let most = repetition.max.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
            for _ in 0..least.saturating_add(more).min(most) {
                let length = text.len();
                write(&repetition.sub, more, text)?;
                if text.len() == length {
                    break;
                }
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, more, text)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| write(part, more, text))?,
        HirKind::Alternation(parts) => write(parts.first()?, more, text)?,
    }
    (text.len() <= MAX_LENGTH).then_some(())
}

/// Returns a character of a class.
fn choose(class: &Class) -> Option<char> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) => class.iter().map(|range| (range.start().into(), range.end().into())).collect(),
    };
    let has = |wanted: &char| ranges.iter().any(|(start, end)| (start..=end).contains(&wanted));
    PREFERRED.into_iter().find(has).or_else(|| Some(ranges.first()?.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_match_their_pattern() {
        for (pattern, least, expected) in [
            (r"^[A-Z]{2}-\d+$", 0, Some("AA-0")),
            (r"^(cat|dog)s?$", 0, Some("cat")),
            (r"^[^a]\w{3}$", 0, Some("Aaaa")),
            (r"^x*$", 3, Some("xxx")),
            ("^水+$", 0, Some("水")),
            ("b", 0, Some("b")),
            // A look-ahead, a broken pattern, and one that demands a text without end.
            (r"^(?=a)a$", 0, None),
            ("(", 0, None),
            ("^((a{1000}){1000}){1000}$", 0, None),
            (&"a".repeat(2000), 0, None),
        ] {
            let made = make_text(&json!({"pattern": pattern}), least);
            assert_eq!(made.as_deref(), expected, "{pattern}");
        }
    }
}
