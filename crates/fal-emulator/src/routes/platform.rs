//! The platform API: the catalogue of models and the metadata of the platform.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::auth;
use super::parameters::Parameters;
use crate::app::App;
use crate::endpoint_id;
use crate::models::Model;
use crate::reply::Reply;

/// The number of entries on a page if the caller names none.
const DEFAULT_LIMIT: usize = 50;
/// The largest number of entries on a page of most lists.
pub(super) const MAX_LIMIT: usize = 1000;
/// The largest number of endpoints that a request may name.
const MAX_IDS: usize = 50;

/// Handles `GET /platform/v1/models`: lists all models, those that match a search, or those of a list of ids.
pub(super) async fn models(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Parameters>,
) -> Result<Reply, Reply> {
    let ids = endpoint_ids(&parameters)?;
    let expansions = list(&parameters, "expand");
    if let Some(unknown) = expansions
        .iter()
        .find(|expansion| !["openapi-3.0", "enterprise_status"].contains(&expansion.as_str()))
    {
        return Err(invalid(&format!("expand: {unknown:?} is neither openapi-3.0 nor enterprise_status")));
    }
    let status = parameters.get("status");
    if status.is_some_and(|status| !["active", "deprecated"].contains(&status)) {
        return Err(invalid("status: expected active or deprecated"));
    }
    let category = parameters.get("category");
    let words: Vec<String> = parameters
        .get("q")
        .unwrap_or_default()
        .to_lowercase()
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    let found: Vec<&Arc<Model>> = app
        .models
        .iter()
        .filter(|model| ids.is_empty() || ids.contains(&model.id))
        .filter(|model| category.is_none_or(|category| model.category() == category))
        .filter(|model| {
            status.is_none_or(|status| metadata_text(model, "status").unwrap_or("active") == status)
        })
        .filter(|model| matches(model, &words))
        .collect();
    let page = page(&parameters, &found, MAX_LIMIT)?;
    let models: Vec<Value> = page.entries.iter().map(|model| model_json(model, &expansions)).collect();
    Ok(page.reply("models", models))
}

/// Handles `GET /platform/v1/meta`: returns the addresses from which webhooks come.
pub(super) async fn meta() -> Reply {
    Reply::ok(json!({"webhook_ip_ranges": ["127.0.0.1/32", "::1/128"]}))
}

/// Handles `GET /api/openapi/queue/openapi.json?endpoint_id=…` of fal's site: returns the document of one model.
pub(super) async fn document(State(app): State<Arc<App>>, Query(parameters): Query<Parameters>) -> Reply {
    let id = parameters.get("endpoint_id").unwrap_or_default();
    match app.models.get(&endpoint_id::canonical(id)) {
        Some(model) => Reply::ok(model.openapi.clone()),
        None => Reply::new(StatusCode::NOT_FOUND, Value::Null),
    }
}

/// One page of a list.
pub(super) struct Page<'a, T> {
    pub(super) entries: &'a [T],
    /// The cursor of the next page.
    next: Option<String>,
}

impl<T> Page<'_, T> {
    /// Creates the reply with the JSON of the entries under `name`.
    pub(super) fn reply(&self, name: &str, entries: Vec<Value>) -> Reply {
        Reply::ok(json!({name: entries, "next_cursor": self.next, "has_more": self.next.is_some()}))
    }
}

/// Returns the page that `limit` and `cursor` ask for, with at most `max_limit` entries. A cursor is the encoded number
/// of its page.
pub(super) fn page<'a, T>(
    parameters: &Parameters,
    all: &'a [T],
    max_limit: usize,
) -> Result<Page<'a, T>, Reply> {
    let limit = match parameters.get("limit") {
        None => DEFAULT_LIMIT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|limit| (1..=max_limit).contains(limit))
            .ok_or_else(|| invalid(&format!("limit: expected a number from 1 to {max_limit}")))?,
    };
    let number = match parameters.get("cursor") {
        None => 1,
        Some(cursor) => STANDARD
            .decode(cursor)
            .ok()
            .and_then(|text| String::from_utf8(text).ok()?.parse::<usize>().ok())
            .filter(|number| *number >= 1)
            .ok_or_else(|| invalid("cursor: expected the next_cursor of a page"))?,
    };
    let from = limit.saturating_mul(number - 1).min(all.len());
    let to = from.saturating_add(limit).min(all.len());
    let next = (to < all.len()).then(|| STANDARD.encode((number + 1).to_string()));
    Ok(Page { entries: &all[from..to], next })
}

