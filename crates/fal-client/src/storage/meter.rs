//! Counting bytes that pass.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use super::options::Progress;

/// Who wants to know.
pub(super) type Report = Arc<dyn Fn(Progress) + Send + Sync>;

/// The bytes of one upload or download.
#[derive(Clone)]
pub(super) struct Meter(Arc<Count>);

struct Count {
    done: AtomicU64,
    total: Option<u64>,
    report: Report,
}

impl Meter {
    pub(super) fn new(total: Option<u64>, report: Report) -> Self {
        Self(Arc::new(Count { done: AtomicU64::new(0), total, report }))
    }

    pub(super) fn add(&self, bytes: u64) {
        let done = self.0.done.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        (self.0.report)(Progress { done, total: self.0.total });
    }

    /// Takes back what was counted for an attempt that failed.
    fn remove(&self, bytes: u64) {
        self.0.done.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Counts one piece, from its beginning at every attempt.
    pub(super) fn piece(&self) -> Piece {
        Piece { meter: self.clone(), counted: Arc::default() }
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Meter({})", self.0.done.load(Ordering::Relaxed))
    }
}

#[derive(Debug, Clone)]
pub(super) struct Piece {
    meter: Meter,
    counted: Arc<AtomicU64>,
}

impl Piece {
    pub(super) fn restart(&self) {
        self.meter.remove(self.counted.swap(0, Ordering::Relaxed));
    }

    pub(super) fn add(&self, bytes: u64) {
        self.counted.fetch_add(bytes, Ordering::Relaxed);
        self.meter.add(bytes);
    }
}
