//! Parameters for which `null` and leaving them out mean different things.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Check, File, FileLimitsVisitor, Parameters};

/// A value or an explicit `null`, for parameters that have a default other than `null`.
///
/// A field of type `Option<Nullable<T>>` has three states:
///
/// | Value | Sent | Meaning |
/// |---|---|---|
/// | `None` | nothing | the service uses its default |
/// | `Some(Nullable::Null)` | `null` | the default is switched off |
/// | `Some(Nullable::Value(value))` | the value | the service uses the value |
///
/// Setters take a `T`, an `Option<T>` or a `Nullable<T>`. `None` given to a setter leaves the parameter out; to send
/// `null`, convert the `Option` first:
///
/// ```
/// use fal_core::Nullable;
///
/// let limit: Option<i64> = None;
/// let limit: Nullable<i64> = limit.into();
/// assert_eq!(limit, Nullable::Null);
/// assert_eq!(Nullable::from(3).value(), Some(&3));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nullable<T> {
    /// Sends `null`.
    Null,
    /// Sends the value.
    Value(T),
}

impl<T> Nullable<T> {
    /// Returns the value, or `None` if it is null.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }
}

impl<T> From<T> for Nullable<T> {
    fn from(value: T) -> Self {
        Self::Value(value)
    }
}

impl<T> From<Option<T>> for Nullable<T> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Self::Value)
    }
}

impl<T: Serialize> Serialize for Nullable<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Nullable<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self::from)
    }
}

impl<T: Parameters> Parameters for Nullable<T> {
    fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
        if let Self::Value(value) = self {
            value.visit_files(visit);
        }
    }

    fn visit_file_limits<'a>(&'a self, visitor: &mut FileLimitsVisitor<'a>) {
        if let Self::Value(value) = self {
            value.visit_file_limits(visitor);
        }
    }

    fn check(&self, check: &mut Check) {
        if let Self::Value(value) = self {
            value.check(check);
        }
    }
}
