//! The routes of the queue: submit, status, result, cancel.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::endpoint::{find_model, parse_id, priority, start_timeout, stores_payloads};
use super::intercept::Arrival;
use super::parameters::Parameters;
use super::{auth, body_error, not_found, status_stream, storage};
use crate::app::App;
use crate::input_files::FileChecker;
use crate::model_call::ModelCall;
use crate::queue::{CancelOutcome, Job, SubmitOptions};
use crate::recent_calls::key_id;
use crate::reply::{NEEDS_RETRY, Reply};

/// Answers all requests to the queue. A router cannot distinguish them, because an endpoint id has any number of
/// segments.
pub(super) async fn queue(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
    Query(parameters): Query<Parameters>,
    method: Method,
    Extension(Arrival(arrival)): Extension<Arrival>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let reply = match (method.as_str(), split_job_path(&path)) {
        ("GET", Some((id, "status/stream"))) => return stream_status(&app, id, &parameters, &headers),
        ("POST", None) => submit(&app, &path, &parameters, arrival, &headers, body),
        ("GET", Some((id, "status"))) => status(&app, id, &parameters, &headers),
        ("GET", Some((id, "" | "response"))) => result(&app, id, &headers).await,
        ("PUT", Some((id, "cancel"))) => cancel(&app, id, &headers),
        (_, None | Some((_, "status/stream" | "status" | "" | "response" | "cancel"))) => {
            if let Ok(id) = parse_id(&path) {
                app.unknown_models.note_method(method.as_str(), &id.full, &app.models);
            }
            Ok(not_found::method_not_allowed())
        }
        (_, Some(_)) => Ok(not_found::unknown_path(&format!("/queue/{path}"))),
    };
    reply.unwrap_or_else(|refusal| refusal).into_response()
}

/// Splits the path of a request about a job into the job's id and the action. The endpoint id before them does not
/// matter.
fn split_job_path(path: &str) -> Option<(&str, &str)> {
    let (_, rest) = path.rsplit_once("/requests/")?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    Some(rest.split_once('/').unwrap_or((rest, "")))
}

fn submit(
    app: &Arc<App>,
    path: &str,
    parameters: &Parameters,
    arrival: Duration,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Reply, Reply> {
    let id = parse_id(path)?;
    let model = find_model(app, &id)?;
    auth::check_endpoint(app, headers, &id)?;
    app.scripts.account.admit_call()?;
    let webhook_url = parameters.get("fal_webhook").map(str::to_owned);
    if webhook_url.is_some() {
        check_origin(app, headers)?;
    }
    let lifecycle = storage::lifecycle(app, headers)?;
    let options = SubmitOptions {
        start_timeout: start_timeout(headers)?,
        priority: priority(headers),
        stores_payloads: stores_payloads(headers),
        runner_hint: headers.get("x-fal-runner-hint").cloned(),
        webhook_url,
        key_id: key_id(headers),
    };
    check_queue_length(app, &id.full, parameters)?;
    let body = body.map_err(|rejection| body_error(&rejection))?;
    // The gateway does not check the input, so a refusal of the runner shows only in the status and the result.
    let query = parameters.pairs();
    let work = model.and_then(|model| ModelCall::new(&app.scripts.behaviours, &id.full, model, query, &body));
    let urls = app.base_urls(headers);
    let files = FileChecker { store: &app.store, urls: &urls };
    let work = work.and_then(|call| call.with_checked_files(&files));
    let work = work.map(|call| call.with_lifecycle(lifecycle).with_random_seed(app.random_seeds));
    let unit = app.billing.price(&id.full).unit;
    let work = work.map(|call| call.with_billing_unit(unit));
    let job = app.queue.submit(id, work, options, arrival, urls.clone());
    app.recent_calls.add_queued(&job, headers, &body);
    Ok(Reply::ok(job.submission_json(&urls)).with_request_id(&job.id))
}

/// Checks that no page of a foreign site asks for a webhook: it could make this machine send requests that the browser
/// would not send for it.
///
/// # Errors
///
/// Returns a 403.
fn check_origin(app: &App, headers: &HeaderMap) -> Result<(), Reply> {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return Ok(());
    };
    let origin = String::from_utf8_lossy(origin.as_bytes());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    if app.hosts.trusts_origin(&origin, host) {
        return Ok(());
    }
    let text = format!(
        "A page of {origin} may not ask for a webhook; start fal-emulator with --allow-host and the host of the page \
         to allow it"
    );
    Err(Reply::detail(StatusCode::FORBIDDEN, text))
}

