//! The queue: submit, status, result, cancel.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, Method, StatusCode};
use serde_json::json;

use super::endpoint::{EndpointId, start_timeout, unknown};
use super::{auth, not_found, query, unreadable};
use crate::app::App;
use crate::engine::Call;
use crate::queue::{Job, Submission};
use crate::reply::Reply;
use crate::webhook;

pub(super) async fn queue(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    method: Method,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Reply {
    let query = query.unwrap_or_default();
    let reply = match (method.as_str(), follow_up(&path)) {
        ("POST", None) => submit(&app, &path, &query, &headers, body),
        ("GET", Some((id, "status"))) => status(&app, id, &query, &headers),
        ("GET", Some((id, "" | "response"))) => result(app, id, &headers).await,
        ("PUT", Some((id, "cancel"))) => cancel(&app, id, &headers),
        (_, None | Some((_, "status" | "" | "response" | "cancel"))) => Ok(not_found::wrong_method()),
        (_, Some(_)) => Ok(not_found::unknown_path(&format!("/queue/{path}"))),
    };
    reply.unwrap_or_else(|refusal| refusal)
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
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Reply, Reply> {
    let id = EndpointId::parse(path).ok_or_else(|| unknown(path))?;
    let model = id.find(app)?;
    auth::check(app, headers, &format!("application \"{}\"", id.app))?;
    let start_timeout = start_timeout(headers)?;
    let body = body.map_err(|rejection| unreadable(&rejection))?;
    // The gateway does not look at the input. What the runner will think of it shows later.
    let work = model.and_then(|model| Call::new(app, &id.full, model, &body));
    let job = app.queue.add(Job::new(
        Submission {
            course: app.course(&id.full, start_timeout, work.is_err()),
            endpoint: id.full,
            app_id: id.app,
            work,
            webhook: query::value(query, "fal_webhook"),
        },
        Arc::clone(&app.clock),
    ));
    let base = app.base(headers);
    announce(app, &job, base.clone());
    Ok(Reply::ok(job.receipt(&base)).request(&job.id))
}

fn status(app: &App, id: &str, query: &str, headers: &HeaderMap) -> Result<Reply, Reply> {
    let job = find(app, id, headers)?;
    let logs = matches!(query::value(query, "logs").as_deref(), Some("1" | "true"));
    Ok(job.status(&app.base(headers), logs))
}

async fn result(app: Arc<App>, id: &str, headers: &HeaderMap) -> Result<Reply, Reply> {
    let job = find(&app, id, headers)?;
    let base = app.base(headers);
    Ok(reply(app, &job, base).await)
}

/// What the result of a request is now.
async fn reply(app: Arc<App>, job: &Job, base: String) -> Reply {
    if let Some(reply) = job.early_result() {
        return reply.request(&job.id);
    }
    let call = match &job.work {
        Ok(call) => call.clone(),
        Err(refusal) => return refusal.clone().request(&job.id),
    };
    let answer = job.answer.get_or_init(|| call.answer(app, base)).await;
    answer.clone().request(&job.id)
}

/// Announces a request once it has ended.
fn announce(app: &Arc<App>, job: &Arc<Job>, base: String) {
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
    let (status, text) = if job.cancel() {
        (StatusCode::ACCEPTED, "CANCELLATION_REQUESTED")
    } else {
        (StatusCode::BAD_REQUEST, "ALREADY_COMPLETED")
    };
    Ok(Reply::new(status, json!({"status": text})).request(&job.id))
}

fn find(app: &App, id: &str, headers: &HeaderMap) -> Result<Arc<Job>, Reply> {
    auth::check(app, headers, "this request")?;
    app.queue.get(id).ok_or_else(|| Reply::new(StatusCode::NOT_FOUND, json!({"status": "NOT_FOUND"})))
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
