//! The outermost layer, which records the requests and applies the rules.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::{JSON_LIMIT, add_common_headers, endpoint, too_large};
use crate::app::App;
use crate::endpoint_id::EndpointId;
use crate::hosts;
use crate::net::ConnectionControl;
use crate::percent;
use crate::queue;
use crate::reply::Reply;
use crate::script::{self, Effect, RequestKind, Target, classify};

mod unseen_calls;

use unseen_calls::note_call;

/// The size up to which bodies that are too large are read, in bytes.
const MAX_DISCARDED_BODY: u64 = 128 << 20;

/// The time at which a request arrived, on the emulator's clock. It is taken before a test can see the request, so that
/// a test that then advances the clock advances this request.
#[derive(Clone, Copy)]
pub(super) struct Arrival(pub(super) Duration);

pub(super) async fn intercept(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Some(log) = app.request_log.clone() else {
        return handle(app, request, next).await;
    };
    let call = format!("{} {}", request.method(), request.uri().path());
    let started = Instant::now();
    let response = handle(app, request, next).await;
    log(&format!("{call} {} {} ms", response.status().as_u16(), started.elapsed().as_millis()));
    response
}

async fn handle(app: Arc<App>, request: Request, next: Next) -> Response {
    let Some(control) = request.extensions().get::<ConnectionControl>().cloned() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    app.traffic.count_request();
    let started = Instant::now();
    let arrival = Arrival(app.clock.now());
    let (mut parts, body) = request.into_parts();
    parts.extensions.insert(arrival);
    let mut received = describe(&app, &parts);
    let effect = match parts.method {
        // A page never sees the reply of a rule to its preflight, and the rule would be used up before the call itself.
        Method::OPTIONS => Effect::default(),
        _ => app.scripts.rules.take_effect(received.kind, received.endpoint.as_deref()),
    };
    if let Some(interruption) = effect.interruption(&control) {
        parts.extensions.insert(interruption);
    }
    let is_handled = !effect.ends_on_arrival() && effect.response.is_none();
    let body = if received.kind == RequestKind::Upload
        && body.size_hint().upper().is_none_or(|size| size > JSON_LIMIT as u64)
    {
        // A large upload is read while it is handled, not into memory.
        if is_handled {
            body
        } else {
            received.body = read_start(body).await;
            Body::empty()
        }
    } else {
        let bytes = match timeout(app.read_timeout, read_whole(body)).await {
            Ok(Ok(Some(bytes))) => Ok(bytes),
            Ok(Ok(None)) => Err(too_large()),
            Ok(Err(_)) => Err(malformed()),
            Err(_) => {
                let late = Reply::detail(StatusCode::REQUEST_TIMEOUT, "The body did not come in time");
                Err(late.with_header(header::CONNECTION, HeaderValue::from_static("close")))
            }
        };
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(refusal) => {
                let recording = app.scripts.recorder.record(received.clone(), started);
                let is_faulty = effect.damages_reply();
                let response = note_call(&app, &received, &effect, with_headers(refusal)).await;
                return recording.attach(effect.apply(response, &control), is_faulty);
            }
        };
        received.body = bytes.clone();
        Body::from(bytes)
    };
    let recording = app.scripts.recorder.record(received.clone(), started);
    let is_faulty = effect.damages_reply();
    let response = respond(&app, &effect, &received, arrival.0, Request::from_parts(parts, body), next).await;
    let response = note_call(&app, &received, &effect, response).await;
    recording.attach(effect.apply(response, &control), is_faulty)
}

/// Waits for the delay of a rule and makes the response: the one of the rule, or that of the routes.
async fn respond(
    app: &App,
    effect: &Effect,
    received: &script::Request,
    arrival: Duration,
    request: Request,
    next: Next,
) -> Response {
    if effect.ends_on_arrival() {
        return StatusCode::OK.into_response();
    }
    if let Some(timeout) = start_timeout_before(received, effect.delay) {
        app.clock.sleep_until(arrival.saturating_add(timeout)).await;
        return with_headers(queue::start_timeout_reply());
    }
    app.clock.sleep_until(arrival.saturating_add(effect.delay)).await;
    match &effect.response {
        Some(make_response) => make_response(received).into_response(),
        None => next.run(request).await,
    }
}

