//! The platform API: the catalogue of models, and what the platform says of itself.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::query;
use crate::app::App;
use crate::models::Model;
use crate::reply::Reply;

/// How many entries a page has unless it is said, and at most.
const PAGE: (usize, usize) = (50, 1000);
/// How many endpoints may be asked for by name.
const MAX_NAMED: usize = 50;

/// `GET /platform/v1/models`: all models, those of a search, or those of a list of ids.
pub(super) async fn models(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Result<Reply, Reply> {
    let query = query.unwrap_or_default();
    let wanted = endpoint_ids(&query)?;
    let expansions = list(&query, "expand");
    if let Some(unknown) =
        expansions.iter().find(|part| !["openapi-3.0", "enterprise_status"].contains(&part.as_str()))
    {
        return Err(invalid(&format!("expand: {unknown:?} is neither openapi-3.0 nor enterprise_status")));
    }
    let status = query::value(&query, "status");
    if status.as_ref().is_some_and(|status| !["active", "deprecated"].contains(&status.as_str())) {
        return Err(invalid("status: expected active or deprecated"));
    }
    let category = query::value(&query, "category");
    let words: Vec<String> = query::value(&query, "q")
        .unwrap_or_default()
        .to_lowercase()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let found: Vec<&Arc<Model>> = app
        .models
        .all()
        .filter(|model| wanted.is_empty() || wanted.contains(&model.id))
        .filter(|model| category.as_ref().is_none_or(|category| model.category() == category))
        .filter(|model| {
            status.as_ref().is_none_or(|status| text(model, "status").unwrap_or("active") == status)
        })
        .filter(|model| matches(model, &words))
        .collect();
    let page = page(&query, &found)?;
    let models: Vec<Value> = page.entries.iter().map(|model| entry(model, &expansions)).collect();
    Ok(page.reply("models", models))
}

/// `GET /platform/v1/meta`: where webhooks come from.
pub(super) async fn meta() -> Reply {
    Reply::ok(json!({"webhook_ip_ranges": ["127.0.0.1/32", "::1/128"]}))
}

/// `GET /api/openapi/queue/openapi.json?endpoint_id=…` of fal's site: the document of one model.
pub(super) async fn document(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Reply {
    let id = query::value(&query.unwrap_or_default(), "endpoint_id").unwrap_or_default();
    match app.models.get(id.trim_matches('/')) {
        Some(model) => Reply::ok(model.openapi.clone()),
        None => Reply::new(StatusCode::NOT_FOUND, Value::Null),
    }
}

/// One page of a list, and what comes after it.
pub(super) struct Page<'a, T> {
    pub(super) entries: &'a [T],
    next: Option<String>,
}

impl<T> Page<'_, T> {
    pub(super) fn reply(&self, name: &str, entries: Vec<Value>) -> Reply {
        Reply::ok(json!({name: entries, "next_cursor": self.next, "has_more": self.next.is_some()}))
    }
}

/// The page that `limit` and `cursor` ask for. A cursor holds the number of its page.
pub(super) fn page<'a, T>(query: &str, all: &'a [T]) -> Result<Page<'a, T>, Reply> {
    let limit = match query::value(query, "limit") {
        None => PAGE.0,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=PAGE.1).contains(limit))
            .ok_or_else(|| invalid(&format!("limit: expected a number from 1 to {}", PAGE.1)))?,
    };
    let number = match query::value(query, "cursor") {
        None => 1,
        Some(cursor) => STANDARD
            .decode(&cursor)
            .ok()
            .and_then(|text| String::from_utf8(text).ok()?.parse::<usize>().ok())
            .filter(|number| *number >= 1)
            .ok_or_else(|| invalid("cursor: not one that a page gave"))?,
    };
    let from = limit.saturating_mul(number - 1).min(all.len());
    let to = from.saturating_add(limit).min(all.len());
    let next = (to < all.len()).then(|| STANDARD.encode((number + 1).to_string()));
    Ok(Page { entries: &all[from..to], next })
}

/// The ids of `endpoint_id`, which may be repeated or hold several between commas.
pub(super) fn endpoint_ids(query: &str) -> Result<Vec<String>, Reply> {
    let ids = list(query, "endpoint_id");
    if ids.len() > MAX_NAMED {
        return Err(invalid(&format!(
            "endpoint_id: {} endpoints, at most {MAX_NAMED} are allowed",
            ids.len()
        )));
    }
    Ok(ids)
}

/// 400 in the platform's shape.
pub(super) fn invalid(text: &str) -> Reply {
    failed(StatusCode::BAD_REQUEST, "validation_error", text)
}

pub(super) fn failed(status: StatusCode, kind: &str, text: &str) -> Reply {
    let id = uuid::Uuid::new_v4().to_string();
    Reply::new(status, json!({"error": {"type": kind, "message": text, "request_id": id}})).request(&id)
}

/// A parameter that may be repeated, or hold several values between commas.
fn list(query: &str, name: &str) -> Vec<String> {
    [name.to_owned(), format!("{name}[]")]
        .iter()
        .flat_map(|name| query::values(query, name).collect::<Vec<_>>())
        .flat_map(|value| value.split(',').map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// Whether every word is in the id, the name, the description, the category or a tag.
fn matches(model: &Model, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let tags = model.metadata.as_ref().and_then(|metadata| metadata.get("tags")).and_then(Value::as_array);
    let tags: Vec<&str> = tags.into_iter().flatten().filter_map(Value::as_str).collect();
    let told = [
        model.id.as_str(),
        model.category(),
        text(model, "display_name").unwrap_or_default(),
        text(model, "description").unwrap_or_default(),
        &tags.join(" "),
    ];
    let told = told.join(" ").to_lowercase();
    words.iter().all(|word| told.contains(word))
}

fn text<'a>(model: &'a Model, name: &str) -> Option<&'a str> {
    model.metadata.as_ref()?.get(name)?.as_str()
}

fn entry(model: &Model, expansions: &[String]) -> Value {
    let has = |name: &str| expansions.iter().any(|part| part == name);
    let mut entry = json!({"endpoint_id": model.id});
    if let Some(metadata) = &model.metadata {
        entry["metadata"] = complete(metadata, model);
    }
    if has("openapi-3.0") {
        entry["openapi"] = model.openapi.clone();
    }
    if has("enterprise_status") {
        entry["enterprise_status"] = json!("ready");
    }
    entry
}

/// The fields that the platform always gives, for documents that leave out what only fal knows.
fn complete(metadata: &Value, model: &Model) -> Value {
    let mut complete = json!({
        "display_name": model.id,
        "category": model.category(),
        "description": "",
        "status": "active",
        "tags": [],
        "updated_at": ADDED,
        "is_favorited": false,
        "thumbnail_url": "",
        "model_url": format!("https://fal.run/{}", model.id),
        "date": ADDED,
        "highlighted": false,
        "pinned": false,
    });
    if let (Some(complete), Some(known)) = (complete.as_object_mut(), metadata.as_object()) {
        complete.extend(known.clone());
    }
    complete
}

/// When a model was added whose document does not tell.
const ADDED: &str = "2026-01-01T00:00:00.000Z";
