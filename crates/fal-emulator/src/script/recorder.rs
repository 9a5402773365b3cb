//! The recorder of the requests that the emulator receives.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use axum::http::HeaderMap;
use tokio::sync::Notify;
use tokio::time::timeout_at;

use super::recorded_response::RecordedResponse;
use super::request::Request;
use super::request_file::RequestFile;
use super::request_kind::RequestKind;
use super::response_recording::ResponseRecording;
use crate::latest_items::LatestItems;
use crate::sync::lock;

/// The largest number of requests that are kept.
pub(crate) const MAX_REQUESTS: usize = 20_000;
/// The largest total size of the heads and bodies that are kept, in bytes.
const MAX_BYTES: usize = 64 << 20;

/// The latest requests of all scopes, and a file that gets all of them.
///
/// The oldest requests are dropped if there are too many, or if their bodies are too large together.
#[derive(Debug)]
pub(crate) struct Records {
    latest: Mutex<LatestItems<Request>>,
    file: Option<RequestFile>,
    /// Announces requests and responses.
    changed: Notify,
}

impl Records {
    /// Adds the response to the request with this number.
    pub(super) fn finish(&self, number: u64, response: RecordedResponse) {
        let size = response.body.len() + header_size(&response.headers);
        lock(&self.latest).update(number, size, |request| request.response = Some(response));
        self.changed.notify_waiters();
    }
}

/// The requests of one scope since its last reset. Without a scope, those of all scopes.
#[derive(Debug)]
pub(crate) struct RequestRecorder {
    records: Arc<Records>,
    scope: Option<String>,
    /// The number of the last request before the reset.
    since: AtomicU64,
}

impl Default for RequestRecorder {
    fn default() -> Self {
        Self::new(None)
    }
}

impl RequestRecorder {
    pub(crate) fn new(file: Option<RequestFile>) -> Self {
        let latest = Mutex::new(LatestItems::new(MAX_REQUESTS, MAX_BYTES));
        let records = Arc::new(Records { latest, file, changed: Notify::new() });
        Self { records, scope: None, since: AtomicU64::new(0) }
    }

    /// Returns a recorder of the requests that belong to a scope from now on.
    pub(crate) fn in_scope(&self, name: &str) -> Self {
        let scoped = Self {
            records: Arc::clone(&self.records),
            scope: Some(name.to_owned()),
            since: AtomicU64::new(0),
        };
        scoped.clear();
        scoped
    }

    /// Adds a request, which arrived at `started`. Returns the recording of its response.
    pub(crate) fn record(&self, mut request: Request, started: Instant) -> ResponseRecording {
        request.scope.clone_from(&self.scope);
        if let Some(file) = &self.records.file {
            file.write(&request);
        }
        let keeps_body = request.kind != RequestKind::Token;
        let size = size(&request);
        let number = {
            let mut latest = lock(&self.records.latest);
            latest.push(request, size);
            latest.count()
        };
        self.records.changed.notify_waiters();
        ResponseRecording { records: Arc::clone(&self.records), number, started, keeps_body }
    }

