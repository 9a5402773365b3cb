//! The requests that came.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, Method};
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::Notify;

use super::capture::Capture;
use super::verb::Verb;

/// How many requests are remembered.
const REMEMBERED: usize = 20_000;
/// How many bytes of bodies are remembered.
const REMEMBERED_BYTES: usize = 64 << 20;

/// A request as it came.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Request {
    /// What it asks for.
    pub verb: Verb,
    /// The endpoint it is about; for questions about a queued request, the one it was sent to.
    pub endpoint: Option<String>,
    /// The queued request it is about.
    pub request_id: Option<String>,
    /// The method.
    pub method: Method,
    /// The path, its escapes not undone.
    pub path: String,
    /// What follows the `?`; empty when nothing does.
    pub query: String,
    /// The headers; the key in `Authorization` is marked as sensitive.
    pub headers: HeaderMap,
    /// The body; empty for an upload of more than 10 MiB that the emulator took.
    pub body: Bytes,
}

impl Request {
    /// A header, if it is there and text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON; null when it is not JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The method, path and query in one line: `GET /queue/acme/app?logs=1`.
    #[must_use]
    pub fn line(&self) -> String {
        let mark = if self.query.is_empty() { "" } else { "?" };
        format!("{} {}{mark}{}", self.method, self.path, self.query)
    }
}

/// The latest requests: the oldest are forgotten when they are too many, or hold too much.
#[derive(Debug, Default)]
pub(crate) struct Record {
    held: Mutex<Held>,
    /// Gets each, too.
    capture: Option<Capture>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Held {
    requests: VecDeque<Request>,
    bytes: usize,
}

impl Record {
    pub(crate) fn new(capture: Option<Capture>) -> Self {
        Self { capture, ..Self::default() }
    }

    pub(crate) fn add(&self, request: Request) {
        if let Some(capture) = &self.capture {
            capture.add(&request);
        }
        let mut held = self.lock();
        held.bytes += request.body.len();
        held.requests.push_back(request);
        while held.requests.len() > REMEMBERED || (held.bytes > REMEMBERED_BYTES && held.requests.len() > 1) {
            let Some(oldest) = held.requests.pop_front() else { break };
            held.bytes = held.bytes.saturating_sub(oldest.body.len());
        }
        drop(held);
        self.arrived.notify_waiters();
    }

    pub(crate) fn all(&self) -> Vec<Request> {
        self.lock().requests.iter().cloned().collect()
    }

    pub(crate) fn clear(&self) {
        *self.lock() = Held::default();
    }

    /// The first request that `wanted` accepts, once it is there.
    pub(crate) async fn wait_for(&self, wanted: impl Fn(&Request) -> bool) -> Request {
        loop {
            let mut arrival = std::pin::pin!(self.arrived.notified());
            // From here on an arrival is noticed, also one before the wait begins.
            arrival.as_mut().enable();
            if let Some(request) = self.lock().requests.iter().find(|request| wanted(request)) {
                return request.clone();
            }
            arrival.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(path: &str, body: usize) -> Request {
        Request {
            verb: Verb::Other,
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
    async fn the_latest_are_kept() {
        let record = Record::default();
        for number in 0..=REMEMBERED {
            record.add(request(&number.to_string(), 0));
        }
        let all = record.all();
        assert_eq!((all.len(), all[0].path.as_str()), (REMEMBERED, "1"));
        record.add(request("large", REMEMBERED_BYTES));
        record.add(request("last", 1));
        assert_eq!(record.all().len(), 1);
        assert_eq!(record.wait_for(|request| request.path == "last").await.body.len(), 1);
    }
}
