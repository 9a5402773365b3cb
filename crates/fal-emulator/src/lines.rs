//! The lines of all endpoints.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::line::{Line, Priority};

/// The lines of all endpoints, where each has a few runners.
pub(crate) struct Lines {
    runners: usize,
    lines: Mutex<HashMap<String, Arc<Mutex<Line>>>>,
}

impl Lines {
    pub(crate) fn new(runners: usize) -> Self {
        Self { runners, lines: Mutex::default() }
    }

    pub(crate) fn of(&self, endpoint: &str) -> Arc<Mutex<Line>> {
        let mut lines = lock(&self.lines);
        if let Some(line) = lines.get(endpoint) {
            return Arc::clone(line);
        }
        let line = Arc::new(Mutex::new(Line::new(self.runners)));
        lines.insert(endpoint.to_owned(), Arc::clone(&line));
        line
    }

    /// How many requests wait for a runner of an endpoint.
    pub(crate) fn waiting(&self, endpoint: &str, now: Duration) -> usize {
        lock(&self.of(endpoint)).len(now)
    }

    /// Takes a runner for a direct call; false when all are busy, or others wait for them.
    pub(crate) fn take(&self, endpoint: &str, now: Duration, run: Duration) -> bool {
        let line = self.of(endpoint);
        let mut line = lock(&line);
        let has_free = line.len(now) == 0 && line.running(now) < self.runners;
        if has_free {
            line.join(now, Priority::Normal, run, None);
        }
        has_free
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
