//! What goes over a connection.

use std::{fmt, ops::Deref};

use bytes::Bytes;

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Format {
    /// MessagePack in binary frames, as fal's own apps expect it. Bytes stay bytes.
    #[default]
    MessagePack,
    /// JSON in text frames.
    Json,
}

/// A message from the model.
#[derive(Clone)]
pub struct Message<T> {
    value: T,
    raw: Bytes,
    format: Format,
}

impl<T> Message<T> {
    pub(super) fn new(value: T, raw: Bytes, format: Format) -> Self {
        Self { value, raw, format }
    }

    /// The message as it came, with the fields that `T` does not know.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// How it was written. Models answer in MessagePack, also to JSON, unless they say otherwise.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// What the model said, alone.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for Message<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// Without the bytes, which say the same again.
impl<T: fmt::Debug> fmt::Debug for Message<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("value", &self.value).finish_non_exhaustive()
    }
}
