//! The priority of a request in the queue.

use std::fmt;

/// How soon a request is served, of those waiting for the same endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Priority {
    /// In the order of arrival. What fal assumes when nothing is said.
    #[default]
    Normal,
    /// After every normal request.
    Low,
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Normal => "normal",
            Self::Low => "low",
        })
    }
}
