//! Direct calls: `POST /run/{id}`, and streams.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

use super::endpoint::{find_model, parse_id, start_timeout};
use super::intercept::Arrival;
use super::parameters::Parameters;
use super::stream::{self, StreamRun};
use super::{auth, body_error, openai_stream, storage};
use crate::app::App;
use crate::input_files::FileChecker;
use crate::model_call::ModelCall;
use crate::recent_calls::{CallKind, CallRecord, Refusal};
use crate::reply::{REQUEST_ID, Reply};
use crate::script::too_many_requests;
use crate::validate;

pub(super) async fn run(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
    Query(parameters): Query<Parameters>,
    Extension(Arrival(arrival)): Extension<Arrival>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let response = respond(app, &path, &parameters, arrival, &headers, body).await;
    response.unwrap_or_else(|refusal| refusal.into_response())
}

/// Answers a call that did not come as an HTTP request of its own, and so has no query.
pub(super) async fn call(app: Arc<App>, path: &str, headers: &HeaderMap, body: Bytes) -> Response {
    let now = app.clock.now();
    let response =
        respond(Arc::clone(&app), path, &Parameters::default(), now, headers, Ok(body.clone())).await;
    response.unwrap_or_else(|refusal| {
        if refusal.request_id().is_none() {
            let reply = Some((refusal.status.as_u16(), refusal.body.clone()));
            let refused = Refusal { reply, request_id: None, why: None };
            app.recent_calls.add_refused(CallKind::Run, path, headers, &body, refused);
        }
        refusal.into_response()
    })
}

async fn respond(
    app: Arc<App>,
    path: &str,
    parameters: &Parameters,
    arrival: Duration,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Reply> {
    let id = parse_id(path)?;
    let lifecycle = storage::lifecycle(&app, headers)?;
    if let Some(model) = stream::find_model(&app, &id) {
        auth::check_key_or_token(&app, headers, parameters, &id)?;
        app.scripts.account.admit_call()?;
        let body = body.map_err(|rejection| body_error(&rejection))?;
        let record = app.recent_calls.begin(CallKind::Stream, &model.id, headers, &body);
        check_content_type(headers, &body).map_err(|refusal| refuse(&record, refusal))?;
        // The stream of a model has the scripts of the model; a route with parameters in its path is known by that path.
        let endpoint = if model.parameters.is_empty() { &model.id } else { &id.full };
        let (behaviours, query) = (&app.scripts.behaviours, parameters.pairs());
        let call = ModelCall::new(behaviours, endpoint, Some(Arc::clone(&model)), query, &body);
        let urls = app.base_urls(headers);
        let files = FileChecker { store: &app.store, urls: &urls };
        let call = call
            .and_then(|call| call.with_checked_files(&files))
            .map_err(|refusal| refuse(&record, refusal))?
            .with_lifecycle(lifecycle)
            .with_random_seed(app.random_seeds)
            .with_billing_unit(app.billing.price(&model.id).unit);
        if let Some(failure) = call.scripted_failure() {
            return Err(refuse(&record, failure.clone()));
        }
        let id = record.request_id.clone();
        let events = StreamRun::new(app, model, call, urls, arrival, record).into_response();
        return Ok(with_request_id(events, &id));
    }
    let model = find_model(&app, &id)?;
    auth::check_endpoint(&app, headers, &id)?;
    app.scripts.account.admit_call()?;
    let model = model?;
    // A direct call never waits for a runner, so only the format of the timeout matters.
    start_timeout(headers)?;
    let body = body.map_err(|rejection| body_error(&rejection))?;
    let record = app.recent_calls.begin(CallKind::Run, &id.full, headers, &body);
    check_content_type(headers, &body).map_err(|refusal| refuse(&record, refusal))?;
    let urls = app.base_urls(headers);
    let files = FileChecker { store: &app.store, urls: &urls };
    let call = ModelCall::new(&app.scripts.behaviours, &id.full, model, parameters.pairs(), &body)
        .and_then(|call| call.with_checked_files(&files))
        .map_err(|refusal| refuse(&record, refusal))?
        .with_lifecycle(lifecycle)
        .with_random_seed(app.random_seeds)
        .with_billing_unit(app.billing.price(&id.full).unit);
    let Some(run_time) = app.scheduler.start_direct_call(&id.full, arrival) else {
        let text = "Too many requests of this endpoint are running; wait, or use the queue";
        return Err(refuse(&record, too_many_requests(text)));
    };
    if let Some(events) = call.openai_events() {
        let id = record.request_id.clone();
        return Ok(with_request_id(openai_stream::respond(app, events, arrival, run_time, record), &id));
    }
    app.clock.sleep_until(arrival.saturating_add(run_time)).await;
    let reply = call.answer(Arc::clone(&app.store), urls).await;
    record.finish(&reply);
    let reply = reply.with_retry_advice().with_runner(&id.full, headers.get("x-fal-runner-hint"));
    Ok(reply.with_request_id(&record.request_id).into_response())
}

/// Checks that a body is declared as JSON, or not declared at all. Only a direct call passes the header on to the app.
///
/// # Errors
///
/// Returns a 422.
fn check_content_type(headers: &HeaderMap, body: &[u8]) -> Result<(), Reply> {
    let content_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    validate::check_content_type(content_type, body).map_err(Reply::invalid)
}

/// Records the refusal of a call. Returns it with the id of the request.
fn refuse(record: &CallRecord, refusal: Reply) -> Reply {
    record.finish(&refusal);
    refusal.with_request_id(&record.request_id)
}

/// Adds the id of a request to a response that is not a [`Reply`].
pub(super) fn with_request_id(mut response: Response, id: &str) -> Response {
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}
