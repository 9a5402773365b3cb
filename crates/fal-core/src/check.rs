//! Checks at run time, for rules that types cannot express.

use std::{
    fmt::{self, Write as _},
    ops::{Deref, DerefMut},
};

use serde::Serialize;
use serde_json::Value;

use crate::{File, unique::has_duplicate};

/// Bounds of the length of a string or a list.
///
/// Generated crates implement this trait for empty enums that serve as markers.
pub trait Length {
    /// The minimum number of characters (Unicode scalar values) or items.
    const MIN: usize;
    /// The maximum number of characters or items.
    const MAX: usize;
    /// The error message, which names the parameter, its endpoint and the bounds.
    const MESSAGE: &'static str;
}

/// Defines a marker with the bounds of a length: the smallest and the largest one, and the message.
#[doc(hidden)]
#[macro_export]
macro_rules! length_range {
    ($name:ident, $min:expr, $max:expr, $message:literal $(,)?) => {
        pub enum $name {}

        impl $crate::Length for $name {
            const MIN: usize = $min;
            const MAX: usize = $max;
            const MESSAGE: &'static str = $message;
        }
    };
}

/// Checks that the regular expression `pattern` matches somewhere in `text`.
///
/// A pattern that `regex-lite` cannot compile, such as one with look-around, accepts every text: the service has the
/// last word. Needs the feature `pattern`.
#[cfg(feature = "pattern")]
pub fn check_pattern(check: &mut Check, text: &str, pattern: &str, message: &'static str) {
    let mismatch = regex_lite::Regex::new(pattern).is_ok_and(|regex| !regex.is_match(text));
    if mismatch {
        check.violation(message.to_owned(), text);
    }
}

/// Checks that all regular expressions of `required` match somewhere in `text`, and none of `excluded`.
///
/// Together they are one pattern with look-around at its ends. Needs the feature `pattern`.
#[cfg(feature = "pattern")]
pub fn check_patterns(
    check: &mut Check,
    text: &str,
    required: &[&str],
    excluded: &[&str],
    message: &'static str,
) {
    let matches = |pattern: &&str| regex_lite::Regex::new(pattern).map(|regex| regex.is_match(text));
    let mismatch = required.iter().any(|pattern| matches(pattern).is_ok_and(|matched| !matched))
        || excluded.iter().any(|pattern| matches(pattern).is_ok_and(|matched| matched));
    if mismatch {
        check.violation(message.to_owned(), text);
    }
}

/// Checks the URL of a file as [`check_patterns`] checks a string.
///
/// A file that has yet to be uploaded always passes. Needs the feature `pattern`.
#[cfg(feature = "pattern")]
pub fn check_url_patterns(
    check: &mut Check,
    file: &File,
    required: &[&str],
    excluded: &[&str],
    message: &'static str,
) {
    if let Some(url) = file.as_url() {
        check_patterns(check, url, required, excluded, message);
    }
}

/// Collects the violations that [`Parameters::check`](crate::Parameters::check) reports.
#[derive(Debug)]
pub struct Check {
    /// The path of the current field below `body`.
    path: String,
    found: Vec<Violation>,
    /// The number of violations from before the check, by values that others stand in for.
    refused: usize,
    /// `true` inside a field whose value is a secret.
    is_secret: bool,
}

impl Check {
    /// Creates a check without violations.
    pub(crate) fn new() -> Self {
        Self::with_violations(Vec::new())
    }

    /// Creates a check of an input in which the values with the given violations are replaced by others.
    pub(crate) fn with_violations(found: Vec<Violation>) -> Self {
        Self { path: String::new(), refused: found.len(), found, is_secret: false }
    }

    /// Returns true if the current value, or one inside it if `inside` is set, was refused before the check.
    fn is_refused(&self, inside: bool) -> bool {
        let is_within = |outer: &str, inner: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.found.iter().take(self.refused).any(|violation| {
            let refused = violation.path.strip_prefix("body").unwrap_or_default();
            is_within(refused, &self.path) || inside && is_within(&self.path, refused)
        })
    }

    /// Returns the violations, if there are any.
    pub(crate) fn finish(self) -> Result<(), Violations> {
        if self.found.is_empty() { Ok(()) } else { Err(Violations(self.found)) }
    }

