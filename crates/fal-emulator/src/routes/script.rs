//! The outermost layer: records requests, and does to them what rules demand.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _, to_bytes};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::endpoint::EndpointId;
use super::{JSON_LIMIT, too_large};
use crate::app::App;
use crate::net::ConnectionControl;
use crate::reply::Reply;
use crate::script::{self, Asked, Target, Verb};

/// When a request came, on the emulator's clock: before it could be seen in the record.
#[derive(Clone, Copy)]
pub(super) struct Arrival(pub(super) Duration);

pub(super) async fn layer(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Some(control) = request.extensions().get::<ConnectionControl>().cloned() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let arrival = Arrival(app.clock.now());
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(arrival);
    let mut received = received(&app, &parts);
    let effect = app.rules.next(received.verb, received.endpoint.as_deref());
    if let Some(interruption) = effect.interruption(&control) {
        parts.extensions.insert(interruption);
    }
    let is_handled = !effect.ignores() && effect.answer.is_none();
    let body = if received.verb == Verb::Upload
        && body.size_hint().upper().is_none_or(|size| size > JSON_LIMIT as u64)
    {
        // Read as it is handled.
        if is_handled {
            body
        } else {
            received.body = drained(body).await;
            Body::empty()
        }
    } else {
        let bytes = match timeout(app.read_time, to_bytes(body, JSON_LIMIT)).await {
            Ok(Ok(bytes)) => bytes,
            // Or it broke off, and then nobody is there to read this.
            Ok(Err(_)) => return effect.apply(too_large().into_response(), &control),
            Err(_) => {
                let late = Reply::detail(StatusCode::REQUEST_TIMEOUT, "The body did not come in time");
                let late = late.header(header::CONNECTION, HeaderValue::from_static("close"));
                return effect.apply(late.into_response(), &control);
            }
        };
        received.body = bytes.clone();
        Body::from(bytes)
    };
    app.record.add(received.clone());
    if effect.ignores() {
        return effect.apply(StatusCode::OK.into_response(), &control);
    }
    app.clock.sleep_until(arrival.0.saturating_add(effect.delay)).await;
    let response = match &effect.answer {
        Some(answer) => answer(&received).into_response(),
        None => next.run(Request::from_parts(parts, body)).await,
    };
    effect.apply(response, &control)
}

fn received(app: &App, parts: &Parts) -> script::Request {
    let asked = Asked::of(&parts.method, parts.uri.path());
    let (endpoint, request_id) = match asked.target {
        Target::Endpoint(path) => (EndpointId::parse(path).map(|id| id.full), None),
        Target::Job(id) => (app.job(id).map(|job| job.endpoint.clone()), Some(id.to_owned())),
        Target::None => (None, None),
    };
    let mut headers = parts.headers.clone();
    if let Some(key) = headers.get_mut(header::AUTHORIZATION) {
        key.set_sensitive(true);
    }
    script::Request {
        verb: asked.verb,
        endpoint,
        request_id,
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers,
        body: Bytes::new(),
    }
}

/// Reads a body to its end, and keeps the start of it.
async fn drained(body: Body) -> Bytes {
    let mut pieces = body.into_data_stream();
    let mut kept = Vec::new();
    while let Some(Ok(piece)) = pieces.next().await {
        let room = JSON_LIMIT.saturating_sub(kept.len());
        kept.extend_from_slice(&piece[..piece.len().min(room)]);
    }
    kept.into()
}