/// Returns the values of `endpoint_id`, which may be repeated and may contain several ids with commas between them.
///
/// # Errors
///
/// Returns a 400 if there are too many.
pub(super) fn endpoint_ids(parameters: &Parameters) -> Result<Vec<String>, Reply> {
    let ids: Vec<String> =
        list(parameters, "endpoint_id").iter().map(|id| endpoint_id::canonical(id)).collect();
    if ids.len() > MAX_IDS {
        return Err(invalid(&format!("endpoint_id: {} endpoints, at most {MAX_IDS} are allowed", ids.len())));
    }
    Ok(ids)
}

/// Checks the key, if the emulator requires one.
///
/// # Errors
///
/// Returns a 401 in the shape of the platform API.
pub(super) fn check_key(app: &App, headers: &HeaderMap) -> Result<(), Reply> {
    auth::check_key(app, headers, "the platform API").map_err(|refusal| {
        let text = refusal.body.get("detail").and_then(Value::as_str).unwrap_or_default();
        error(refusal.status, "authorization_error", text)
    })
}

/// Creates a 400 in the shape of the platform API.
pub(super) fn invalid(text: &str) -> Reply {
    error(StatusCode::BAD_REQUEST, "validation_error", text)
}

/// Creates an error in the shape of the platform API.
pub(super) fn error(status: StatusCode, kind: &str, text: &str) -> Reply {
    let id = uuid::Uuid::new_v4().to_string();
    Reply::new(status, json!({"error": {"type": kind, "message": text, "request_id": id}}))
        .with_request_id(&id)
}

/// Returns the values of a parameter that may be repeated, and that may contain several values with commas between
/// them.
pub(super) fn list(parameters: &Parameters, name: &str) -> Vec<String> {
    [name.to_owned(), format!("{name}[]")]
        .iter()
        .flat_map(|name| parameters.get_all(name))
        .flat_map(|value| value.split(',').map(str::to_owned))
        .collect()
}

/// Returns true if each word occurs in the id, the name, the description, the category or a tag.
fn matches(model: &Model, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let tags = model.metadata.as_ref().and_then(|metadata| metadata.get("tags")).and_then(Value::as_array);
    let tags: Vec<&str> = tags.into_iter().flatten().filter_map(Value::as_str).collect();
    let texts = [
        model.id.as_str(),
        model.category(),
        metadata_text(model, "display_name").unwrap_or_default(),
        metadata_text(model, "description").unwrap_or_default(),
        &tags.join(" "),
    ];
    let texts = texts.join(" ").to_lowercase();
    words.iter().all(|word| texts.contains(word))
}

fn metadata_text<'a>(model: &'a Model, name: &str) -> Option<&'a str> {
    model.metadata.as_ref()?.get(name)?.as_str()
}

/// Returns the JSON of a model, with the members that `expand` asks for.
fn model_json(model: &Model, expansions: &[String]) -> Value {
    let has = |name: &str| expansions.iter().any(|expansion| expansion == name);
    let mut entry = json!({"endpoint_id": model.id});
    if let Some(metadata) = &model.metadata {
        entry["metadata"] = complete_metadata(metadata, model);
    }
    if has("openapi-3.0") {
        entry["openapi"] = model.openapi.clone();
    }
    if has("enterprise_status") {
        entry["enterprise_status"] = json!("ready");
    }
    entry
}

/// Adds the members that the platform always returns and that a document may lack.
fn complete_metadata(metadata: &Value, model: &Model) -> Value {
    let mut complete = json!({
        "display_name": model.id,
        "category": model.category(),
        "description": "",
        "status": "active",
        "tags": [],
        "updated_at": DEFAULT_DATE,
        "is_favorited": false,
        "thumbnail_url": "",
        "model_url": format!("https://fal.run/{}", model.id),
        "date": DEFAULT_DATE,
        "highlighted": false,
        "pinned": false,
    });
    if let (Some(complete), Some(known)) = (complete.as_object_mut(), metadata.as_object()) {
        complete.extend(known.clone());
    }
    complete
}

/// The date at which a model was added if its document does not name it.
const DEFAULT_DATE: &str = "2026-01-01T00:00:00.000Z";
