//! Progress of uploads and downloads.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

/// The progress of an upload or a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    done: u64,
    total: Option<u64>,
}

impl Progress {
    /// Returns the number of bytes transferred so far. It decreases when a part is sent again.
    #[must_use]
    pub fn done(&self) -> u64 {
        self.done
    }

    /// Returns the total number of bytes, if it is known.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        self.total
    }
}

/// Formats as `1048576/4194304 bytes`, or as `1048576 bytes` if the total is unknown.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.total {
            Some(total) => write!(f, "{}/{total} bytes", self.done),
            None => write!(f, "{} bytes", self.done),
        }
    }
}

/// A function that is called with every change of the progress.
pub(super) type ProgressCallback = Arc<dyn Fn(Progress) + Send + Sync>;

/// Counts the bytes of one upload or download and reports them. Clones share the count.
#[derive(Clone)]
pub(super) struct Meter(Arc<Count>);

struct Count {
    done: AtomicU64,
    total: Option<u64>,
    callback: ProgressCallback,
}

impl Meter {
    pub(super) fn new(total: Option<u64>, callback: ProgressCallback) -> Self {
        Self(Arc::new(Count { done: AtomicU64::new(0), total, callback }))
    }

    /// Counts `bytes` more and reports the sum.
    pub(super) fn add(&self, bytes: u64) {
        let done = self.0.done.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        (self.0.callback)(Progress { done, total: self.0.total });
    }

    /// Starts again at 0.
    pub(super) fn restart(&self) {
        self.0.done.store(0, Ordering::Relaxed);
    }

    /// Returns a counter for one request, whose bytes are taken back when the request is sent again.
    pub(super) fn part(&self) -> PartProgress {
        PartProgress { meter: self.clone(), counted: Arc::default() }
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Meter({})", self.0.done.load(Ordering::Relaxed))
    }
}

/// Counts the bytes of one request of an upload.
#[derive(Debug, Clone)]
pub(super) struct PartProgress {
    meter: Meter,
    counted: Arc<AtomicU64>,
}

impl PartProgress {
    /// Takes back the bytes of the previous attempt.
    pub(super) fn restart(&self) {
        let counted = self.counted.swap(0, Ordering::Relaxed);
        // Not below 0, to which the meter may have gone back in the meantime.
        let subtract = |done: u64| Some(done.saturating_sub(counted));
        let _ = self.meter.0.done.fetch_update(Ordering::Relaxed, Ordering::Relaxed, subtract);
    }

    /// Counts `bytes` more.
    pub(super) fn add(&self, bytes: u64) {
        self.counted.fetch_add(bytes, Ordering::Relaxed);
        self.meter.add(bytes);
    }
}
