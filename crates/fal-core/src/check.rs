//! Rules that are only checked at run time, and what breaking them looks like.

use std::{
    fmt::{self, Write as _},
    ops::{Deref, DerefMut},
};

use serde::Serialize;
use serde_json::Value;

use crate::{File, Parameters};

/// The bounds of a text or a list. Generated crates implement it on uninhabited markers.
pub trait Length {
    /// The least number of characters (Unicode scalar values) or items.
    const MIN: usize;
    /// The greatest number of characters or items.
    const MAX: usize;
    /// Names the parameter, its endpoint and the bounds.
    const MESSAGE: &'static str;
}

/// Checks everything about `parameters` that their types leave open.
///
/// # Errors
///
/// All violations at once, each with the path that the service would name.
pub fn validate<P: Parameters + ?Sized>(parameters: &P) -> Result<(), Violations> {
    let mut check = Check { path: String::new(), found: Vec::new() };
    parameters.check(&mut check);
    if check.found.is_empty() { Ok(()) } else { Err(Violations(check.found)) }
}

/// Checks a text against a regular expression, which may match anywhere in it. With the feature `pattern`, which few
/// models need.
#[cfg(feature = "pattern")]
pub fn check_pattern(check: &mut Check, text: &str, pattern: &str, message: &'static str) {
    let matches = regex_lite::Regex::new(pattern).is_ok_and(|regex| regex.is_match(text));
    if !matches {
        check.violation(message.to_owned(), text);
    }
}

/// Collects violations while parameters are walked.
#[derive(Debug)]
pub struct Check {
    /// Below `body`. Without it nothing is allocated while nothing is wrong.
    path: String,
    found: Vec<Violation>,
}

impl Check {
    /// Checks what stands under `name` (a field, or the index of an item) until the result is dropped.
    pub fn at(&mut self, name: impl fmt::Display) -> At<'_> {
        let parent = self.path.len();
        // Writing into a string cannot fail.
        let _ = write!(self.path, ".{name}");
        At { check: self, parent }
    }

    /// Checks every item of a list, or every value of a map.
    pub fn each<'a, K: fmt::Display, T: 'a>(
        &mut self,
        items: impl IntoIterator<Item = (K, &'a T)>,
        check: impl Fn(&mut Self, &'a T),
    ) {
        for (key, item) in items {
            check(&mut self.at(key), item);
        }
    }

    /// Checks the length of a text.
    pub fn text<L: Length>(&mut self, text: &str) {
        let length = text.chars().count();
        if length < L::MIN || length > L::MAX {
            self.violation(format!("{}, not {length}", L::MESSAGE), text);
        }
    }

    /// Checks the length of a file's URL. A file that has none yet gets one that fits.
    pub fn file<L: Length>(&mut self, file: &File) {
        if let Some(url) = file.as_url() {
            self.text::<L>(url);
        }
    }

    /// Checks the length of a list.
    pub fn list<L: Length, T: Serialize>(&mut self, list: &[T]) {
        if list.len() < L::MIN || list.len() > L::MAX {
            self.violation(format!("{}, not {}", L::MESSAGE, list.len()), list);
        }
    }

    /// Checks that no item of a list occurs twice.
    pub fn unique<T: PartialEq + Serialize>(&mut self, list: &[T], message: &'static str) {
        let twice = list.iter().enumerate().any(|(index, item)| list[..index].contains(item));
        if twice {
            self.violation(message.to_owned(), list);
        }
    }

    fn violation<V: Serialize + ?Sized>(&mut self, message: String, value: &V) {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        self.found.push(Violation { path: format!("body{}", self.path), message, value });
    }
}

/// A [`Check`] of something inside of what was being checked.
#[derive(Debug)]
pub struct At<'a> {
    check: &'a mut Check,
    parent: usize,
}

impl Deref for At<'_> {
    type Target = Check;

    fn deref(&self) -> &Check {
        self.check
    }
}

impl DerefMut for At<'_> {
    fn deref_mut(&mut self) -> &mut Check {
        self.check
    }
}

impl Drop for At<'_> {
    fn drop(&mut self) {
        self.check.path.truncate(self.parent);
    }
}

/// One rule that a value breaks.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Violation {
    /// Where the value is, as fal writes it, such as `body.loras.0.path`.
    pub path: String,
    /// The parameter, the rule and how the value breaks it.
    pub message: String,
    /// The value.
    pub value: Value,
}

/// Every rule that an input breaks. Never empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// The violations, in the order of the parameters.
    #[must_use]
    pub fn as_slice(&self) -> &[Violation] {
        &self.0
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            write!(f, "{}{}: {}", if index == 0 { "" } else { "; " }, violation.path, violation.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for Violations {}

#[cfg(test)]
mod tests {
    use super::*;

    enum Short {}
    impl Length for Short {
        const MIN: usize = 1;
        const MAX: usize = 3;
        const MESSAGE: &'static str = "`prompt` must have 1 to 3 characters";
    }

    struct Inner(String);
    impl Parameters for Inner {
        fn check(&self, check: &mut Check) {
            check.at("prompt").text::<Short>(&self.0);
        }
    }

    struct Outer(Vec<Inner>);
    impl Parameters for Outer {
        fn check(&self, check: &mut Check) {
            check.at("names").list::<Short, _>(&[1, 2, 3, 4]);
            self.0.check(&mut check.at("shots"));
        }
    }

    #[test]
    fn all_violations_are_reported_with_their_paths() {
        let outer = Outer(vec![Inner("ok".into()), Inner("žluť".into()), Inner(String::new())]);
        let violations = validate(&outer).unwrap_err();
        let paths: Vec<_> = violations.as_slice().iter().map(|violation| violation.path.as_str()).collect();
        assert_eq!(paths, ["body.names", "body.shots.1.prompt", "body.shots.2.prompt"]);
        assert_eq!(violations.as_slice()[1].message, "`prompt` must have 1 to 3 characters, not 4");
        assert_eq!(violations.as_slice()[0].value, serde_json::json!([1, 2, 3, 4]));
    }

    #[test]
    fn repeats_are_found() {
        struct Seeds(Vec<i64>);
        impl Parameters for Seeds {
            fn check(&self, check: &mut Check) {
                check.unique(&self.0, "must not repeat");
            }
        }
        assert_eq!(validate(&Seeds(vec![1, 2])), Ok(()));
        let violations = validate(&Seeds(vec![1, 2, 1])).unwrap_err();
        assert_eq!(violations.to_string(), "body: must not repeat");
    }

    #[cfg(feature = "pattern")]
    #[test]
    fn patterns_are_matched() {
        struct Colour(&'static str);
        impl Parameters for Colour {
            fn check(&self, check: &mut Check) {
                check_pattern(&mut check.at("colour"), self.0, "^#([0-9A-F]{3}){1,2}$", "must be a colour");
            }
        }
        assert_eq!(validate(&Colour("#0AF")), Ok(()));
        let violations = validate(&Colour("0AF")).unwrap_err();
        assert_eq!(violations.to_string(), "body.colour: must be a colour");
    }

    #[test]
    fn nothing_wrong_is_ok() {
        assert_eq!(validate(&Inner("abc".into())), Ok(()));
    }
}
