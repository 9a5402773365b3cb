//! Tokens: `POST /rest/tokens/`, which the clients call, and `POST /rest/tokens/realtime` of the documentation.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::HeaderMap;
use serde_json::{Value, json};

use super::{auth, body_error};
use crate::app::App;
use crate::reply::Reply;
use crate::validate;

/// The lifetime of a token if the caller names none, in seconds.
const DEFAULT_SECONDS: u64 = 120;

/// Returns the token as a JSON string.
pub(super) async fn issue_text(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Reply, Reply> {
    Ok(Reply::ok(json!(issue(&app, &headers, body, "token_expiration")?)))
}

/// Returns `{"token": …}`.
pub(super) async fn issue_json(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Reply, Reply> {
    Ok(Reply::ok(json!({"token": issue(&app, &headers, body, "duration")?})))
}

/// Creates a token for the apps in the body, with the lifetime under `lifetime_name`.
fn issue(
    app: &App,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
    lifetime_name: &'static str,
) -> Result<String, Reply> {
    auth::check_key(app, headers, "tokens")?;
    let body = body.map_err(|rejection| body_error(&rejection))?;
    let request = validate::parse_body(&body).map_err(Reply::invalid)?;
    let apps = request
        .get("allowed_apps")
        .and_then(Value::as_array)
        .and_then(|apps| apps.iter().map(|app| app.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>())
        .ok_or_else(|| {
            invalid_member(&request, "allowed_apps", "list_type", "Input should be a valid list")
        })?;
    let seconds = match request.get(lifetime_name) {
        None | Some(Value::Null) => DEFAULT_SECONDS,
        Some(seconds) => seconds.as_u64().ok_or_else(|| {
            invalid_member(&request, lifetime_name, "int_type", "Input should be a valid integer")
        })?,
    };
    Ok(app.tokens.issue(&apps, Duration::from_secs(seconds), app.scope.as_deref()))
}

/// Creates a 422 for a missing or invalid member of the body.
fn invalid_member(request: &Value, name: &'static str, kind: &'static str, text: &'static str) -> Reply {
    Reply::invalid(vec![match request.get(name) {
        Some(input) => json!({"type": kind, "loc": ["body", name], "msg": text, "input": input}),
        None => json!({"type": "missing", "loc": ["body", name], "msg": "Field required", "input": request}),
    }])
}
