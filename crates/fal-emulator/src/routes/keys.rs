//! The keys of the account, as the platform API creates, lists and deletes them.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::parameters::Parameters;
use super::platform::{MAX_LIMIT, check_key, error, invalid, page};
use super::usage::{USER, expansions};
use crate::account_keys::AccountKey;
use crate::app::App;
use crate::clock::format_iso8601;
use crate::reply::Reply;

/// The longest name of a key, in characters.
const MAX_ALIAS: usize = 200;

/// Handles `GET /platform/v1/keys`.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Reply, Reply> {
    check_key(&app, &headers)?;
    let with_creator = !expansions(&parameters, &["creator_info"], &[])?.is_empty();
    let keys = app.keys.list();
    let page = page(&parameters, &keys, MAX_LIMIT)?;
    let entry = |key: &AccountKey| {
        let mut record = json!({
            "key_id": key.id, "alias": key.alias, "scope": "API", "created_at": format_iso8601(key.created_at),
        });
        if with_creator {
            record["creator_nickname"] = json!(USER);
            record["creator_email"] = json!("user@example.com");
        }
        record
    };
    Ok(page.reply("keys", page.entries.iter().map(entry).collect()))
}

/// Handles `POST /platform/v1/keys`. The new key is accepted where a key is required.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Reply, Reply> {
    check_key(&app, &headers)?;
    let body: Value = serde_json::from_slice(&body).map_err(|_| invalid("the body is not JSON"))?;
    let alias = body.get("alias").and_then(Value::as_str);
    let alias = alias
        .filter(|alias| (1..=MAX_ALIAS).contains(&alias.chars().count()))
        .ok_or_else(|| invalid(&format!("alias: expected a text of 1 to {MAX_ALIAS} characters")))?;
    let key = app.keys.create(alias).ok_or_else(|| {
        error(StatusCode::BAD_REQUEST, "validation_error", "there are too many keys; delete some")
    })?;
    let body = json!({
        "key_id": key.id, "key_secret": key.secret(), "key": format!("{}:{}", key.id, key.secret()),
    });
    Ok(Reply::new(StatusCode::CREATED, body))
}

/// Handles `DELETE /platform/v1/keys/{key_id}`, also of a key that does not exist.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Reply> {
    check_key(&app, &headers)?;
    app.keys.delete(&id);
    Ok(StatusCode::NO_CONTENT.into_response())
}
