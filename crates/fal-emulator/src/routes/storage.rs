//! Uploads: the initiation and token routes of the REST service, and the CDN's own.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use serde_json::{Value, json};

use super::{auth, unreadable};
use crate::app::App;
use crate::clock;
use crate::reply::Reply;
use crate::store::File;
use crate::validate;

const DEFAULT_TYPE: &str = "application/octet-stream";
const DEFAULT_NAME: &str = "upload.bin";
/// How long a CDN token says it is good for; the emulator accepts it as long as it runs.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// `POST /rest/storage/upload/initiate`: where to put a file and where it will be found.
pub(super) async fn initiate(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Reply, Reply> {
    auth::check(&app, &headers, "storage")?;
    let body = body.map_err(|rejection| unreadable(&rejection))?;
    let request = validate::body(&body).map_err(Reply::invalid)?;
    let name = text(&request, "file_name", DEFAULT_NAME)?;
    let content_type = text(&request, "content_type", DEFAULT_TYPE)?;
    let path = app.store.announce(&name, content_type);
    let base = app.base(&headers);
    Ok(Reply::ok(json!({
        "upload_url": format!("{base}/cdn/upload/{path}"),
        "file_url": format!("{base}/cdn/files/{path}"),
    })))
}

/// `PUT <upload_url>`: the bytes. No key is asked for: the URL is the permission.
pub(super) async fn put(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Reply, Reply> {
    let body = body.map_err(|rejection| unreadable(&rejection))?;
    if app.store.fill(&path, content_type(&headers), body) {
        Ok(Reply::ok(json!({})))
    } else {
        Err(Reply::detail(StatusCode::NOT_FOUND, "Upload not found; initiate it first"))
    }
}

/// `POST /rest/storage/auth/token`: a token for the CDN.
pub(super) async fn token(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Reply, Reply> {
    auth::check(&app, &headers, "storage")?;
    Ok(Reply::ok(json!({
        "token": app.cdn_token,
        "token_type": "Bearer",
        "base_url": format!("{}/cdn", app.base(&headers)),
        "expires_at": clock::iso8601(SystemTime::now() + TOKEN_LIFE),
    })))
}

/// `POST /cdn/files/upload`: a whole file at once.
pub(super) async fn upload(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Reply, Reply> {
    auth::check_upload(&app, &headers)?;
    let bytes = body.map_err(|rejection| unreadable(&rejection))?;
    let name = headers.get("x-fal-file-name").and_then(|name| name.to_str().ok());
    let content_type = content_type(&headers).unwrap_or_else(|| DEFAULT_TYPE.to_owned());
    let path = app.store.add(name.unwrap_or(DEFAULT_NAME), File { content_type, bytes });
    Ok(Reply::ok(json!({"access_url": format!("{}/cdn/files/{path}", app.base(&headers))})))
}

/// A type that can be sent back as a header later.
fn content_type(headers: &HeaderMap) -> Option<String> {
    headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).map(str::to_owned)
}

/// A string property, or its default when it is absent or empty.
fn text(request: &Value, name: &str, default: &str) -> Result<String, Reply> {
    match request.get(name) {
        None | Some(Value::Null) => Ok(default.to_owned()),
        Some(Value::String(text)) if text.is_empty() => Ok(default.to_owned()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(Reply::invalid(vec![json!({
            "type": "string_type", "loc": ["body", name],
            "msg": "Input should be a valid string", "input": other,
        })])),
    }
}
