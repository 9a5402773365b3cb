//! Limits on concurrent requests to the queue.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Bounds the connections to the queue, however many jobs are awaited.
pub(crate) struct Permits {
    requests: Semaphore,
    streams: Arc<Semaphore>,
}

impl Permits {
    /// Allows `limit` requests and `limit` status streams at a time.
    pub(crate) fn new(limit: usize) -> Self {
        let limit = limit.clamp(1, Semaphore::MAX_PERMITS);
        Self { requests: Semaphore::new(limit), streams: Arc::new(Semaphore::new(limit)) }
    }

    /// Waits until one more request may be sent.
    pub(crate) async fn acquire_request(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.requests.acquire().await.ok()
    }

    /// Returns true if one more job may be followed over a stream.
    pub(super) fn has_free_stream(&self) -> bool {
        self.streams.available_permits() > 0
    }

    /// Returns a permit to follow one more job over a stream, unless all are taken.
    pub(super) fn try_acquire_stream(&self) -> Option<OwnedSemaphorePermit> {
        self.streams.clone().try_acquire_owned().ok()
    }
}
