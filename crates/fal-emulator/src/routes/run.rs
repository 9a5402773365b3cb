//! Direct calls: `POST /run/{id}`, and streams.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::endpoint::{EndpointId, start_timeout, unknown};
use super::script::Arrival;
use super::{auth, stream, unreadable};
use crate::app::App;
use crate::engine::Call;
use crate::journal::Way;
use crate::reply::{NEEDS_RETRY, Reply};

pub(super) async fn run(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    Extension(Arrival(arrival)): Extension<Arrival>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let query = query.unwrap_or_default();
    let reply = reply(app, &path, &query, arrival, &headers, body).await;
    reply.unwrap_or_else(|refusal| refusal.into_response())
}

/// A call without a query, for transports of their own.
pub(super) async fn call(app: Arc<App>, path: &str, headers: &HeaderMap, body: Bytes) -> Response {
    let now = app.clock.now();
    let reply = reply(app, path, "", now, headers, Ok(body)).await;
    reply.unwrap_or_else(|refusal| refusal.into_response())
}

async fn reply(
    app: Arc<App>,
    path: &str,
    query: &str,
    arrival: Duration,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Reply> {
    let id = EndpointId::parse(path).ok_or_else(|| unknown(path))?;
    if let Some(model) = stream::find(&app, &id) {
        auth::check_caller(&app, headers, query, &id)?;
        let body = body.map_err(|rejection| unreadable(&rejection))?;
        let entry = app.journal.begin(Way::Stream, &model.id, headers, &body);
        let call = Call::new(&app, &model.id, Some(Arc::clone(&model)), &body);
        let call = call.inspect_err(|refusal| entry.end(refusal))?;
        if let Some(failure) = call.failure() {
            entry.end(failure);
            return Err(failure.clone());
        }
        let base = app.base(headers);
        return Ok(stream::reply(stream::Begun { app, model, call, base, now: arrival, entry }));
    }
    let model = id.find(&app)?;
    auth::check(&app, headers, &format!("application \"{}\"", id.app))?;
    let model = model?;
    // A direct call has a runner at once, so the limit can be wrong but never pass.
    start_timeout(headers)?;
    let body = body.map_err(|rejection| unreadable(&rejection))?;
    let entry = app.journal.begin(Way::Run, &id.full, headers, &body);
    let call = Call::new(&app, &id.full, model, &body).inspect_err(|refusal| entry.end(refusal))?;
    let base = app.base(headers);
    let time = app.direct(&id.full);
    if app.lines.as_ref().is_some_and(|lines| !lines.take(&id.full, arrival, time)) {
        return Err(busy()).inspect_err(|refusal| entry.end(refusal));
    }
    app.clock.sleep_until(arrival.saturating_add(time)).await;
    let reply = call.answer(app, base).await;
    entry.end(&reply);
    Ok(reply.served(&id.full, headers.get("x-fal-runner-hint")).into_response())
}

/// The refusal of a direct call for which no runner is free.
fn busy() -> Reply {
    let text = "Too many requests of this endpoint are running; wait, or use the queue";
    let kind = "concurrent_requests_limit";
    Reply::failure(StatusCode::TOO_MANY_REQUESTS, kind, text)
        .header(NEEDS_RETRY, HeaderValue::from_static("1"))
}
