//! Messages of a connection.

use std::{fmt, ops::Deref};

use bytes::Bytes;

use crate::redact::{Secrets, fmt_struct};

/// The format of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Format {
    /// MessagePack in binary frames, which fal's own apps expect. It keeps bytes as they are.
    #[default]
    MessagePack,
    /// JSON in text frames.
    Json,
}

/// A message from the model: its value, and the bytes in which it was sent. Derefs to the value.
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

    /// Returns the bytes of the message, including fields that `T` does not have.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// Returns the format of the message. Most models answer in MessagePack, even to JSON.
    #[must_use]
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns the value without the rest.
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

/// Prints at most 2,000 bytes, with encoded files counted and secrets hidden. Leaves out the bytes, which repeat the
/// value.
impl<T: fmt::Debug> fmt::Debug for Message<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt_struct(f, &Secrets::default(), "Message", &[("value", &self.value)])
    }
}

/// The outcome of sending a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendOutcome {
    /// The message was written to the connection.
    Written,
    /// The throttle held the message back until a later one took its place.
    Superseded,
}
