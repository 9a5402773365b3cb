//! Names of saved files with places for facts.

use super::file_name::{is_device, sanitize};
use crate::{Error, ErrorKind, Result};

/// The largest length of a folder or file in a name, in bytes. File systems take 255, and a number may be appended.
const MAX_SEGMENT: usize = 200;

/// A name of files with places for facts, such as `{batch}/{key}-{index}.{ext}`.
///
/// ```
/// use fal_client::storage::NameTemplate;
///
/// let template = NameTemplate::parse("{batch}/{key}.{ext}")?;
/// let name = template.fill(|place| match place {
///     "batch" => "cats".to_owned(),
///     "key" => "../tom".to_owned(),
///     _ => "png".to_owned(),
/// });
/// assert_eq!(name, "cats/_tom.png");
/// # Ok::<(), fal_client::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTemplate {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Place(String),
}

impl NameTemplate {
    /// Parses a name in which each place is a word in braces.
    ///
    /// # Errors
    ///
    /// `Config` if a brace has no counterpart.
    pub fn parse(text: &str) -> Result<Self> {
        let unbalanced = |brace: char, other: char| {
            Error::new(ErrorKind::Config, format!("the name `{text}`: a `{brace}` has no `{other}`"))
        };
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (place, after) = after.split_once('}').ok_or_else(|| unbalanced('{', '}'))?;
            if before.contains('}') || place.contains('{') {
                return Err(if before.contains('}') { unbalanced('}', '{') } else { unbalanced('{', '}') });
            }
            parts.extend([Part::Text(before.to_owned()), Part::Place(place.to_owned())]);
            rest = after;
        }
        if rest.contains('}') {
            return Err(unbalanced('}', '{'));
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self { parts })
    }

    /// Returns the places, in their order.
    pub fn places(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Place(place) => Some(place.as_str()),
            Part::Text(_) => None,
        })
    }

    /// Returns the name with the values of its places.
    ///
    /// A value may come from a service. It becomes one part of a name: characters that could lead to another folder are
    /// replaced by `_`, and at most 100 bytes are kept. Folders and files get a `_` in front if Windows reserves their
    /// names for devices, and are cut to 200 bytes.
    #[must_use]
    pub fn fill(&self, mut value: impl FnMut(&str) -> String) -> String {
        let parts = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Place(place) => sanitize(&value(place)),
        });
        let name: String = parts.collect();
        name.split('/').map(safe_segment).collect::<Vec<_>>().join("/")
    }
}

/// Returns a folder or file of a name in a form that every system takes. The extension is kept.
fn safe_segment(segment: &str) -> String {
    let segment = if is_device(segment) { format!("_{segment}") } else { segment.to_owned() };
    if segment.len() <= MAX_SEGMENT {
        return segment;
    }
    let (stem, extension) = match segment.rsplit_once('.') {
        Some((stem, extension)) if extension.len() <= 16 => (stem, format!(".{extension}")),
        _ => (&*segment, String::new()),
    };
    let mut end = MAX_SEGMENT - extension.len();
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    stem.get(..end).unwrap_or_default().to_owned() + &extension
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(template: &str, value: &str) -> String {
        NameTemplate::parse(template).unwrap().fill(|_| value.to_owned())
    }

    #[test]
    fn values_are_one_part_of_a_name() {
        for (template, value, expected) in [
            ("out/{key}.png", "tom", "out/tom.png"),
            ("out/{key}.png", "../../etc/passwd", "out/_.._etc_passwd.png"),
            ("out/{key}.png", "..", "out/file.png"),
            ("{key}/{key}", "a\\b:c\u{0}", "a_b_c_/a_b_c_"),
            ("{key}.png", "con", "_con.png"),
            // A device that is made of text and value.
            ("co{key}.png", "m1", "_com1.png"),
            ("../{key}", "a", "../a"),
            ("{}", "a", "a"),
            ("plain", "a", "plain"),
        ] {
            assert_eq!(fill(template, value), expected, "{template} {value}");
        }
        let long = fill("{a}{b}{c}.png", &"ž".repeat(500));
        assert!(long.len() <= MAX_SEGMENT && long.ends_with(".png"), "{long}");
        let long = fill(&"x".repeat(300), "");
        assert_eq!(long.len(), MAX_SEGMENT);
    }

    #[test]
    fn braces_without_a_counterpart_are_refused() {
        for bad in ["{key", "key}", "{a{b}", "a}{b}", "{"] {
            assert!(NameTemplate::parse(bad).is_err_and(|error| error.is_config()), "{bad}");
        }
        let template = NameTemplate::parse("{a}/{b}.{a}").unwrap();
        assert_eq!(template.places().collect::<Vec<_>>(), ["a", "b", "a"]);
    }
}
