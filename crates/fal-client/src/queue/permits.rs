//! How much is under way at the queue at once.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// What bounds the connections to the queue, however many jobs are awaited.
pub(crate) struct Permits {
    requests: Semaphore,
    streams: Arc<Semaphore>,
}

impl Permits {
    pub(crate) fn new(each: usize) -> Self {
        let each = each.clamp(1, Semaphore::MAX_PERMITS);
        Self { requests: Semaphore::new(each), streams: Arc::new(Semaphore::new(each)) }
    }

    /// Waits until one more request may be sent.
    pub(crate) async fn request(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.requests.acquire().await.ok()
    }

    /// Whether one more job may be followed over a stream.
    pub(super) fn stream(&self) -> Option<OwnedSemaphorePermit> {
        self.streams.clone().try_acquire_owned().ok()
    }
}
