//! Streams of endpoints that speak OpenAI's API: events whose last one is `[DONE]`.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde_json::{Value, json};

use crate::app::App;
use crate::openai::ServerEvent;
use crate::recent_calls::CallRecord;
use crate::reply::Reply;

/// Creates the response. The events come at equal intervals within `run_time`.
pub(super) fn respond(
    app: Arc<App>,
    events: Vec<ServerEvent>,
    arrival: Duration,
    run_time: Duration,
    record: Arc<CallRecord>,
) -> Response {
    let step = run_time / u32::try_from(events.len()).unwrap_or(u32::MAX).max(1);
    let body = events.iter().map(|event| event.data.as_str()).filter(|data| *data != "[DONE]");
    let parsed = body.filter_map(|data| serde_json::from_str(data).ok()).collect();
    let state = (app, events.into_iter(), arrival, Some((record, parsed)));
    let events = stream::unfold(state, move |(app, mut events, now, mut record)| async move {
        let event = events.next()?;
        let now = now.saturating_add(step);
        app.clock.sleep_until(now).await;
        if events.len() == 0
            && let Some((record, parsed)) = record.take()
        {
            record.finish(&Reply::ok(json!({"events": Value::Array(parsed)})).with_billable_units(1));
        }
        let named = match event.name {
            Some(name) => Event::default().event(name),
            None => Event::default(),
        };
        Some((Ok::<_, Infallible>(named.data(event.data)), (app, events, now, record)))
    });
    Sse::new(events).into_response()
}
