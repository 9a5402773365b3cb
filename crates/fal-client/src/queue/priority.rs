//! The priority of a request in the queue.

use std::fmt;

/// The priority of a request among those that wait for the same endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Priority {
    /// Served in the order of arrival. The default.
    #[default]
    Normal,
    /// Served after every normal request.
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
