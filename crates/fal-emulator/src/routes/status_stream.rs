//! The status of a request as a stream of events.

use std::convert::Infallible;
use std::sync::Arc;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;

use crate::hosts::BaseUrls;
use crate::queue::{Job, StatusWatcher};
use crate::reply::REQUEST_ID;

/// Sends the current status and each change until the request is completed.
///
/// An event has only the log lines since the event before it.
pub(super) fn respond(job: Arc<Job>, urls: BaseUrls, with_logs: bool) -> Response {
    let id = job.id.clone();
    let events = stream::unfold(StatusWatcher::new(job, urls, with_logs), async |mut watcher| {
        let status = watcher.next().await?;
        Some((Ok::<_, Infallible>(Event::default().data(status.to_string())), watcher))
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::default()).into_response();
    if let Ok(id) = id.parse() {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}
