//! Submits whose answer was lost.

use std::{fmt, sync::OnceLock, time::SystemTime};

use bytes::Bytes;

use super::Digest;
use crate::timestamp::system_now;

/// A submit that may have been accepted, as far as it can be recognized in the list of requests.
pub(crate) struct SentRequest {
    /// The id of the endpoint.
    pub(super) endpoint: String,
    /// The id of the endpoint with the path of the call, as the list names it.
    pub(super) listed_endpoint: String,
    input: Input,
    pub(super) begun: SystemTime,
    /// The time at which it was given up.
    ended: OnceLock<SystemTime>,
    /// The URL of its webhook.
    pub(super) webhook: Option<String>,
    /// Set once it was decided.
    resolved: OnceLock<()>,
}

/// The input of a request.
enum Input {
    Body(Bytes, OnceLock<Option<Digest>>),
    Digest(Digest),
}

impl SentRequest {
    /// Creates the record of a call that is about to be sent with this body.
    pub(crate) fn new(
        endpoint: String,
        listed_endpoint: String,
        webhook: Option<String>,
        body: Bytes,
    ) -> Self {
        let (begun, input) = (system_now(), Input::Body(body, OnceLock::new()));
        let (ended, resolved) = (OnceLock::new(), OnceLock::new());
        Self { endpoint, listed_endpoint, input, begun, ended, webhook, resolved }
    }

    /// Returns the record of the same call, made by an earlier process at `begun`, with an input of this digest.
    pub(crate) fn with_past(mut self, digest: Digest, begun: SystemTime) -> Self {
        (self.input, self.begun) = (Input::Digest(digest), begun);
        self.end();
        self
    }

    /// Returns the digest of the input, or `None` if it is no JSON.
    pub(crate) fn digest(&self) -> Option<Digest> {
        match &self.input {
            Input::Body(body, digest) => *digest.get_or_init(|| Digest::from_json(body)),
            Input::Digest(digest) => Some(*digest),
        }
    }

    /// Notes that no answer will arrive.
    pub(super) fn end(&self) {
        let _ = self.ended.set(system_now());
    }

    /// Returns the latest time at which it was sent, by this machine's clock.
    pub(super) fn ended(&self) -> SystemTime {
        self.ended.get().copied().unwrap_or_else(system_now)
    }

    /// Returns true if its answer may still arrive.
    pub(super) fn is_under_way(&self) -> bool {
        self.ended.get().is_none()
    }

    pub(super) fn is_resolved(&self) -> bool {
        self.resolved.get().is_some()
    }

    pub(super) fn resolve(&self) {
        let _ = self.resolved.set(());
    }
}

impl fmt::Debug for SentRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SentRequest").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
