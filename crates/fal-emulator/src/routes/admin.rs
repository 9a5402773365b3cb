//! The emulator's own routes, by which tests in any language say what happens and see what came.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::query;
use crate::app::App;
use crate::reply::Reply;
use crate::scenario::Scenario;
use crate::script::Request;

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/_emulator/scenario", post(scenario))
        .route("/_emulator/requests", get(requests))
        .route("/_emulator/advance", post(advance))
        .route("/_emulator/reset", post(reset))
        .layer(middleware::from_fn(own_pages))
}

/// Refuses what a page of another site asks a browser to send: these routes are not for the web.
async fn own_pages(request: axum::extract::Request, next: Next) -> Response {
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

/// Applies a scenario, in JSON or, by its content type, in TOML.
async fn scenario(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Reply {
    let Ok(text) = std::str::from_utf8(&body) else {
        return Reply::detail(StatusCode::UNPROCESSABLE_ENTITY, "a scenario is UTF-8 text");
    };
    let is_toml = headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().ends_with(b"toml"));
    match if is_toml { Scenario::from_toml(text) } else { Scenario::from_json(text) } {
        Ok(scenario) => {
            scenario.apply(&app);
            Reply::ok(json!({}))
        }
        Err(error) => Reply::detail(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
    }
}

/// The requests that came, in order; `?verb=` and `?endpoint=` choose among them.
async fn requests(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Reply {
    let query = query.unwrap_or_default();
    let (verb, endpoint) = (query::value(&query, "verb"), query::value(&query, "endpoint"));
    let all = app.record.all();
    let wanted = all.iter().map(Request::told).filter(|entry| {
        let is = |name: &str, wanted: &Option<String>| {
            wanted.as_deref().is_none_or(|wanted| entry.get(name).and_then(Value::as_str) == Some(wanted))
        };
        is("verb", &verb) && is("endpoint", &endpoint)
    });
    Reply::ok(wanted.collect::<Value>())
}

/// `{"seconds": 60}`: moves the emulator's clock on.
async fn advance(State(app): State<Arc<App>>, body: Bytes) -> Reply {
    let seconds = serde_json::from_slice::<Value>(&body)
        .ok()
        .and_then(|body| body.get("seconds")?.as_f64())
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let Some(time) = seconds else {
        return Reply::detail(
            StatusCode::UNPROCESSABLE_ENTITY,
            "expected {\"seconds\": a number, 0 or more}",
        );
    };
    app.clock.advance(time);
    Reply::ok(json!({"now": app.clock.now().as_secs_f64()}))
}

/// Forgets all that was said, and the requests that came.
async fn reset(State(app): State<Arc<App>>) -> Reply {
    app.reset();
    Reply::ok(json!({}))
}
