//! Rules that are only checked at run time, and what breaking them looks like.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::Parameters;

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
    let mut check = Check { path: "body".to_owned(), found: Vec::new() };
    parameters.check(&mut check);
    if check.found.is_empty() { Ok(()) } else { Err(Violations(check.found)) }
}

/// Collects violations while parameters are walked.
#[derive(Debug)]
pub struct Check {
    path: String,
    found: Vec<Violation>,
}

impl Check {
    /// Walks into the parameter `name` (a field, or the index of an item).
    pub fn at<P: Parameters + ?Sized>(&mut self, name: impl fmt::Display, value: &P) {
        let parent = self.path.len();
        self.path.push_str(&format!(".{name}"));
        value.check(self);
        self.path.truncate(parent);
    }

    /// Checks the length of a text.
    pub fn text<'a, L: Length>(&mut self, name: &str, text: impl Into<Option<&'a str>>) {
        if let Some(text) = text.into() {
            let length = text.chars().count();
            if length < L::MIN || length > L::MAX {
                self.violation(name, format!("{}, not {length}", L::MESSAGE), text);
            }
        }
    }

    /// Checks the length of a list.
    pub fn list<'a, L: Length, T: Serialize + 'a>(&mut self, name: &str, list: impl Into<Option<&'a [T]>>) {
        if let Some(list) = list.into()
            && (list.len() < L::MIN || list.len() > L::MAX)
        {
            self.violation(name, format!("{}, not {}", L::MESSAGE, list.len()), list);
        }
    }

    fn violation<V: Serialize + ?Sized>(&mut self, name: &str, message: String, value: &V) {
        let value = serde_json::to_value(value).unwrap_or(Value::Null);
        self.found.push(Violation { path: format!("{}.{name}", self.path), message, value });
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
            check.text::<Short>("prompt", self.0.as_str());
        }
    }

    struct Outer(Vec<Inner>);
    impl Parameters for Outer {
        fn check(&self, check: &mut Check) {
            check.list::<Short, _>("names", [1, 2, 3, 4].as_slice());
            check.at("shots", &self.0);
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
    fn nothing_wrong_is_ok() {
        assert_eq!(validate(&Inner("abc".into())), Ok(()));
    }
}
