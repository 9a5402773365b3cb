//! Submits whose answer was lost.

use std::{
    borrow::Cow,
    fmt,
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use bytes::Bytes;

use super::Digest;
use crate::{sync::lock, timestamp::system_now};

/// A submit that may have been accepted, as far as it can be recognized in the list of requests.
pub(crate) struct SentRequest {
    /// The id of the endpoint.
    pub(super) endpoint: Cow<'static, str>,
    /// The path of the call below the endpoint.
    pub(super) path: Option<String>,
    input: Mutex<Input>,
    /// `true` if fal may have received another input than the recorded one.
    may_differ: AtomicBool,
    pub(super) begun: SystemTime,
    /// The time at which it was given up.
    ended: OnceLock<SystemTime>,
    /// The URL of its webhook.
    pub(super) webhook: Option<String>,
    /// Set once it was decided.
    resolved: OnceLock<()>,
}

/// A submit of an earlier process, as its journal describes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PastSubmit {
    pub(crate) begun: SystemTime,
    /// The digest of its input.
    pub(crate) digest: Digest,
    /// `true` if fal may have received another input.
    pub(crate) may_differ: bool,
}

/// The input of a request.
enum Input {
    Body(Bytes),
    /// `None` if it is no JSON.
    Digest(Option<Digest>),
}

impl SentRequest {
    /// Creates the record of a call that is about to be sent with this body.
    pub(crate) fn new(
        endpoint: Cow<'static, str>,
        path: Option<String>,
        webhook: Option<String>,
        body: Bytes,
    ) -> Self {
        let (begun, input) = (system_now(), Mutex::new(Input::Body(body)));
        let (may_differ, ended, resolved) = (AtomicBool::new(false), OnceLock::new(), OnceLock::new());
        Self { endpoint, path, input, may_differ, begun, ended, webhook, resolved }
    }

    /// Returns the record of the same call, which an earlier process has made.
    pub(crate) fn with_past(mut self, past: PastSubmit) -> Self {
        (self.input, self.begun) = (Mutex::new(Input::Digest(Some(past.digest))), past.begun);
        self.may_differ = AtomicBool::new(past.may_differ);
        self.end();
        self
    }

    /// Notes the body that is sent, after middleware and layers may have changed it.
    pub(crate) fn set_body(&self, body: Option<&Bytes>) {
        *lock(&self.input) = Input::Body(body.cloned().unwrap_or_default());
        self.may_differ.store(false, Ordering::Relaxed);
    }

    /// Notes that fal may have received another input than the recorded one.
    #[cfg(feature = "tower")]
    pub(crate) fn set_may_differ(&self) {
        self.may_differ.store(true, Ordering::Relaxed);
    }

    /// Returns true if fal may have received another input than the recorded one.
    pub(super) fn may_differ(&self) -> bool {
        self.may_differ.load(Ordering::Relaxed)
    }

    /// Returns the length of the body, or 0 if only its digest is known.
    pub(super) fn length(&self) -> usize {
        match &*lock(&self.input) {
            Input::Body(body) => body.len(),
            Input::Digest(_) => 0,
        }
    }

    /// Returns the digest of the input, or `None` if it is no JSON.
    pub(crate) fn digest(&self) -> Option<Digest> {
        let mut input = lock(&self.input);
        let digest = match &*input {
            Input::Body(body) => Digest::from_json(body),
            Input::Digest(digest) => return *digest,
        };
        *input = Input::Digest(digest);
        digest
    }

    /// Notes that no answer will arrive.
    pub(super) fn end(&self) {
        let _ = self.ended.set(system_now());
    }

    /// Notes the latest time at which it can have been sent.
    pub(super) fn end_at(&self, time: SystemTime) {
        let _ = self.ended.set(time);
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
