//! The recorded replies, and the choice of the one that a request gets.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

use super::exchange::Exchange;
use super::request_key::RequestKey;
use crate::sync::lock;

/// The largest number of unrecorded requests that are kept.
const MAX_UNRECORDED: usize = 100;

/// The recorded replies, by the requests that they answer.
pub(super) struct Player {
    exchanges: HashMap<RequestKey, Vec<Arc<Exchange>>>,
    /// The number of replies that each scope has got to each request.
    used: Mutex<HashMap<Option<String>, HashMap<RequestKey, usize>>>,
    unrecorded: Mutex<BTreeSet<String>>,
}

impl Player {
    pub(super) fn new(all: Vec<Exchange>) -> Self {
        let mut exchanges: HashMap<RequestKey, Vec<Arc<Exchange>>> = HashMap::new();
        for exchange in all {
            let key = RequestKey::of_recorded(&exchange.request);
            exchanges.entry(key).or_default().push(Arc::new(exchange));
        }
        Self { exchanges, used: Mutex::default(), unrecorded: Mutex::default() }
    }

    /// Returns the number of exchanges.
    pub(super) fn len(&self) -> usize {
        self.exchanges.values().map(Vec::len).sum()
    }

    /// Returns the next reply to a request in a scope: in the order in which they were recorded, and then the last one again
    /// if `repeats`.
    pub(super) fn next(&self, key: &RequestKey, scope: Option<&str>, repeats: bool) -> Option<Arc<Exchange>> {
        let recorded = self.exchanges.get(key)?;
        let mut used = lock(&self.used);
        let used = used.entry(scope.map(str::to_owned)).or_default().entry(key.clone()).or_default();
        let exchange = match recorded.get(*used) {
            None if repeats => recorded.last()?,
            next => next?,
        };
        *used += 1;
        Some(Arc::clone(exchange))
    }

    /// Lets the replies of a scope start from the first again.
    pub(super) fn rewind(&self, scope: Option<&str>) {
        lock(&self.used).remove(&scope.map(str::to_owned));
    }

    /// Notes a request, or a message of a WebSocket, that is not recorded.
    pub(super) fn note_unrecorded(&self, what: &str) {
        let mut unrecorded = lock(&self.unrecorded);
        if unrecorded.len() < MAX_UNRECORDED {
            unrecorded.insert(what.to_owned());
        }
    }

    /// Notes a request that is not recorded. Returns the reason in words.
    pub(super) fn explain(&self, key: &RequestKey) -> String {
        let what = key.describe();
        self.note_unrecorded(&what);
        let like = self.exchanges.keys().filter(|own| own.has_target_of(key));
        let differences = like.map(|own| key.body.differences(&own.body)).min_by_key(Vec::len);
        match differences {
            Some(names) if !names.is_empty() => {
                format!("{what} was recorded with another input: {} differs", names.join(", "))
            }
            Some(_) => format!("{what} was recorded with other content"),
            None => format!("{what} was not recorded"),
        }
    }

    /// Returns the requests that were not recorded, in alphabetical order, at most 100.
    pub(super) fn unrecorded(&self) -> Vec<String> {
        lock(&self.unrecorded).iter().cloned().collect()
    }
}
