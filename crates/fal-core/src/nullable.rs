//! A parameter for which `null` and leaving it out mean different things.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Check, File, Parameters};

/// The value of a parameter that may be `null`, where leaving it out means the service's default.
///
/// A field of type `Option<Nullable<T>>` has three states: `None` is not sent, so the service takes its
/// default; `Some(Nullable::Null)` sends `null`, which switches the default off;
/// `Some(Nullable::Value(..))` sends the value. Setters take a `T`, an `Option<T>` or a `Nullable<T>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Nullable<T> {
    /// `null` is sent.
    Null,
    /// The value is sent.
    Value(T),
}

impl<T> Nullable<T> {
    /// The value, unless it is null.
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

    fn check(&self, check: &mut Check) {
        if let Self::Value(value) = self {
            value.check(check);
        }
    }
}
