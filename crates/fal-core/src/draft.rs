//! Values on the way into an input that is checked at run time.

use serde::Serialize;
use serde_json::Value;

use crate::Violation;

/// A value, and the violations found on the way to it.
///
/// A value that was refused is replaced by a stand-in, so that all other rules can be checked too. [`Mode::finish`]
/// returns no value if there are violations.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct Draft<T> {
    value: T,
    /// Their paths begin at this value.
    violations: Vec<Violation>,
}

impl<T> Draft<T> {
    /// Creates the draft of a value that needs no check.
    pub(crate) fn new(value: T) -> Self {
        Self { value, violations: Vec::new() }
    }

    /// Creates the draft of a value with parts that are refused.
    pub(crate) fn with_violations(value: T, violations: Vec<Violation>) -> Self {
        Self { value, violations }
    }

    /// Creates the draft of a value that is refused.
    pub(crate) fn refused(
        stand_in: T,
        message: impl Into<String>,
        given: &(impl Serialize + ?Sized),
    ) -> Self {
        let given = serde_json::to_value(given).unwrap_or(Value::Null);
        Self { value: stand_in, violations: vec![Violation::new("body", message, given)] }
    }

    /// Collects the drafts of a list.
    pub(crate) fn list(items: impl IntoIterator<Item = Self>) -> Draft<Vec<T>> {
        let mut violations = Vec::new();
        let items = items.into_iter().enumerate();
        let value = items.map(|(index, item)| item.take(&index.to_string(), &mut violations)).collect();
        Draft { value, violations }
    }

    #[must_use]
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Draft<U> {
        Draft { value: convert(self.value), violations: self.violations }
    }

    pub(crate) fn take(self, name: &str, violations: &mut Vec<Violation>) -> T {
        violations.extend(self.violations.into_iter().map(|mut violation| {
            let inner = violation.path.strip_prefix("body").unwrap_or_default();
            violation.path = format!("body.{name}{inner}");
            if violation.message.starts_with("must ") {
                violation.message.insert_str(0, &format!("`{name}` "));
            }
            violation
        }));
        self.value
    }
}
