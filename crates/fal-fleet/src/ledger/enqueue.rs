//! Requests that are added.

use std::ops::AddAssign;

use super::settings::check_name;
use crate::{Error, ErrorKind, Result};

/// The number of requests that are added by one statement.
pub(crate) const CHUNK: usize = 1000;

/// A request that is to be added.
#[derive(Debug, Clone)]
pub(crate) struct NewRequest {
    pub(crate) key: String,
    pub(crate) endpoint: String,
    /// The input as JSON text.
    pub(crate) input: String,
}

/// The numbers of requests that were added and that were known before, from `enqueue`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Enqueued {
    /// The number of requests that were added.
    pub added: u64,
    /// The number of requests that the batch had before, with the same input.
    pub known: u64,
}

impl AddAssign for Enqueued {
    fn add_assign(&mut self, other: Self) {
        self.added += other.added;
        self.known += other.known;
    }
}

/// Checks the keys of requests.
pub(super) fn check_keys(requests: &[NewRequest]) -> Result<()> {
    requests.iter().try_for_each(|request| check_name("a request", &request.key))
}

/// Returns the error of a key that is known with another input.
pub(super) fn other_input(key: &str) -> Error {
    let message = format!(
        "the batch has another input under the key `{}`: give a changed input a new key, or retry the old one",
        key.escape_debug()
    );
    Error::new(ErrorKind::OtherInput, message)
}
