//! The recorder of the requests that the emulator receives.

use std::sync::Mutex;

use tokio::sync::Notify;

use super::request::Request;
use super::request_file::RequestFile;
use crate::latest_items::LatestItems;
use crate::sync::lock;

/// The largest number of requests that are kept.
const MAX_REQUESTS: usize = 20_000;
/// The largest total size of the heads and bodies that are kept, in bytes.
const MAX_BYTES: usize = 64 << 20;

/// The latest requests, and a file that gets all of them.
///
/// The oldest requests are dropped if there are too many, or if their bodies are too large together.
#[derive(Debug)]
pub(crate) struct RequestRecorder {
    latest: Mutex<LatestItems<Request>>,
    file: Option<RequestFile>,
    received: Notify,
}

impl Default for RequestRecorder {
    fn default() -> Self {
        Self::new(None)
    }
}

impl RequestRecorder {
    pub(crate) fn new(file: Option<RequestFile>) -> Self {
        let latest = Mutex::new(LatestItems::new(MAX_REQUESTS, MAX_BYTES));
        Self { latest, file, received: Notify::new() }
    }

    pub(crate) fn record(&self, request: Request) {
        if let Some(file) = &self.file {
            file.write(&request);
        }
        let size = size(&request);
        lock(&self.latest).push(request, size);
        self.received.notify_waiters();
    }

    /// Returns the latest requests, the oldest first.
    pub(crate) fn requests(&self) -> Vec<Request> {
        lock(&self.latest).iter().cloned().collect()
    }

    /// Calls a function with the number and each of the latest `most` requests, the latest first. Returns the results
    /// and the number of requests so far.
    pub(crate) fn map_latest<T>(&self, most: usize, make: impl Fn(u64, &Request) -> T) -> (Vec<T>, u64) {
        lock(&self.latest).map_latest(most, make)
    }

    pub(crate) fn clear(&self) {
        lock(&self.latest).clear();
    }

    /// Waits for a request that `matches` accepts. Returns the first one.
    pub(crate) async fn wait_for(&self, matches: impl Fn(&Request) -> bool) -> Request {
        loop {
            let mut received = std::pin::pin!(self.received.notified());
            // From here on a request is noticed, also one that arrives before the await below.
            received.as_mut().enable();
            if let Some(request) = lock(&self.latest).iter().find(|request| matches(request)) {
                return request.clone();
            }
            received.await;
        }
    }
}

/// Returns the size of the parts of a request that its sender chooses, in bytes.
fn size(request: &Request) -> usize {
    let headers: usize = request.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    request.body.len() + request.path.len() + request.query.len() + headers
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, Method};
    use bytes::Bytes;

    use super::super::RequestKind;
    use super::*;

    fn request(path: &str, body: usize) -> Request {
        Request {
            kind: RequestKind::Other,
            endpoint: None,
            request_id: None,
            method: Method::POST,
            path: path.to_owned(),
            query: String::new(),
            headers: HeaderMap::new(),
            body: Bytes::from(vec![0; body]),
        }
    }

    #[tokio::test]
    async fn the_oldest_requests_are_dropped() {
        let recorder = RequestRecorder::default();
        for number in 0..=MAX_REQUESTS {
            recorder.record(request(&number.to_string(), 0));
        }
        let all = recorder.requests();
        assert_eq!((all.len(), all[0].path.as_str()), (MAX_REQUESTS, "1"));
        recorder.record(request("large", MAX_BYTES));
        recorder.record(request("last", 1));
        assert_eq!(recorder.requests().len(), 1);
        assert_eq!(recorder.wait_for(|request| request.path == "last").await.body.len(), 1);
    }
}