/// Returns the start timeout of a direct call, if it ends before the delay of a rule: then no runner started in time.
fn start_timeout_before(request: &script::Request, delay: Duration) -> Option<Duration> {
    let is_direct = matches!(request.kind, RequestKind::Run | RequestKind::Stream);
    let timeout = endpoint::start_timeout(&request.headers).ok().flatten().filter(|_| is_direct)?;
    (timeout < delay).then_some(timeout)
}

pub(super) fn malformed() -> Reply {
    Reply::detail(StatusCode::BAD_REQUEST, "The body is malformed, or ended before it was complete")
        .with_header(header::CONNECTION, HeaderValue::from_static("close"))
}

/// Creates a response with the headers that the inner layers add to all other replies.
pub(super) fn with_headers(reply: Reply) -> Response {
    let mut response = reply.into_response();
    add_common_headers(&mut response);
    response
}

/// Describes a request for the record, without its body.
fn describe(app: &App, parts: &Parts) -> script::Request {
    let (kind, target) = classify(&parts.method, parts.uri.path());
    let (endpoint, request_id) = match target {
        Target::Endpoint(path) => {
            let path = String::from_utf8(percent::decode(path)).unwrap_or_default();
            (EndpointId::parse(&path).map(|id| id.full), None)
        }
        Target::Job(id) => (app.queue.get(id).map(|job| job.endpoint.full.clone()), Some(id.to_owned())),
        Target::None => (None, None),
    };
    let mut headers = parts.headers.clone();
    hosts::remove_scheme(&mut headers);
    if let Some(key) = headers.get_mut(header::AUTHORIZATION) {
        key.set_sensitive(true);
    }
    script::Request {
        kind,
        endpoint,
        request_id,
        method: parts.method.clone(),
        path: parts.uri.path().to_owned(),
        query: redacted_query(app, parts),
        headers,
        body: Bytes::new(),
        received_at: SystemTime::now(),
        scope: None,
        response: None,
    }
}

/// Returns the query, without tokens if they may be those of the real service.
fn redacted_query(app: &App, parts: &Parts) -> String {
    let query = parts.uri.query().unwrap_or_default();
    match app.recording.as_ref().filter(|recording| recording.caller_key().is_some()) {
        Some(recording) => recording.redact_query(query),
        None => query.to_owned(),
    }
}

/// Reads a body, or returns `None` if it has more than [`JSON_LIMIT`] bytes.
///
/// The rest of a longer one is read too, up to [`MAX_DISCARDED_BODY`]: a caller who is still sending when its connection is closed
/// gets no reply.
pub(super) async fn read_whole(body: Body) -> Result<Option<Bytes>, axum::Error> {
    let is_allowed = |size: usize| size <= JSON_LIMIT;
    let declared = body.size_hint().lower();
    if declared > MAX_DISCARDED_BODY {
        return Ok(None);
    }
    let mut chunks = body.into_data_stream();
    let (mut whole, mut size) = (Vec::new(), 0_usize);
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        size = size.saturating_add(chunk.len());
        if is_allowed(size) {
            whole.extend_from_slice(&chunk);
            continue;
        }
        whole = Vec::new();
        if size as u64 > MAX_DISCARDED_BODY {
            break;
        }
    }
    // Recorded for long, so without unused room.
    Ok(is_allowed(size).then(|| whole.into_boxed_slice().into()))
}

/// Reads a body to its end. Returns the first [`JSON_LIMIT`] bytes.
async fn read_start(body: Body) -> Bytes {
    let mut chunks = body.into_data_stream();
    let mut start = Vec::new();
    while let Some(Ok(chunk)) = chunks.next().await {
        let room = JSON_LIMIT.saturating_sub(start.len());
        start.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    start.into()
}
