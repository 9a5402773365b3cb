//! Checks of endpoint ids.
//!
//! An id becomes a path of files, a module, and text in code and comments. So it may only have the characters that
//! fal's own ids have, and is checked before anything else is made of it.

use crate::error::Error;

/// The longest id, in bytes. Files could not be named after longer ones.
const LONGEST: usize = 200;

/// Returns the problem with an endpoint id, if there is one.
#[must_use]
pub fn find_problem(id: &str) -> Option<String> {
    let segments: Vec<&str> = id.split('/').collect();
    let is_word = |segment: &&str| {
        segment.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && segment.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
    };
    if id.len() > LONGEST {
        let start: String = id.chars().take(40).collect();
        return Some(format!("an endpoint id of {} bytes, which starts with {start:?}", id.len()));
    }
    let fine = segments.len() >= 2 && segments.iter().all(is_word);
    (!fine).then(|| format!("{id:?} is not an endpoint id"))
}

/// Fails for text that is not an endpoint id.
pub(crate) fn check(file: &str, pointer: String, id: &str) -> Result<(), Error> {
    match find_problem(id) {
        None => Ok(()),
        Some(message) => Err(Error::new(file, message)
            .with_pointer(pointer)
            .with_help("an id is `owner/name` or longer, of letters, digits, `-`, `_` and `.`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_words_between_slashes() {
        for good in ["fal-ai/flux/dev", "tripo3d/h3.1", "fal-ai/kling-video/v2.1/master/text-to-video"] {
            assert_eq!(find_problem(good), None, "{good}");
        }
        let long = format!("a/{}", "b".repeat(300));
        for bad in
            ["", "flux", "/etc", "a/../../etc", "../../etc", "a//b", "a/b c", "a/b\n", "a\\b/c", "ä/b", &long]
        {
            assert!(find_problem(bad).is_some(), "{bad}");
        }
    }
}
