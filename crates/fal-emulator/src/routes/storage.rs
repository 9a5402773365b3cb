//! The REST service of storage: where to upload to, tokens for it, who may read what.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};

use super::parameters::Parameters;
use super::{auth, body_error};
use crate::app::App;
use crate::clock::format_iso8601;
use crate::reply::Reply;
use crate::store::{self, Acl, Lifecycle, UploadMetadata};
use crate::validate;

pub(super) const DEFAULT_TYPE: &str = "application/octet-stream";
pub(super) const DEFAULT_NAME: &str = "upload.bin";
/// How long a CDN token says it is good for; the emulator accepts it as long as it runs.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a signed URL is good for unless it is said, and at most, in seconds.
const SIGNED_LIFE: (u64, u64) = (24 * 60 * 60, 7 * 24 * 60 * 60);

type Read = Result<Bytes, BytesRejection>;

/// `POST /rest/storage/upload/initiate`: where to put a file and where it will be found.
pub(super) async fn initiate(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Read,
) -> Result<Reply, Reply> {
    let path = app.store.reserve(announced(&app, &headers, body)?);
    let base = app.base_urls(&headers);
    Ok(Reply::ok(json!({
        "upload_url": format!("{}/upload/{path}", base.cdn()),
        "file_url": format!("{}/files/{path}", base.cdn()),
    })))
}

/// `POST /rest/storage/upload/initiate-multipart`: where to put the parts of a file.
pub(super) async fn initiate_multipart(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Read,
) -> Result<Reply, Reply> {
    let (path, id) = app.store.start_multipart(announced(&app, &headers, body)?);
    let url = format!("{}/files/{path}", app.base_urls(&headers).cdn());
    Ok(Reply::ok(json!({"upload_url": format!("{url}/multipart/{id}"), "file_url": url})))
}

fn announced(app: &App, headers: &HeaderMap, body: Read) -> Result<UploadMetadata, Reply> {
    auth::check_key(app, headers, "storage")?;
    let request = json_body(body)?;
    Ok(UploadMetadata {
        name: text(&request, "file_name", DEFAULT_NAME)?,
        content_type: text(&request, "content_type", DEFAULT_TYPE)?,
        lifecycle: lifecycle(app, headers)?,
    })
}

/// `POST /rest/storage/auth/token`: a token for the CDN.
pub(super) async fn token(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Reply, Reply> {
    auth::check_key(&app, &headers, "storage")?;
    Ok(Reply::ok(json!({
        "token": app.cdn_token,
        "token_type": "Bearer",
        "base_url": app.base_urls(&headers).cdn(),
        "expires_at": format_iso8601(SystemTime::now() + TOKEN_LIFE),
    })))
}

/// `GET …/storage/files/acl?url=…`
pub(super) async fn acl(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Reply, Reply> {
    auth::check_key(&app, &headers, "storage")?;
    let file = app.store.get(&file_path(&parameters)?).ok_or_else(missing)?;
    Ok(Reply::ok(file.acl.to_json()))
}

/// `PUT …/storage/files/acl?url=…`
pub(super) async fn set_acl(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Read,
) -> Result<Reply, Reply> {
    auth::check_key(&app, &headers, "storage")?;
    let path = file_path(&parameters)?;
    let request = json_body(body)?;
    let acl = Acl::parse(&request).map_err(|part| wrong(&request, part))?;
    let reply = Reply::ok(acl.to_json());
    if !app.store.set_acl(&path, acl) {
        return Err(missing());
    }
    app.store.archive(&path).await;
    Ok(reply)
}

/// `POST …/v1/storage/files/sign?url=…`: a URL that opens a restricted file for a while.
pub(super) async fn sign(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Read,
) -> Result<Reply, Reply> {
    auth::check_key(&app, &headers, "storage")?;
    let path = file_path(&parameters)?;
    Ok(Reply::ok(json!({"signed_url": signed(&app, &headers, &path, body, "expiration_seconds")?})))
}

/// `POST /cdn/files/…/sign`: the same as text.
pub(super) fn sign_at_cdn(
    app: &App,
    headers: &HeaderMap,
    path: &str,
    body: Bytes,
) -> Result<Response, Reply> {
    auth::check_upload(app, headers)?;
    Ok(signed(app, headers, path, Ok(body), "duration")?.into_response())
}

fn signed(
    app: &App,
    headers: &HeaderMap,
    path: &str,
    body: Read,
    life: &'static str,
) -> Result<String, Reply> {
    app.store.get(path).ok_or_else(missing)?;
    let body = body.map_err(|rejection| body_error(&rejection))?;
    let request =
        if body.is_empty() { json!({}) } else { validate::parse_body(&body).map_err(Reply::invalid)? };
    let seconds = match request.get(life) {
        None | Some(Value::Null) => SIGNED_LIFE.0,
        Some(seconds) => seconds
            .as_u64()
            .filter(|seconds| (1..=SIGNED_LIFE.1).contains(seconds))
            .ok_or_else(|| wrong(&request, life))?,
    };
    let token = app.tokens.issue(&[path.to_owned()], Duration::from_secs(seconds));
    Ok(format!("{}/files/{path}?identity={token}", app.base_urls(headers).cdn()))
}

/// `GET /platform/v1/storage/settings`
pub(super) async fn settings(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Reply, Reply> {
    auth::check_key(&app, &headers, "storage")?;
    Ok(Reply::ok(app.store.settings().to_json()))
}

/// `PUT /platform/v1/storage/settings`: replaces all of them.
pub(super) async fn set_settings(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: Read,
) -> Result<Reply, Reply> {
    auth::check_key(&app, &headers, "storage")?;
    let request = json_body(body)?;
    let settings = Lifecycle::parse(&request).map_err(|part| wrong(&request, part))?;
    app.store.set_settings(settings.clone());
    Ok(Reply::ok(settings.to_json()))
}

/// What an upload says about its file, under either name of the header.
pub(super) fn lifecycle(app: &App, headers: &HeaderMap) -> Result<Lifecycle, Reply> {
    let sent = ["x-fal-object-lifecycle", "x-fal-object-lifecycle-preference"]
        .iter()
        .find_map(|name| headers.get(*name))
        .map(|value| serde_json::from_slice(value.as_bytes()).unwrap_or_default());
    let said = match sent {
        Some(value) => Lifecycle::parse(&value).map_err(|part| {
            let text = format!("X-Fal-Object-Lifecycle is not understood: {part}");
            Reply::detail(StatusCode::BAD_REQUEST, text)
        })?,
        None => Lifecycle::default(),
    };
    Ok(said.with_defaults(&app.store.settings()))
}

pub(super) fn missing() -> Reply {
    Reply::detail(StatusCode::NOT_FOUND, "File not found")
}

fn file_path(parameters: &Parameters) -> Result<String, Reply> {
    let url = parameters.get("url").ok_or_else(|| {
        let missing =
            json!({"type": "missing", "loc": ["query", "url"], "msg": "Field required", "input": null});
        Reply::invalid(vec![missing])
    })?;
    store::path_in_url(url).map(str::to_owned).ok_or_else(missing)
}

fn json_body(body: Read) -> Result<Value, Reply> {
    let body = body.map_err(|rejection| body_error(&rejection))?;
    validate::parse_body(&body).map_err(Reply::invalid)
}

fn wrong(request: &Value, part: &str) -> Reply {
    let text = format!("Invalid {part}");
    Reply::invalid(vec![json!({"type": "value_error", "loc": ["body", part], "msg": text, "input": request})])
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
