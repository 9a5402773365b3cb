//! An event of a stream.

use std::{fmt, ops::Deref};

use bytes::Bytes;

use crate::{
    redact::{Secrets, fmt_struct},
    sse,
};

/// An event of a stream: its value, and the name, id and bytes with which it was sent. Derefs to the value.
#[derive(Clone)]
pub struct Event<T> {
    value: T,
    source: sse::Event,
    secrets: Secrets,
}

impl<T> Event<T> {
    pub(super) fn new(value: T, source: sse::Event, secrets: Secrets) -> Self {
        Self { value, source, secrets }
    }

    /// Returns the name of the event, if the app gave it one (`event:`).
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.source.name.as_deref()
    }

    /// Returns the id of this event, or of the last event before it that has one (`id:`).
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.source.id.as_deref()
    }

    /// Returns the bytes of the event, including fields that `T` does not have.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.source.data
    }

    /// Returns the value without the rest.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for Event<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Prints at most 2,000 bytes, with encoded files counted and secrets hidden. Leaves out the bytes, which repeat the
/// value.
impl<T: fmt::Debug> fmt::Debug for Event<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, id) = (self.name(), self.id());
        let fields: [(_, &dyn fmt::Debug); 3] = [("name", &name), ("id", &id), ("value", &self.value)];
        fmt_struct(f, &self.secrets, "Event", &fields)
    }
}
