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
use crate::call_view::{cut, shorten};
use crate::clock::format_iso8601;
use crate::models::ModelSummary;
use crate::recent_calls::take_within;
use crate::reply::Reply;
use crate::script::Request;
use crate::unknown_models::UnknownModel;
use crate::webhook::Delivery;

/// The number of requests and of webhook deliveries that are shown.
const LATEST: usize = 100;
/// The space for the summaries of calls, requests and webhook deliveries in the feed, in bytes of JSON.
const CALL_SPACE: usize = 120_000;
const REQUEST_SPACE: usize = 30_000;
const WEBHOOK_SPACE: usize = 40_000;
/// The number of unknown models that are shown.
const SHOWN_UNKNOWN: usize = 10;
/// The longest line of a request, URL or error in the feed, in characters.
const MAX_LINE: usize = 200;
/// The longest name of a program in the list of requests, in characters.
const MAX_PROGRAM: usize = 60;

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
        .route("/_emulator/page/call", get(call))
        .route("/_emulator/page/webhook", get(webhook))
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

/// Returns summaries of everything on the page that changes. Whatever was called, they take less than 200 kB.
async fn feed(State(app): State<Arc<App>>, headers: HeaderMap) -> Reply {
    let urls = app.base_urls(&headers);
    let url = urls.queue().strip_suffix("/queue").unwrap_or_default();
    let (calls, all_calls) = app.recent_calls.summaries(CALL_SPACE);
    let (requests, all_requests) = app.scripts.recorder.map_latest(LATEST, request_json);
    let (webhooks, all_webhooks) = app.webhooks.map_latest(LATEST, delivery_summary);
    Reply::ok(json!({
        "now": format_iso8601(std::time::SystemTime::now()),
        "url": cut(url, 300),
        "key_required": app.key.is_some(),
        "calls": calls,
        "requests": take_within(REQUEST_SPACE, requests.into_iter()),
        "webhooks": take_within(WEBHOOK_SPACE, webhooks.into_iter()),
        "unknown_models": unknown_models(&app),
        "cost": cost_json(&app),
        "totals": {"calls": all_calls, "requests": all_requests, "webhooks": all_webhooks},
    }))
}

/// Describes the cost that the answered calls would have at fal.
fn cost_json(app: &App) -> Value {
    let cost = app.billing.total();
    json!({
        "usd": cost.usd, "calls": cost.calls, "endpoints": cost.endpoints, "is_invented": cost.is_invented,
    })
}

/// Describes the unknown models that were called, the most called first, so that a user knows the remedy.
fn unknown_models(app: &App) -> Vec<Value> {
    let mut all = app.unknown_models.list();
    all.sort_by_key(|model| std::cmp::Reverse(model.calls));
    let entry = |model: &UnknownModel| {
        json!({
            "id": model.id, "calls": model.calls, "similar": model.similar, "fetch": model.fetch_command(),
        })
    };
    all.iter().take(SHOWN_UNKNOWN).map(entry).collect()
}

fn request_json(number: u64, request: &Request) -> Value {
    let by = cut(request.header("user-agent").unwrap_or_default(), MAX_PROGRAM);
    json!({"number": number, "line": cut(&request.line(), MAX_LINE), "by": by})
}

fn delivery_summary(number: u64, delivery: &Delivery) -> Value {
    json!({
        "number": number,
        "request_id": delivery.request_id,
        "url": cut(&delivery.url, MAX_LINE),
        "attempt": delivery.attempt,
        "status": delivery.outcome.as_ref().ok(),
        "error": delivery.outcome.as_ref().err().map(|error| cut(error, MAX_LINE)),
    })
}

/// Returns everything about one call.
async fn call(State(app): State<Arc<App>>, Query(parameters): Query<Parameters>) -> Reply {
    let details = parse_number(&parameters).and_then(|number| app.recent_calls.details(number));
    let with_cost = |mut details: Value| {
        let charge = details["request_id"].as_str().and_then(|id| app.billing.find(id));
        details["cost"] = charge.map_or(Value::Null, |charge| {
            json!({
                "units": charge.units, "unit": charge.price.unit, "unit_price": charge.price.unit_price,
                "cost": charge.cost(), "is_invented": charge.price.is_invented,
            })
        });
        Reply::ok(details)
    };
    details.map_or_else(no_longer_kept, with_cost)
}

/// Returns everything about one attempt to deliver a webhook.
async fn webhook(State(app): State<Arc<App>>, Query(parameters): Query<Parameters>) -> Reply {
    let found = parse_number(&parameters).and_then(|number| app.webhooks.delivery(number));
    let Some(delivery) = found else { return no_longer_kept() };
    let body = serde_json::from_slice(&delivery.body).unwrap_or_default();
    let error = delivery.outcome.as_ref().err();
    Reply::ok(json!({"url": cut(&delivery.url, 4_000), "error": error, "body": shorten(&body)}))
}

fn parse_number(parameters: &Parameters) -> Option<u64> {
    parameters.get("number")?.parse().ok()
}

fn no_longer_kept() -> Reply {
    Reply::detail(StatusCode::NOT_FOUND, "This is no longer kept")
}

/// Returns the models to choose from.
async fn models(State(app): State<Arc<App>>) -> Reply {
    let entry = |model: ModelSummary<'_>| {
        let name = Some(model.name).filter(|name| !name.is_empty());
        json!({"id": model.id, "name": name, "category": model.category})
    };
    Reply::ok(app.models.summaries().map(entry).collect())
}

/// Returns the data from which the form of one model is made.
async fn model(State(app): State<Arc<App>>, Query(parameters): Query<Parameters>) -> Reply {
    let id = parameters.get("endpoint_id").unwrap_or_default();
    let Some(model) = app.models.find(id) else {
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
