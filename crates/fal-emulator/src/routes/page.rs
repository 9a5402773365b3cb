//! The page for people at `/`, and the JSON it shows. Other sites' pages may not read it: no header lets them.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use serde_json::{Value, json};

use super::query;
use crate::app::App;
use crate::clock;
use crate::journal::shortened;
use crate::models::Model;
use crate::reply::Reply;
use crate::script::Request;
use crate::webhook::Delivery;

/// How many plain requests and deliveries are told.
const LATEST: usize = 100;

const SCRIPT: &str = concat!(
    "\"use strict\";\n(() => {\n",
    include_str!("../page/elements.js"),
    include_str!("../page/media.js"),
    include_str!("../page/form.js"),
    include_str!("../page/calls.js"),
    include_str!("../page/main.js"),
    "})();\n"
);
const STYLE: &str = include_str!("../page/style.css");

/// The page, in one piece.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    include_str!("../page/index.html").replace("/* style */", STYLE).replace("/* script */", SCRIPT)
});

/// Only the page's own script runs, also where a call holds another one.
static POLICY: LazyLock<HeaderValue> = LazyLock::new(|| {
    let sum = |text: &str| STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes()));
    let policy = format!(
        "default-src 'none'; connect-src 'self'; img-src * data: blob:; media-src * data: blob:; \
         script-src 'sha256-{}'; style-src 'sha256-{}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        sum(SCRIPT),
        sum(STYLE)
    );
    HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'"))
});

pub(super) fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(page))
        .route("/_emulator/page/feed", get(feed))
        .route("/_emulator/page/models", get(models))
        .route("/_emulator/page/model", get(model))
}

async fn page() -> Response {
    let mut response = PAGE.as_str().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// All that moves.
async fn feed(State(app): State<Arc<App>>, headers: HeaderMap) -> Reply {
    let base = app.base(&headers);
    let url = base.queue().strip_suffix("/queue").unwrap_or_default();
    let requests = app.record.all();
    let from = requests.len().saturating_sub(LATEST);
    let hooks = app.hooks.all();
    let first = hooks.len().saturating_sub(LATEST);
    Reply::ok(json!({
        "now": clock::iso8601(std::time::SystemTime::now()),
        "url": url,
        "key_required": app.key.is_some(),
        "calls": app.journal.told(),
        "requests": requests[from..].iter().rev().map(request).collect::<Vec<_>>(),
        "webhooks": hooks[first..].iter().rev().map(delivery).collect::<Vec<_>>(),
    }))
}

fn request(request: &Request) -> Value {
    json!({"line": request.line(), "endpoint": request.endpoint, "by": request.header("user-agent")})
}

fn delivery(delivery: &Delivery) -> Value {
    json!({
        "request_id": delivery.request_id,
        "url": delivery.url,
        "attempt": delivery.attempt,
        "status": delivery.outcome.as_ref().ok(),
        "error": delivery.outcome.as_ref().err(),
        "body": shortened(&serde_json::from_slice(&delivery.body).unwrap_or_default()),
    })
}

/// The models, to choose from.
async fn models(State(app): State<Arc<App>>) -> Reply {
    let entry = |model: &Arc<Model>| {
        let name = model.metadata.as_ref().and_then(|metadata| metadata.get("display_name")).cloned();
        json!({"id": model.id, "name": name, "category": model.category()})
    };
    Reply::ok(app.models.all().map(entry).collect())
}

/// What the form of one model is made from.
async fn model(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Reply {
    let id = query::value(&query.unwrap_or_default(), "endpoint_id").unwrap_or_default();
    let Some(model) = app.models.get(&id) else {
        return Reply::detail(StatusCode::NOT_FOUND, "There is no such model");
    };
    let description = model.metadata.as_ref().and_then(|metadata| metadata.get("description")).cloned();
    Reply::ok(json!({
        "id": model.id,
        "category": model.category(),
        "description": description,
        "streams": model.streams(),
        "realtime": model.realtime().is_some(),
        "input": model.input,
        "schemas": model.openapi.pointer("/components/schemas"),
    }))
}