    /// Returns the latest requests, the oldest first.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.filtered(|_| true)
    }

    /// Returns the latest requests that `matches` accepts, the oldest first.
    pub(crate) fn filtered(&self, matches: impl Fn(&Request) -> bool) -> Vec<Request> {
        let latest = lock(&self.records.latest);
        self.own(&latest).filter(|request| matches(request)).cloned().collect()
    }

    fn find(&self, matches: impl Fn(&Request) -> bool) -> Option<Request> {
        let latest = lock(&self.records.latest);
        self.own(&latest).find(|request| matches(request)).cloned()
    }

    /// Returns the number of the latest requests that `matches` accepts.
    pub(crate) fn count(&self, matches: impl Fn(&Request) -> bool) -> usize {
        let latest = lock(&self.records.latest);
        self.own(&latest).filter(|request| matches(request)).count()
    }

    fn own<'a>(&'a self, latest: &'a LatestItems<Request>) -> impl Iterator<Item = &'a Request> {
        let since_reset = latest.iter_after(self.since.load(Ordering::Relaxed));
        since_reset.filter(|request| self.scope.is_none() || self.scope == request.scope)
    }

    /// Calls a function with the number and each of the latest `most` requests, the latest first. Returns the results
    /// and the number of requests so far.
    pub(crate) fn map_latest<T>(&self, most: usize, make: impl Fn(u64, &Request) -> T) -> (Vec<T>, u64) {
        let since = self.since.load(Ordering::Relaxed);
        let (latest, count) = lock(&self.records.latest)
            .map_latest(most, |number, request| (number > since).then(|| make(number, request)));
        (latest.into_iter().flatten().collect(), count)
    }

    /// Returns the request with this number, if it is still kept.
    pub(crate) fn get(&self, number: u64) -> Option<Request> {
        lock(&self.records.latest).get(number).cloned()
    }

    /// Forgets the requests so far.
    pub(crate) fn clear(&self) {
        self.since.store(lock(&self.records.latest).count(), Ordering::Relaxed);
    }

    /// Waits for a request that `matches` accepts. Returns the first one.
    pub(crate) async fn wait_for(&self, matches: impl Fn(&Request) -> bool) -> Request {
        loop {
            let mut changed = std::pin::pin!(self.records.changed.notified());
            // From here on a request is noticed, also one that arrives before the await below.
            changed.as_mut().enable();
            if let Some(request) = self.find(&matches) {
                return request;
            }
            changed.await;
        }
    }

    /// Waits until `matches` accepts `count` requests, at most until `deadline`. Returns those that it accepts, which are
    /// fewer than `count` if the time is over.
    pub(crate) async fn wait_for_count(
        &self,
        count: usize,
        deadline: Instant,
        matches: impl Fn(&Request) -> bool,
    ) -> Vec<Request> {
        loop {
            let mut changed = std::pin::pin!(self.records.changed.notified());
            changed.as_mut().enable();
            // Only counted, because copies of thousands of bodies would hold up whoever adds the next request.
            if self.count(&matches) >= count || timeout_at(deadline.into(), changed).await.is_err() {
                return self.filtered(&matches);
            }
        }
    }
}

/// Returns the size of the parts of a request that its sender chooses, in bytes.
fn size(request: &Request) -> usize {
    request.body.len() + request.path.len() + request.query.len() + header_size(&request.headers)
}

fn header_size(headers: &HeaderMap) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::request::tests::request;
    use super::*;

    fn record(recorder: &RequestRecorder, path: &str, body: usize) {
        let _ = recorder.record(request(RequestKind::Other, path, vec![0; body]), Instant::now());
    }

    #[tokio::test]
    async fn the_oldest_requests_are_dropped() {
        let recorder = RequestRecorder::default();
        for number in 0..=MAX_REQUESTS {
            record(&recorder, &number.to_string(), 0);
        }
        let all = recorder.requests();
        assert_eq!((all.len(), all[0].path.as_str()), (MAX_REQUESTS, "1"));
        record(&recorder, "large", MAX_BYTES);
        record(&recorder, "last", 1);
        assert_eq!(recorder.requests().len(), 1);
        assert_eq!(recorder.wait_for(|request| request.path == "last").await.body.len(), 1);
    }

    #[tokio::test]
    async fn a_scope_has_the_requests_since_its_reset_and_no_others() {
        let all = RequestRecorder::default();
        record(&all, "before", 1);
        let (one, two) = (all.in_scope("one"), all.in_scope("two"));
        record(&one, "a", 1);
        record(&two, "b", 1);
        let paths = |recorder: &RequestRecorder| -> Vec<String> {
            recorder.requests().into_iter().map(|request| request.path).collect()
        };
        assert_eq!((paths(&one), paths(&two)), (vec!["a".to_owned()], vec!["b".to_owned()]));
        assert_eq!(paths(&all), ["before", "a", "b"]);
        all.clear();
        assert_eq!((paths(&all).len(), all.map_latest(9, |_, _| ()).0.len()), (0, 0));
        assert_eq!(paths(&one), ["a"]);
        one.clear();
        record(&one, "c", 1);
        assert_eq!((paths(&one), paths(&two)), (vec!["c".to_owned()], vec!["b".to_owned()]));
    }

    #[tokio::test]
    async fn waiting_for_a_count_ends_at_the_deadline() {
        let recorder = RequestRecorder::default();
        record(&recorder, "a", 1);
        let soon = Instant::now() + Duration::from_millis(20);
        assert_eq!(recorder.wait_for_count(2, soon, |_| true).await.len(), 1);
        let later = Instant::now() + Duration::from_secs(60);
        let waiting = recorder.wait_for_count(2, later, |_| true);
        let (found, ()) = tokio::join!(waiting, async { record(&recorder, "b", 1) });
        assert_eq!(found.len(), 2);
    }
}
