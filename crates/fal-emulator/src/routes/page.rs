//! The web page at `/`, and the JSON that it shows. Without CORS headers, pages of other sites cannot read it.

use std::cell::Cell;
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
use crate::recent_calls::{CallFilter, CallRecord, CallSummaries, StateFilter, take_within};
use crate::reply::{REQUEST_ID, Reply};
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
/// The number of requests of one call that are listed, from the first one and up to the last one.
const FIRST_REQUESTS: usize = 100;
const LAST_REQUESTS: usize = 100;
/// The longest text to search for, in characters.
const MAX_SEARCH: usize = 200;
/// The longest name of a program in the list of requests, in characters.
const MAX_PROGRAM: usize = 60;

const SCRIPT: &str = concat!(
    "\"use strict\";\n(() => {\n",
    include_str!("../page/elements.js"),
    include_str!("../page/json.js"),
    include_str!("../page/media.js"),
    include_str!("../page/schema.js"),
    include_str!("../page/controls.js"),
    include_str!("../page/form.js"),
    include_str!("../page/snippets.js"),
    include_str!("../page/models.js"),
    include_str!("../page/list.js"),
    include_str!("../page/call.js"),
    include_str!("../page/calls.js"),
    include_str!("../page/try.js"),
    include_str!("../page/realtime.js"),
    include_str!("../page/scenario.js"),
    include_str!("../page/connect.js"),
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
        .route("/_emulator/page/input", get(input))
        .route("/_emulator/page/request", get(request))
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
///
/// `calls_search`, `calls_state`, `calls_after` and the like choose what is listed.
async fn feed(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Reply {
    let urls = app.base_urls(&headers);
    let url = urls.queue().strip_suffix("/queue").unwrap_or_default();
    let states = match parameters.get("calls_state") {
        Some("open") => Some(StateFilter::Open),
        Some("done") => Some(StateFilter::Done),
        Some("failed") => Some(StateFilter::Failed),
        _ => None,
    };
    let ListFilter { words, after, .. } = ListFilter::new(&parameters, "calls");
    let calls = app.recent_calls.summaries(&CallFilter { words, states, after }, CALL_SPACE);
    let CallSummaries { calls, matching, total, open } = calls;
    let filter = ListFilter::new(&parameters, "requests");
    let (requests, all_requests) = app.scripts.recorder.map_latest(filter.searched(), |number, request| {
        filter.show(number, || request_words(request), || request_summary(number, request))
    });
    let requests = filter.finish(requests, all_requests, REQUEST_SPACE);
    let filter = ListFilter::new(&parameters, "webhooks");
    let (webhooks, all_webhooks) = app.webhooks.map_latest(filter.searched(), |number, delivery| {
        let words = || format!("{} {}", delivery.url, delivery.request_id);
        filter.show(number, words, || delivery_summary(number, delivery))
    });
    let webhooks = filter.finish(webhooks, all_webhooks, WEBHOOK_SPACE);
    Reply::ok(json!({
        "now": format_iso8601(std::time::SystemTime::now()),
        "clock": format_iso8601(app.clock.to_system_time(app.clock.now())),
        "url": cut(url, 300),
        "key_required": app.key.is_some(),
        "open": open,
        "calls": calls,
        "requests": requests.items,
        "webhooks": webhooks.items,
        "unknown_models": unknown_models(&app),
        "cost": cost_json(&app),
        "matching": {"calls": matching, "requests": requests.matching, "webhooks": webhooks.matching},
        "totals": {"calls": total, "requests": all_requests, "webhooks": all_webhooks},
    }))
}

/// Describes the cost that the answered calls would have at fal.
fn cost_json(app: &App) -> Value {
    let cost = app.billing.total();
    json!({
        "usd": cost.usd, "calls": cost.calls, "endpoints": cost.endpoints, "invented_part": cost.invented_part(),
    })
}

/// Describes the unknown models that were called, the most called first, so that a user knows the remedy.
fn unknown_models(app: &App) -> Vec<Value> {
    let mut all = app.unknown_models.list();
    all.sort_by_key(|model| std::cmp::Reverse(model.calls));
    let entry = |model: &UnknownModel| {
        json!({
            "id": model.id, "calls": model.calls, "similar": model.similar, "fetch": model.fetch_command(),
            "reason": model.own_app,
        })
    };
    all.iter().take(SHOWN_UNKNOWN).map(entry).collect()
}

/// The choice of the requests or deliveries to list.
struct ListFilter {
    /// The words that an item must have, in lower case.
    words: Vec<String>,
    /// The number of the last item before those that are listed.
    after: u64,
    /// The number of items so far that match.
    matching: Cell<usize>,
}

/// The items of a list.
struct Listed {
    items: Vec<Value>,
    /// The number of items that match, also of those that are not listed.
    matching: u64,
}

impl ListFilter {
    fn new(parameters: &Parameters, list: &str) -> Self {
        let search = parameters.get(&format!("{list}_search")).unwrap_or_default();
        let words = cut(search, MAX_SEARCH).split_whitespace().map(str::to_lowercase).collect();
        let after = parameters.get(&format!("{list}_after")).and_then(|number| number.parse().ok());
        Self { words, after: after.unwrap_or_default(), matching: Cell::default() }
    }

    /// Returns the number of latest items to look at.
    fn searched(&self) -> usize {
        if self.words.is_empty() { LATEST } else { usize::MAX }
    }

    /// Returns the summary of an item that is listed: if it matches, and is one of the latest that do.
    fn show(
        &self,
        number: u64,
        text: impl FnOnce() -> String,
        summary: impl FnOnce() -> Value,
    ) -> Option<Value> {
        let matches = number > self.after
            && (self.words.is_empty() || {
                let text = text().to_lowercase();
                self.words.iter().all(|word| text.contains(word))
            });
        if !matches {
            return None;
        }
        self.matching.set(self.matching.get() + 1);
        (self.matching.get() <= LATEST).then(summary)
    }

    fn finish(&self, items: Vec<Option<Value>>, total: u64, space: usize) -> Listed {
        let matching = match self.words.is_empty() {
            true => total.saturating_sub(self.after),
            false => self.matching.get() as u64,
        };
        Listed { items: take_within(space, items.into_iter().flatten()), matching }
    }
}

/// Returns the text in which requests are searched.
fn request_words(request: &Request) -> String {
    let agent = request.header("user-agent").unwrap_or_default();
    let scope = request.scope.as_deref().unwrap_or_default();
    format!("{} {agent} {scope} {}", request.line(), request.request_id.as_deref().unwrap_or_default())
}

fn request_summary(number: u64, request: &Request) -> Value {
    let by = cut(request.header("user-agent").unwrap_or_default(), MAX_PROGRAM);
    let mut summary = request_outcome(request);
    summary["number"] = json!(number);
    summary["line"] = json!(cut(&request.line(), MAX_LINE));
    summary["by"] = json!(by);
    summary["at"] = json!(format_iso8601(request.received_at));
    summary
}

/// Returns the status and the duration of a request that was answered, in seconds, and whether the answer was whole.
fn request_outcome(request: &Request) -> Value {
    match &request.response {
        Some(response) => json!({
            "status": response.status.as_u16(),
            "seconds": response.duration.as_secs_f64(),
            "is_complete": response.is_complete,
        }),
        None => json!({}),
    }
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

/// Returns everything about one call, by its number or by the id of its request.
async fn call(State(app): State<Arc<App>>, Query(parameters): Query<Parameters>) -> Reply {
    find_call(&app, &parameters).map_or_else(no_longer_kept, |call| Reply::ok(call_details(&app, &call)))
}

/// Returns everything about one call, with its requests.
fn call_details(app: &App, call: &CallRecord) -> Value {
    let id = call.request_id.as_str();
    let requests = app.scripts.recorder.filtered(|request| request_ids(request).any(|own| own == id));
    let shown = requests.iter().take(FIRST_REQUESTS);
    let hidden = requests.len().saturating_sub(LAST_REQUESTS).max(FIRST_REQUESTS);
    let listed = shown.chain(requests.iter().skip(hidden)).map(|request| {
        let after = request.received_at.duration_since(call.called_at()).unwrap_or_default();
        let mut entry = request_outcome(request);
        entry["kind"] = json!(request.kind);
        entry["line"] = json!(cut(&request.line(), MAX_LINE));
        entry["after"] = json!(after.as_secs_f64());
        entry
    });
    let mut details = call.details();
    details["requests"] = listed.collect();
    details["cost"] = app.billing.find(id).map_or(Value::Null, |charge| {
        json!({
            "units": charge.units, "unit": charge.price.unit, "unit_price": charge.price.unit_price,
            "cost": charge.cost(), "is_invented": charge.price.is_invented,
        })
    });
    details["request_count"] = json!(requests.len());
    details
}

/// Returns the ids of the call that a request belongs to: that of its path, and that of its reply.
fn request_ids(request: &Request) -> impl Iterator<Item = &str> {
    let headers = request.response.as_ref().map(|response| &response.headers);
    let of_reply = headers.and_then(|headers| headers.get(REQUEST_ID)?.to_str().ok());
    request.request_id.as_deref().into_iter().chain(of_reply)
}

/// Returns the input of a call as it was sent.
async fn input(State(app): State<Arc<App>>, Query(parameters): Query<Parameters>) -> Response {
    let Some(call) = find_call(&app, &parameters) else { return no_longer_kept().into_response() };
    let plain = (header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    let as_it_is = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    ([plain, as_it_is], call.input()).into_response()
}

fn find_call(app: &App, parameters: &Parameters) -> Option<Arc<CallRecord>> {
    match parameters.get("request_id") {
        Some(id) => app.recent_calls.find(id),
        None => app.recent_calls.get(parse_number(parameters)?),
    }
}

/// Returns everything about one request.
async fn request(State(app): State<Arc<App>>, Query(parameters): Query<Parameters>) -> Reply {
    let found = parse_number(&parameters).and_then(|number| app.scripts.recorder.get(number));
    found.map_or_else(no_longer_kept, |request| Reply::ok(request_details(&app, &request)))
}

fn request_details(app: &App, request: &Request) -> Value {
    let mut details = shorten(&request.to_json_with_response());
    details["line"] = json!(cut(&request.line(), 4_000));
    details["call"] = request_ids(request).find(|id| app.recent_calls.find(id).is_some()).into();
    details
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
