//! The queue: submit, status, result, cancel.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::endpoint::{EndpointId, priority, start_timeout, unknown};
use super::script::Arrival;
use super::{auth, not_found, query, status_stream, unreadable};
use crate::app::{App, Wish};
use crate::engine::Call;
use crate::hosts::Base;
use crate::queue::{Job, Submission};
use crate::reply::{NEEDS_RETRY, Reply};
use crate::webhook;

pub(super) async fn queue(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    method: Method,
    Extension(Arrival(arrival)): Extension<Arrival>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let query = query.unwrap_or_default();
    let reply = match (method.as_str(), follow_up(&path)) {
        ("GET", Some((id, "status/stream"))) => return stream(&app, id, &query, &headers),
        ("POST", None) => submit(&app, &path, &query, arrival, &headers, body),
        ("GET", Some((id, "status"))) => status(&app, id, &query, &headers),
        ("GET", Some((id, "" | "response"))) => result(app, id, &headers).await,
        ("PUT", Some((id, "cancel"))) => cancel(&app, id, &headers),
        (_, None | Some((_, "status/stream" | "status" | "" | "response" | "cancel"))) => {
            Ok(not_found::wrong_method())
        }
        (_, Some(_)) => Ok(not_found::unknown_path(&format!("/queue/{path}"))),
    };
    reply.unwrap_or_else(|refusal| refusal).into_response()
}

/// The request id and what is asked about it, whatever endpoint id stands before them.
fn follow_up(path: &str) -> Option<(&str, &str)> {
    let (_, rest) = path.rsplit_once("/requests/")?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    Some(rest.split_once('/').unwrap_or((rest, "")))
}

fn submit(
    app: &Arc<App>,
    path: &str,
    query: &str,
    now: Duration,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Reply, Reply> {
    let id = EndpointId::parse(path).ok_or_else(|| unknown(path))?;
    let model = id.find(app)?;
    auth::check(app, headers, &format!("application \"{}\"", id.app))?;
    let (start_timeout, priority) = (start_timeout(headers)?, priority(headers)?);
    has_room(app, &id.full, query)?;
    let body = body.map_err(|rejection| unreadable(&rejection))?;
    // The gateway does not look at the input. What the runner will think of it shows later.
    let work = model.and_then(|model| Call::new(app, &id.full, model, &body));
    let refused = work.is_err();
    let course = app.course(&Wish { endpoint: &id.full, now, start_timeout, priority, refused });
    let job = app.queue.add(Submission {
        endpoint: id.full,
        app_id: id.app,
        work,
        hint: headers.get("x-fal-runner-hint").cloned(),
        webhook: query::value(query, "fal_webhook"),
        clock: Arc::clone(&app.clock),
        submitted: now,
        course,
    });
    app.keep(&job);
    app.journal.submitted(&job, headers, &body);
    let base = app.base(headers);
    announce(app, &job, base.clone());
    Ok(Reply::ok(job.receipt(&base)).request(&job.id))
}

/// Checks the caller's limit on how many requests wait.
///
/// # Errors
///
/// 429 when more are waiting, 400 when the limit is no number.
fn has_room(app: &App, endpoint: &str, query: &str) -> Result<(), Reply> {
    let Some(most) = query::value(query, "fal_max_queue_length") else {
        return Ok(());
    };
    let Ok(most) = most.parse::<usize>() else {
        let text = "fal_max_queue_length must be a whole number, 0 or more";
        return Err(Reply::failure(StatusCode::BAD_REQUEST, "bad_request", text));
    };
    let waiting = app.waiting(endpoint);
    if waiting <= most {
        return Ok(());
    }
    let text = format!("{waiting} requests are waiting, more than the fal_max_queue_length of {most}");
    Err(Reply::detail(StatusCode::TOO_MANY_REQUESTS, text).header(NEEDS_RETRY, HeaderValue::from_static("1")))
}

fn status(app: &App, id: &str, query: &str, headers: &HeaderMap) -> Result<Reply, Reply> {
    let job = find(app, id, headers)?;
    Ok(job.status(&app.base(headers), wants_logs(query)))
}

fn stream(app: &App, id: &str, query: &str, headers: &HeaderMap) -> Response {
    match find(app, id, headers) {
        Ok(job) => status_stream::reply(job, app.base(headers), wants_logs(query)),
        Err(refusal) => refusal.into_response(),
    }
}

fn wants_logs(query: &str) -> bool {
    matches!(query::value(query, "logs").as_deref(), Some("1" | "true"))
}

async fn result(app: Arc<App>, id: &str, headers: &HeaderMap) -> Result<Reply, Reply> {
    let job = find(&app, id, headers)?;
    let base = app.base(headers);
    Ok(reply(app, &job, base).await)
}

/// What the result of a request is now.
async fn reply(app: Arc<App>, job: &Job, base: Base) -> Reply {
    if let Some(reply) = job.early_result() {
        return reply.request(&job.id);
    }
    let call = match &job.work {
        Ok(call) => call.clone(),
        Err(refusal) => return job.served(refusal.clone()),
    };
    let is_new = job.answer.get().is_none();
    let answer = job.answer.get_or_init(|| call.answer(Arc::clone(&app), base)).await;
    if is_new {
        app.keep(job);
    }
    job.served(answer.clone())
}

/// Announces a request once it has ended.
fn announce(app: &Arc<App>, job: &Arc<Job>, base: Base) {
    let Some(url) = job.webhook.clone() else {
        return;
    };
    let (app, job) = (Arc::clone(app), Arc::clone(job));
    tokio::spawn(async move {
        job.ended().await;
        let reply = reply(Arc::clone(&app), &job, base).await;
        webhook::announce(app, job, url, reply);
    });
}

fn cancel(app: &App, id: &str, headers: &HeaderMap) -> Result<Reply, Reply> {
    let job = find(app, id, headers)?;
    let (status, text) = if job.cancel(app.behaviours.ignores_cancel(&job.endpoint)) {
        app.keep(&job);
        (StatusCode::ACCEPTED, "CANCELLATION_REQUESTED")
    } else {
        (StatusCode::BAD_REQUEST, "ALREADY_COMPLETED")
    };
    Ok(Reply::new(status, json!({"status": text})).request(&job.id))
}

fn find(app: &App, id: &str, headers: &HeaderMap) -> Result<Arc<Job>, Reply> {
    auth::check(app, headers, "this request")?;
    app.job(id).ok_or_else(|| Reply::new(StatusCode::NOT_FOUND, json!({"status": "NOT_FOUND"})))
}

#[cfg(test)]
mod tests {
    use super::follow_up;

    #[test]
    fn a_request_is_found_behind_any_endpoint_id() {
        assert_eq!(follow_up("fal-ai/flux/requests/1/status"), Some(("1", "status")));
        assert_eq!(follow_up("fal-ai/flux/dev/requests/1/status/"), Some(("1", "status")));
        assert_eq!(follow_up("fal-ai/flux/requests/1"), Some(("1", "")));
        assert_eq!(follow_up("fal-ai/flux/requests/1/"), Some(("1", "")));
        assert_eq!(follow_up("a/requests/b/requests/1/cancel"), Some(("1", "cancel")));
        assert_eq!(follow_up("fal-ai/flux/requests/1/status/stream"), Some(("1", "status/stream")));
        assert_eq!(follow_up("fal-ai/flux/dev"), None);
    }
}
