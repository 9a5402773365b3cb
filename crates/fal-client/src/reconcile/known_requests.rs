//! Requests that are not in doubt.

use std::collections::HashMap;

use super::Digest;

/// The ids of requests that are not in doubt, with the digests of their inputs where they are known.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownRequests(HashMap<String, Option<Digest>>);

impl KnownRequests {
    pub(crate) fn insert(&mut self, request_id: String, digest: Option<Digest>) {
        let known = self.0.entry(request_id).or_default();
        *known = known.or(digest);
    }

    pub(super) fn contains(&self, request_id: &str) -> bool {
        self.0.contains_key(request_id)
    }

    /// Returns the digest of the input of a request.
    pub(super) fn digest(&self, request_id: &str) -> Option<Digest> {
        self.0.get(request_id).copied().flatten()
    }
}
