//! The memory of handled requests.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use super::Rejection;
use crate::sync::lock;

/// The requests that are being handled, and the last ones that were.
pub(super) struct Guard {
    capacity: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The requests, with `true` for those that were handled.
    requests: HashMap<String, bool>,
    /// The handled requests, the oldest first.
    done: VecDeque<String>,
}

/// A request that is being handled. If this is dropped before `done`, the request is accepted again.
pub(super) struct Claim {
    guard: Arc<Guard>,
    request_id: String,
}

impl Guard {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, state: Mutex::default() }
    }

    /// Claims a request, unless it is being handled or was.
    pub(super) fn claim(self: &Arc<Self>, request_id: &str) -> Result<Claim, Rejection> {
        let mut state = lock(&self.state);
        match state.requests.get(request_id) {
            Some(true) => Err(Rejection::Duplicate),
            Some(false) => Err(Rejection::InProgress),
            None => {
                state.requests.insert(request_id.to_owned(), false);
                Ok(Claim { guard: self.clone(), request_id: request_id.to_owned() })
            }
        }
    }
}

impl Claim {
    /// Marks the request as handled.
    pub(super) fn done(&self) {
        let mut state = lock(&self.guard.state);
        if state.requests.insert(self.request_id.clone(), true) == Some(true) {
            return;
        }
        state.done.push_back(self.request_id.clone());
        while state.done.len() > self.guard.capacity {
            if let Some(oldest) = state.done.pop_front() {
                state.requests.remove(&oldest);
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut state = lock(&self.guard.state);
        if state.requests.get(&self.request_id) == Some(&false) {
            state.requests.remove(&self.request_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(guard: &Arc<Guard>, id: &str) -> Result<(), Rejection> {
        guard.claim(id).map(|claim| claim.done())
    }

    #[test]
    fn a_request_is_accepted_until_it_is_handled() {
        let guard = Arc::new(Guard::new(2));
        let first = guard.claim("a").unwrap();
        assert_eq!(claim(&guard, "a"), Err(Rejection::InProgress));
        drop(first);
        assert_eq!(claim(&guard, "a"), Ok(()), "the first handler failed");
        assert_eq!(claim(&guard, "a"), Err(Rejection::Duplicate));
    }

    #[test]
    fn the_oldest_requests_are_forgotten_beyond_the_capacity() {
        let guard = Arc::new(Guard::new(2));
        for id in ["a", "b", "c"] {
            claim(&guard, id).unwrap();
        }
        assert_eq!(claim(&guard, "c"), Err(Rejection::Duplicate));
        assert_eq!(claim(&guard, "a"), Ok(()));
        assert_eq!(guard.state.lock().unwrap().requests.len(), 2);
    }
}
