//! The emulator's own routes, by which tests in any language script it and inspect the requests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::parameters::Parameters;
use crate::app::App;
use crate::reply::Reply;
use crate::scenario::Scenario;
use crate::script::{self, MAX_REQUESTS, Request, RequestFilter, RequestKind};
use crate::webhook::{Delivery, MAX_DELIVERIES};

/// The longest time to wait for requests.
const MAX_WAIT: Duration = Duration::from_secs(600);

pub(super) fn router(ca: Option<String>) -> Router<Arc<App>> {
    Router::new()
        .route("/_emulator/ca.pem", get(move || certificate(ca.clone())))
        .route("/_emulator/scenario", post(apply_scenario))
        .route("/_emulator/requests", get(list_requests))
        .route("/_emulator/requests.har", get(export_requests))
        .route("/_emulator/expect", post(expect))
        .route("/_emulator/webhooks", get(list_webhooks))
        .route("/_emulator/advance", post(advance_clock))
        .route("/_emulator/reset", post(reset))
        .layer(middleware::from_fn(refuse_foreign_pages))
}

/// Returns the certificate that clients have to trust.
async fn certificate(ca: Option<String>) -> Response {
    match ca {
        Some(ca) => ([(header::CONTENT_TYPE, "application/x-pem-file")], ca).into_response(),
        None => {
            let text = "This emulator has no certificate; start it with --tls";
            Reply::detail(StatusCode::NOT_FOUND, text).into_response()
        }
    }
}

/// Refuses requests that a browser sends for a page of another site, which must not script the emulator.
pub(super) async fn refuse_foreign_pages(request: axum::extract::Request, next: Next) -> Response {
    if is_foreign(request.headers()) {
        let text = "Pages of other sites may not script this emulator";
        return Reply::detail(StatusCode::FORBIDDEN, text).into_response();
    }
    next.run(request).await
}

/// Returns true for a request that a browser sends for a page of another site.
pub(super) fn is_foreign(headers: &HeaderMap) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else {
        return false;
    };
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    origin.is_none_or(|(_, authority)| Some(authority) != host)
}

/// Applies a scenario: TOML if the content type says so, otherwise JSON.
async fn apply_scenario(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Reply {
    let Ok(text) = std::str::from_utf8(&body) else {
        return Reply::detail(StatusCode::UNPROCESSABLE_ENTITY, "A scenario must be UTF-8 text");
    };
    let is_toml = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().ends_with(b"toml"));
    match if is_toml { Scenario::from_toml(text) } else { Scenario::from_json(text) } {
        Ok(scenario) if app.scope.is_some() && scenario.concerns_connections() => unprocessable(
            "refuse_connections is for all scopes, because connections belong to none; post it without a scope"
                .to_owned(),
        ),
        Ok(scenario) => match app.apply(&scenario) {
            warnings if warnings.is_empty() => Reply::ok(json!({})),
            warnings => Reply::ok(json!({"warnings": warnings})),
        },
        Err(error) => Reply::detail(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
    }
}

/// Lists the received requests with their responses, in the order of their arrival. `?kind=`, `?endpoint=` and `?status=`
/// filter them.
async fn list_requests(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Parameters>,
) -> Result<Reply, Reply> {
    let found = find_requests(&app, &parameters)?;
    Ok(Reply::ok(found.iter().map(Request::to_json_with_response).collect()))
}

/// Returns the same requests as an HTTP Archive.
async fn export_requests(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Parameters>,
) -> Result<Reply, Reply> {
    let name = HeaderValue::from_static("attachment; filename=\"fal-emulator.har\"");
    let har = script::to_har(&find_requests(&app, &parameters)?);
    Ok(Reply::ok(har).with_header(header::CONTENT_DISPOSITION, name))
}

fn find_requests(app: &App, parameters: &Parameters) -> Result<Vec<Request>, Reply> {
    let filter = RequestFilter::from_query(|name| parameters.get(name)).map_err(unprocessable)?;
    Ok(app.scripts.recorder.filtered(|request| filter.matches(request)))
}

/// A number of requests to wait for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    kind: Option<RequestKind>,
    endpoint: Option<String>,
    status: Option<u16>,
    json: Option<Value>,
    /// The number of requests, at least.
    #[serde(default = "Expectation::default_count")]
    count: usize,
    /// The time to wait, by the clock of the machine.
    #[serde(default = "Expectation::default_seconds")]
    seconds: f64,
}

impl Expectation {
    const fn default_count() -> usize {
        1
    }

    const fn default_seconds() -> f64 {
        5.0
    }
}

