//! The emulator's own routes, by which tests in any language script it and inspect the requests.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::parameters::Parameters;
use crate::app::App;
use crate::reply::Reply;
use crate::scenario::Scenario;
use crate::script::Request;

pub(super) fn router(ca: Option<String>) -> Router<Arc<App>> {
    Router::new()
        .route("/_emulator/ca.pem", get(move || certificate(ca.clone())))
        .route("/_emulator/scenario", post(apply_scenario))
        .route("/_emulator/requests", get(list_requests))
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

fn is_foreign(headers: &HeaderMap) -> bool {
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
        Ok(scenario) => {
            scenario.apply(&app.scripts);
            Reply::ok(json!({}))
        }
        Err(error) => Reply::detail(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
    }
}

/// Lists the received requests, in the order of their arrival. `?kind=` and `?endpoint=` filter them.
async fn list_requests(State(app): State<Arc<App>>, Query(parameters): Query<Parameters>) -> Reply {
    let all = app.scripts.recorder.requests();
    let matching = all.iter().map(Request::to_json).filter(|entry| {
        let matches = |name: &str| {
            parameters.get(name).is_none_or(|value| entry.get(name).and_then(Value::as_str) == Some(value))
        };
        matches("kind") && matches("endpoint")
    });
    Reply::ok(matching.collect::<Value>())
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

/// Removes all scripts, rules and recorded requests.
async fn reset(State(app): State<Arc<App>>) -> Reply {
    app.scripts.reset();
    Reply::ok(json!({}))
}
