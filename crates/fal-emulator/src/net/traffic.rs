//! Counts of the requests that came, over the whole life of an emulator.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sync::lock;

/// The largest number of refused hosts that are kept.
const MAX_HOSTS: usize = 100;

/// Counts of the requests that came, which no reset clears.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    requests: AtomicU64,
    refused_hosts: Mutex<BTreeSet<String>>,
}

impl Traffic {
    /// Counts a request for a service.
    pub(crate) fn count_request(&self) {
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of requests for services.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Notes a name of fal that is not served.
    pub(crate) fn refuse_host(&self, host: &str) {
        tracing::warn!(host, "a request for a name of fal that is not served was refused");
        let mut hosts = lock(&self.refused_hosts);
        if hosts.len() < MAX_HOSTS {
            hosts.insert(host.chars().take(253).collect());
        }
    }

    /// Returns the names of fal that were asked for and are not served, in alphabetical order.
    pub(crate) fn refused_hosts(&self) -> Vec<String> {
        lock(&self.refused_hosts).iter().cloned().collect()
    }
}