/// Waits until so many requests came that match, and lists them. With a count of 0, checks that none has come.
///
/// Answers 417 if fewer came in time. Requests from before the call count.
async fn expect(State(app): State<Arc<App>>, body: Bytes) -> Result<Reply, Reply> {
    let expectation: Expectation =
        serde_json::from_slice(&body).map_err(|error| unprocessable(format!("expectation: {error}")))?;
    let Expectation { kind, endpoint, status, json, count, seconds } = expectation;
    check_count(count, MAX_REQUESTS, "requests")?;
    let time = wait_time(seconds)?;
    let filter = RequestFilter { kind, endpoint, status, json };
    let wanted = count.max(1);
    let deadline = if count == 0 { Instant::now() } else { Instant::now() + time };
    let matches = |request: &Request| filter.matches(request);
    let found = app.scripts.recorder.wait_for_count(wanted, deadline, matches).await;
    let requests: Value = found.iter().map(Request::to_json_with_response).collect();
    if (count == 0) == found.is_empty() && found.len() >= count {
        return Ok(Reply::ok(json!({"requests": requests})));
    }
    let others = app.scripts.recorder.count(|request| !filter.matches(request));
    let (came, what) = (found.len(), filter.describe());
    let text = if count == 0 {
        format!("expected no {what}, but {came} came")
    } else {
        format!("expected {count} {what} within {seconds} s, but {came} came, and {others} others")
    };
    let body = json!({"detail": text, "requests": requests});
    Err(Reply::new(StatusCode::EXPECTATION_FAILED, body))
}

/// Lists the attempts to deliver webhooks. `?request_id=` and `?status=` filter them, and `?count=` waits until there are so many,
/// at most for `?seconds=`.
///
/// Answers 417 if there were fewer in time.
async fn list_webhooks(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Parameters>,
) -> Result<Reply, Reply> {
    let count: usize = number(&parameters, "count")?.unwrap_or_default();
    check_count(count, MAX_DELIVERIES, "attempts")?;
    let seconds = number(&parameters, "seconds")?.unwrap_or_else(Expectation::default_seconds);
    let status: Option<u16> = number(&parameters, "status")?;
    let request_id = parameters.get("request_id");
    let matches = |delivery: &Delivery| {
        request_id.is_none_or(|id| delivery.request_id == id)
            && status.is_none_or(|status| delivery.outcome == Ok(status))
    };
    let deadline = Instant::now() + wait_time(seconds)?;
    let found = app.webhooks.wait_for_count(count, deadline, matches).await;
    let deliveries: Value = found.iter().map(Delivery::to_json).collect();
    if found.len() >= count {
        return Ok(Reply::ok(deliveries));
    }
    let text =
        format!("expected {count} deliveries of webhooks within {seconds} s, but {} came", found.len());
    Err(Reply::new(StatusCode::EXPECTATION_FAILED, json!({"detail": text, "webhooks": deliveries})))
}

/// Parses a number of the query.
fn number<T: std::str::FromStr>(parameters: &Parameters, name: &str) -> Result<Option<T>, Reply> {
    let parse =
        |text: &str| text.parse().map_err(|_| unprocessable(format!("{name}: {text} is not a number")));
    parameters.get(name).map(parse).transpose()
}

/// Checks that there can be so many items at a time.
///
/// # Errors
///
/// Returns a 422 for more than are kept, for which nobody should wait.
fn check_count(count: usize, most: usize, items: &str) -> Result<(), Reply> {
    if count <= most {
        return Ok(());
    }
    Err(unprocessable(format!("count: {count} is too large, because the latest {most} {items} are kept")))
}

/// Returns a time to wait.
fn wait_time(seconds: f64) -> Result<Duration, Reply> {
    let time = Duration::try_from_secs_f64(seconds).ok().filter(|time| *time <= MAX_WAIT);
    time.ok_or_else(|| unprocessable(format!("seconds: expected a number from 0 to {}", MAX_WAIT.as_secs())))
}

fn unprocessable(text: String) -> Reply {
    Reply::detail(StatusCode::UNPROCESSABLE_ENTITY, text)
}

/// Advances the emulator's clock by `{"seconds": 60}`.
async fn advance_clock(State(app): State<Arc<App>>, body: Bytes) -> Reply {
    let time = serde_json::from_slice::<Value>(&body)
        .ok()
        .and_then(|body| body.get("seconds")?.as_f64())
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let Some(time) = time else {
        return Reply::detail(
            StatusCode::UNPROCESSABLE_ENTITY,
            "expected {\"seconds\": a number, 0 or more}",
        );
    };
    app.clock.advance(time);
    Reply::ok(json!({"now": app.clock.now().as_secs_f64()}))
}

/// Removes all scripts, rules, recorded requests and deliveries of webhooks. Replays start from the first reply again.
async fn reset(State(app): State<Arc<App>>) -> Reply {
    app.reset();
    if let Some(recording) = &app.recording {
        recording.rewind(app.scope.as_deref());
    }
    Reply::ok(json!({}))
}
