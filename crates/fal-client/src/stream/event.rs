//! One event.

use std::{fmt, ops::Deref};

use bytes::Bytes;

use crate::sse;

/// One event of a stream: what the model said, and how it was sent.
#[derive(Clone)]
pub struct Event<T> {
    value: T,
    sent: sse::Event,
}

impl<T> Event<T> {
    pub(super) fn new(value: T, sent: sse::Event) -> Self {
        Self { value, sent }
    }

    /// The name that the app gave the event, if it did (`event:`).
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.sent.name.as_deref()
    }

    /// The id that the app gave this event or the last one before it that has one (`id:`).
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.sent.id.as_deref()
    }

    /// The event as it came, with the fields that `T` does not know.
    #[must_use]
    pub fn raw(&self) -> &Bytes {
        &self.sent.data
    }

    /// What the model said, alone.
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

/// Without the bytes, which say the same again.
impl<T: fmt::Debug> fmt::Debug for Event<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("value", &self.value)
            .field("name", &self.name())
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}
