//! The status of a request as a stream of events, from what it is now to its end.

use std::convert::Infallible;
use std::sync::Arc;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;

use crate::hosts::Base;
use crate::queue::{Job, Watch};
use crate::reply::REQUEST_ID;

/// One event for each change. The log lines of an event are those since the event before.
pub(super) fn reply(job: Arc<Job>, base: Base, with_logs: bool) -> Response {
    let id = job.id.clone();
    let events = stream::unfold(Watch::new(job, base, with_logs), async |mut watch| {
        let status = watch.next().await?;
        Some((Ok::<_, Infallible>(Event::default().data(status.to_string())), watch))
    });
    let mut response = Sse::new(events).keep_alive(KeepAlive::default()).into_response();
    if let Ok(id) = id.parse() {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}