/// Checks the caller's limit on the number of waiting requests.
///
/// # Errors
///
/// Returns a 429 if more requests wait, or a 400 if the limit is not a number.
fn check_queue_length(app: &App, endpoint: &str, parameters: &Parameters) -> Result<(), Reply> {
    let Some(limit) = parameters.get("fal_max_queue_length") else {
        return Ok(());
    };
    let Ok(limit) = limit.parse::<usize>() else {
        let text = "fal_max_queue_length must be a whole number, 0 or more";
        return Err(Reply::failure(StatusCode::BAD_REQUEST, "bad_request", text));
    };
    let waiting = app.queue.waiting(endpoint);
    if waiting <= limit {
        return Ok(());
    }
    let text = format!("{waiting} requests are waiting, more than the fal_max_queue_length of {limit}");
    let reply = Reply::detail(StatusCode::TOO_MANY_REQUESTS, text);
    Err(reply.with_header(NEEDS_RETRY, HeaderValue::from_static("1")))
}

fn status(app: &App, id: &str, parameters: &Parameters, headers: &HeaderMap) -> Result<Reply, Reply> {
    let job = find_job(app, id, headers)?;
    Ok(job.poll_status(&app.base_urls(headers), wants_logs(parameters)))
}

fn stream_status(app: &App, id: &str, parameters: &Parameters, headers: &HeaderMap) -> Response {
    match find_job(app, id, headers) {
        Ok(job) => status_stream::respond(job, app.base_urls(headers), wants_logs(parameters)),
        Err(refusal) => refusal.into_response(),
    }
}

fn wants_logs(parameters: &Parameters) -> bool {
    matches!(parameters.get("logs"), Some("1" | "true"))
}

async fn result(app: &App, id: &str, headers: &HeaderMap) -> Result<Reply, Reply> {
    let job = find_job(app, id, headers)?;
    Ok(app.queue.result(&job, app.base_urls(headers)).await)
}

fn cancel(app: &App, id: &str, headers: &HeaderMap) -> Result<Reply, Reply> {
    let job = find_job(app, id, headers)?;
    let (status, text) = match app.queue.cancel(&job) {
        CancelOutcome::Removed => (StatusCode::OK, "OK"),
        CancelOutcome::Requested => (StatusCode::ACCEPTED, "CANCELLATION_REQUESTED"),
        CancelOutcome::AlreadyCompleted => (StatusCode::BAD_REQUEST, "ALREADY_COMPLETED"),
    };
    Ok(Reply::new(status, json!({"status": text})).with_request_id(&job.id))
}

fn find_job(app: &App, id: &str, headers: &HeaderMap) -> Result<Arc<Job>, Reply> {
    auth::check_key(app, headers, "this request")?;
    app.queue.get(id).ok_or_else(|| Reply::new(StatusCode::NOT_FOUND, json!({"status": "NOT_FOUND"})))
}

#[cfg(test)]
mod tests {
    use super::split_job_path;

    #[test]
    fn a_job_is_found_after_any_endpoint_id() {
        assert_eq!(split_job_path("fal-ai/flux/requests/1/status"), Some(("1", "status")));
        assert_eq!(split_job_path("fal-ai/flux/dev/requests/1/status/"), Some(("1", "status")));
        assert_eq!(split_job_path("fal-ai/flux/requests/1"), Some(("1", "")));
        assert_eq!(split_job_path("fal-ai/flux/requests/1/"), Some(("1", "")));
        assert_eq!(split_job_path("a/requests/b/requests/1/cancel"), Some(("1", "cancel")));
        assert_eq!(split_job_path("fal-ai/flux/requests/1/status/stream"), Some(("1", "status/stream")));
        assert_eq!(split_job_path("fal-ai/flux/dev"), None);
    }
}
