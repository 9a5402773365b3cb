//! Which endpoint ids generated code may hold.
//!
//! An id becomes a path of files, a module, and text in code and comments. So it is held to the letters
//! that fal's own ids are made of, before anything is made of it.

use crate::Error;

/// Longer ones are not ids, and files could not be named after them.
const LONGEST: usize = 200;

/// Why `id` cannot be one, if it cannot.
pub(crate) fn problem(id: &str) -> Option<String> {
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

/// Refuses an id that is none.
pub(crate) fn check(file: &str, pointer: String, id: &str) -> Result<(), Error> {
    match problem(id) {
        None => Ok(()),
        Some(message) => Err(Error::new(file, message)
            .at(pointer)
            .help("an id is `owner/name` or longer, of letters, digits, `-`, `_` and `.`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_words_between_slashes() {
        for good in ["fal-ai/flux/dev", "tripo3d/h3.1", "fal-ai/kling-video/v2.1/master/text-to-video"] {
            assert_eq!(problem(good), None, "{good}");
        }
        let long = format!("a/{}", "b".repeat(300));
        for bad in
            ["", "flux", "/etc", "a/../../etc", "../../etc", "a//b", "a/b c", "a/b\n", "a\\b/c", "ä/b", &long]
        {
            assert!(problem(bad).is_some(), "{bad}");
        }
    }
}