    /// Enters the field `name`, or the list item of that index, until the returned guard is dropped.
    pub fn field(&mut self, name: impl fmt::Display) -> FieldCheck<'_> {
        let parent = self.path.len();
        // Writing into a string cannot fail.
        let _ = write!(self.path, ".{name}");
        let was_secret = self.is_secret;
        FieldCheck { check: self, parent, was_secret }
    }

    /// Enters a field as [`field`](Self::field) does, and leaves its value out of violations.
    pub fn secret_field(&mut self, name: impl fmt::Display) -> FieldCheck<'_> {
        let entered = self.field(name);
        entered.check.is_secret = true;
        entered
    }

    /// Calls `check` for every item of a list, or every value of a map, under its index or key.
    pub fn each<'a, K: fmt::Display, T: 'a>(
        &mut self,
        items: impl IntoIterator<Item = (K, &'a T)>,
        check: impl Fn(&mut Self, &'a T),
    ) {
        for (key, item) in items {
            check(&mut self.field(key), item);
        }
    }

    /// Checks the number of characters of `text`.
    pub fn text_length<L: Length>(&mut self, text: &str) {
        let length = text.chars().count();
        if length < L::MIN || length > L::MAX {
            self.violation(format!("{}, not {length}", L::MESSAGE), text);
        }
    }

    /// Checks the length of a file's URL.
    ///
    /// A file that has yet to be uploaded always passes.
    pub fn url_length<L: Length>(&mut self, file: &File) {
        if let Some(url) = file.as_url() {
            self.text_length::<L>(url);
        }
    }

    /// Checks the number of items of `list`.
    pub fn list_length<L: Length, T: Serialize>(&mut self, list: &[T]) {
        if list.len() < L::MIN || list.len() > L::MAX {
            self.violation(format!("{}, not {}", L::MESSAGE, list.len()), list);
        }
    }

    /// Checks that no two items of `list` are equal.
    pub fn unique_items<T: PartialEq + Serialize>(&mut self, list: &[T], message: &'static str) {
        if has_duplicate(list) && !self.is_refused(true) {
            self.violation(message.to_owned(), list);
        }
    }

    /// Checks the number of entries of `map`, which is `length`.
    pub fn map_length<L: Length, M: Serialize>(&mut self, map: &M, length: usize) {
        if length < L::MIN || length > L::MAX {
            self.violation(format!("{}, not {length}", L::MESSAGE), map);
        }
    }

    /// Checks that `value` is one of several values.
    pub fn one_of<T: PartialEq<A> + Serialize, A>(
        &mut self,
        value: &T,
        allowed: &[A],
        message: &'static str,
    ) {
        if !allowed.iter().any(|allowed| value == allowed) && !self.is_refused(true) {
            self.violation(message.to_owned(), value);
        }
    }

    /// Checks that exactly one of several fields, or groups of fields, of the current value is given.
    pub fn exactly_one(&mut self, given: &[bool], message: &'static str) {
        match given.iter().filter(|given| **given).count() {
            1 => {}
            0 => self.violation(format!("{message}, and none is"), &Value::Null),
            count => self.violation(format!("{message}, not {count}"), &Value::Null),
        }
    }

    /// Checks that at least one of several fields, or groups of fields, of the current value is given.
    pub fn at_least_one(&mut self, given: &[bool], message: &'static str) {
        if !given.contains(&true) {
            self.violation(message.to_owned(), &Value::Null);
        }
    }

    /// Checks that not all of several conditions of fields of the current value hold.
    pub fn not_together(&mut self, holds: &[bool], message: &'static str) {
        if !holds.contains(&false) {
            self.violation(message.to_owned(), &Value::Null);
        }
    }

    /// Checks that a condition of fields of the current value holds if another one does.
    pub fn required_if(&mut self, condition: bool, holds: bool, message: &'static str) {
        if condition && !holds {
            self.violation(message.to_owned(), &Value::Null);
        }
    }

    fn violation<V: Serialize + ?Sized>(&mut self, message: String, value: &V) {
        if self.is_refused(false) {
            return;
        }
        let value = match self.is_secret {
            true => Value::Null,
            false => serde_json::to_value(value).unwrap_or(Value::Null),
        };
        self.found.push(Violation { path: format!("body{}", self.path), message, value });
    }
}

/// A guard that [`Check::field`] returns. Leaves the field when dropped.
#[derive(Debug)]
pub struct FieldCheck<'a> {
    check: &'a mut Check,
    /// Length of the path before the field was entered.
    parent: usize,
    /// `true` if the values of the parent are secrets too.
    was_secret: bool,
}

impl Deref for FieldCheck<'_> {
    type Target = Check;

    fn deref(&self) -> &Check {
        self.check
    }
}

impl DerefMut for FieldCheck<'_> {
    fn deref_mut(&mut self) -> &mut Check {
        self.check
    }
}

