//! The web page at `/`, and the JSON that it shows. Without CORS headers, pages of other sites cannot read it.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest;
use serde_json::{Value, json};

use super::admin::refuse_foreign_pages;
use super::parameters::Parameters;
use crate::app::App;
use crate::clock::format_iso8601;
use crate::models::Model;
use crate::recent_calls::shorten;
use crate::reply::Reply;
use crate::script::Request;
use crate::webhook::Delivery;

/// The number of requests and of webhook deliveries that are shown.
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

/// The page with its style and script.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    include_str!("../page/index.html").replace("/* style */", STYLE).replace("/* script */", SCRIPT)
});

/// The policy that lets only the page's own script run, even if the data of a call contains a script.
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
        .layer(middleware::from_fn(refuse_foreign_pages))
}

async fn page() -> Response {
    let mut response = PAGE.as_str().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY.clone());
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Returns everything on the page that changes.
async fn feed(State(app): State<Arc<App>>, headers: HeaderMap) -> Reply {
    let urls = app.base_urls(&headers);
    let url = urls.queue().strip_suffix("/queue").unwrap_or_default();
    let requests = app.scripts.recorder.requests();
    let deliveries = app.webhooks.deliveries();
    Reply::ok(json!({
        "now": format_iso8601(std::time::SystemTime::now()),
        "url": url,
        "key_required": app.key.is_some(),
        "calls": app.recent_calls.to_json(),
        "requests": requests.iter().rev().take(LATEST).map(request_json).collect::<Vec<_>>(),
        "webhooks": deliveries.iter().rev().take(LATEST).map(delivery_json).collect::<Vec<_>>(),
    }))
}

fn request_json(request: &Request) -> Value {
    json!({"line": request.line(), "endpoint": request.endpoint, "by": request.header("user-agent")})
}

fn delivery_json(delivery: &Delivery) -> Value {
    json!({
        "request_id": delivery.request_id,
        "url": delivery.url,
        "attempt": delivery.attempt,
        "status": delivery.outcome.as_ref().ok(),
        "error": delivery.outcome.as_ref().err(),
        "body": shorten(&serde_json::from_slice(&delivery.body).unwrap_or_default()),
    })
}

/// Returns the models to choose from.
async fn models(State(app): State<Arc<App>>) -> Reply {
    let entry = |model: &Arc<Model>| {
        let name = model.metadata.as_ref().and_then(|metadata| metadata.get("display_name")).cloned();
        json!({"id": model.id, "name": name, "category": model.category()})
    };
    Reply::ok(app.models.iter().map(entry).collect())
}

/// Returns the data from which the form of one model is made.
async fn model(State(app): State<Arc<App>>, Query(parameters): Query<Parameters>) -> Reply {
    let id = parameters.get("endpoint_id").unwrap_or_default();
    let Some(model) = app.models.get(id) else {
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
