//! Tokens: `POST /rest/tokens/` as the clients ask, `POST /rest/tokens/realtime` as the documentation does.

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

/// How long a token is good for when the caller does not say.
const LIFE: u64 = 120;

/// Answers with the token as a bare JSON string.
pub(super) async fn alias(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Reply, Reply> {
    Ok(Reply::ok(json!(token(&app, &headers, body, "token_expiration")?)))
}

/// Answers with `{"token": …}`.
pub(super) async fn realtime(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Reply, Reply> {
    Ok(Reply::ok(json!({"token": token(&app, &headers, body, "duration")?})))
}

fn token(
    app: &App,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
    life: &'static str,
) -> Result<String, Reply> {
    auth::check_key(app, headers, "tokens")?;
    let body = body.map_err(|rejection| body_error(&rejection))?;
    let request = validate::parse_body(&body).map_err(Reply::invalid)?;
    let apps = request
        .get("allowed_apps")
        .and_then(Value::as_array)
        .and_then(|apps| apps.iter().map(|app| app.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>())
        .ok_or_else(|| refused(&request, "allowed_apps", "list_type", "Input should be a valid list"))?;
    let seconds = match request.get(life) {
        None | Some(Value::Null) => LIFE,
        Some(seconds) => seconds
            .as_u64()
            .ok_or_else(|| refused(&request, life, "int_type", "Input should be a valid integer"))?,
    };
    Ok(app.tokens.issue(&apps, Duration::from_secs(seconds)))
}

fn refused(request: &Value, name: &'static str, kind: &'static str, text: &'static str) -> Reply {
    Reply::invalid(vec![match request.get(name) {
        Some(input) => json!({"type": kind, "loc": ["body", name], "msg": text, "input": input}),
        None => json!({"type": "missing", "loc": ["body", name], "msg": "Field required", "input": request}),
    }])
}