impl Drop for FieldCheck<'_> {
    fn drop(&mut self) {
        self.check.path.truncate(self.parent);
        self.check.is_secret = self.was_secret;
    }
}

/// A rule that a value breaks.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Violation {
    /// The path of the value in the notation of fal, such as `body.loras.0.path`.
    pub path: String,
    /// A message that names the parameter, the rule and how the value breaks it.
    pub message: String,
    /// The value that breaks the rule. Null for a secret.
    pub value: Value,
}

impl Violation {
    /// Creates the violation of a rule by the value at `path`, such as `body.loras.0.path`.
    #[must_use]
    pub fn new(path: impl Into<String>, message: impl Into<String>, value: Value) -> Self {
        Self { path: path.into(), message: message.into(), value }
    }
}

/// All rules that an input breaks. Never empty.
///
/// [`try_input!`](crate::try_input!), the `try_builder()` and the `validate()` of inputs return it. `?` makes it an error
/// of the client.
#[derive(Debug, Clone, PartialEq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Collects violations. Returns `None` for an empty list.
    #[must_use]
    pub fn from_vec(violations: Vec<Violation>) -> Option<Self> {
        (!violations.is_empty()).then_some(Self(violations))
    }

    /// Returns the violations, in the order of the parameters.
    #[must_use]
    pub fn as_slice(&self) -> &[Violation] {
        &self.0
    }
}

impl From<Violation> for Violations {
    fn from(violation: Violation) -> Self {
        Self(vec![violation])
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
    use crate::{Parameters, validate};

    enum Short {}
    impl Length for Short {
        const MIN: usize = 1;
        const MAX: usize = 3;
        const MESSAGE: &'static str = "`prompt` must have 1 to 3 characters";
    }

    struct Inner(String);
    impl Parameters for Inner {
        fn check(&self, check: &mut Check) {
            check.field("prompt").text_length::<Short>(&self.0);
        }
    }

    struct Outer(Vec<Inner>);
    impl Parameters for Outer {
        fn check(&self, check: &mut Check) {
            check.field("names").list_length::<Short, _>(&[1, 2, 3, 4]);
            self.0.check(&mut check.field("shots"));
        }
    }

    #[test]
    fn validate_reports_all_violations_with_their_paths() {
        let outer = Outer(vec![Inner("ok".into()), Inner("žluť".into()), Inner(String::new())]);
        let violations = validate(&outer).unwrap_err();
        let paths: Vec<_> = violations.as_slice().iter().map(|violation| violation.path.as_str()).collect();
        assert_eq!(paths, ["body.names", "body.shots.1.prompt", "body.shots.2.prompt"]);
        assert_eq!(violations.as_slice()[1].message, "`prompt` must have 1 to 3 characters, not 4");
        assert_eq!(violations.as_slice()[0].value, serde_json::json!([1, 2, 3, 4]));
    }

    #[test]
    fn a_repeated_item_is_a_violation() {
        struct Seeds(Vec<i64>);
        impl Parameters for Seeds {
            fn check(&self, check: &mut Check) {
                check.unique_items(&self.0, "must not repeat");
            }
        }
        assert_eq!(validate(&Seeds(vec![1, 2])), Ok(()));
        let violations = validate(&Seeds(vec![1, 2, 1])).unwrap_err();
        assert_eq!(violations.to_string(), "body: must not repeat");
    }

    #[cfg(feature = "pattern")]
    #[test]
    fn a_text_that_does_not_match_the_pattern_is_a_violation() {
        struct Colour(&'static str);
        impl Parameters for Colour {
            fn check(&self, check: &mut Check) {
                check_pattern(
                    &mut check.field("colour"),
                    self.0,
                    "^#([0-9A-F]{3}){1,2}$",
                    "must be a colour",
                );
            }
        }
        assert_eq!(validate(&Colour("#0AF")), Ok(()));
        let violations = validate(&Colour("0AF")).unwrap_err();
        assert_eq!(violations.to_string(), "body.colour: must be a colour");
    }

    #[cfg(feature = "pattern")]
    #[test]
    fn a_pattern_that_does_not_compile_accepts_every_text() {
        struct Name(&'static str);
        impl Parameters for Name {
            fn check(&self, check: &mut Check) {
                check_pattern(check, self.0, r"^\p{L}+$", "must be letters");
                check_pattern(check, self.0, "^(?!con$)", "must not be `con`");
            }
        }
        assert_eq!(validate(&Name("žluť")), Ok(()));
        assert_eq!(validate(&Name("7")), Ok(()));
    }

    #[test]
    fn valid_parameters_pass() {
        assert_eq!(validate(&Inner("abc".into())), Ok(()));
    }
}
