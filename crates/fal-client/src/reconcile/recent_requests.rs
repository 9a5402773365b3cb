//! The latest requests of a client, so that one is not taken for another.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, Weak},
};

use super::{Digest, KnownRequests, SentRequest};
use crate::sync::lock;

/// The number of accepted requests that are remembered.
const CAPACITY: usize = 4096;
/// The largest input whose digest is remembered, in bytes.
pub(super) const MAX_INPUT: usize = 16 << 10;

/// The latest requests of a client: those that were accepted, and those without an answer.
#[derive(Debug, Default)]
pub(crate) struct RecentRequests(Mutex<Lists>);

#[derive(Debug, Default)]
struct Lists {
    accepted: VecDeque<(String, Option<Digest>)>,
    unanswered: Vec<Weak<SentRequest>>,
    /// The number of unanswered requests from which on those that have an answer are removed.
    clean_at: usize,
}

impl RecentRequests {
    /// Remembers an accepted request and the digest of its input.
    pub(super) fn add_accepted(&self, request_id: &str, digest: Option<Digest>) {
        lock(&self.0).push(request_id.to_owned(), digest);
    }

    /// Takes a listed request for one in doubt. Returns false if it is another one's already.
    pub(super) fn claim(&self, request_id: &str, digest: Option<Digest>) -> bool {
        let mut lists = lock(&self.0);
        let is_free = !lists.accepted.iter().any(|(known, _)| known == request_id);
        if is_free {
            lists.push(request_id.to_owned(), digest);
        }
        is_free
    }

    /// Remembers a request that is about to be sent, or whose answer was lost, as long as somebody holds it.
    pub(crate) fn add_unanswered(&self, sent: &Arc<SentRequest>) {
        let mut lists = lock(&self.0);
        if lists.unanswered.len() >= lists.clean_at {
            lists.unanswered.retain(|sent| sent.upgrade().is_some_and(|sent| !sent.is_resolved()));
            lists.clean_at = 64.max(2 * lists.unanswered.len());
        }
        lists.unanswered.push(Arc::downgrade(sent));
    }

    /// Returns the requests that have no answer.
    pub(super) fn unanswered(&self) -> Vec<Arc<SentRequest>> {
        let sent: Vec<_> = lock(&self.0).unanswered.iter().filter_map(Weak::upgrade).collect();
        sent.into_iter().filter(|sent| !sent.is_resolved()).collect()
    }

    /// Adds the accepted requests to `known`.
    pub(super) fn add_to(&self, known: &mut KnownRequests) {
        for (id, digest) in &lock(&self.0).accepted {
            known.insert(id.clone(), *digest);
        }
    }
}

impl Lists {
    fn push(&mut self, request_id: String, digest: Option<Digest>) {
        if self.accepted.len() >= CAPACITY {
            self.accepted.pop_front();
        }
        self.accepted.push_back((request_id, digest));
    }
}
