//! The REST service of storage: the initiation of uploads, tokens for the CDN, and access to files.

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
/// The lifetime that a CDN token states. The emulator accepts it as long as it runs.
const TOKEN_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// The lifetime of a signed URL if the caller names none, in seconds.
const DEFAULT_SIGNED_SECONDS: u64 = 24 * 60 * 60;
/// The longest lifetime of a signed URL, in seconds.
const MAX_SIGNED_SECONDS: u64 = 7 * 24 * 60 * 60;

type BodyResult = Result<Bytes, BytesRejection>;

/// Handles `POST /rest/storage/upload/initiate`: returns the URL for the upload, and the URL of the file.
pub(super) async fn initiate(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: BodyResult,
) -> Result<Reply, Reply> {
    let path = app.store.reserve(initiated_upload(&app, &headers, body)?);
    let base = app.base_urls(&headers);
    Ok(Reply::ok(json!({
        "upload_url": format!("{}/upload/{path}", base.cdn()),
        "file_url": format!("{}/files/{path}", base.cdn()),
    })))
}

/// Handles `POST /rest/storage/upload/initiate-multipart`: returns the URL for the parts, and the URL of the file.
pub(super) async fn initiate_multipart(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: BodyResult,
) -> Result<Reply, Reply> {
    let (path, id) = app.store.start_multipart(initiated_upload(&app, &headers, body)?);
    let url = format!("{}/files/{path}", app.base_urls(&headers).cdn());
    Ok(Reply::ok(json!({"upload_url": format!("{url}/multipart/{id}"), "file_url": url})))
}

/// Checks the key of an initiation and parses its body.
fn initiated_upload(app: &App, headers: &HeaderMap, body: BodyResult) -> Result<UploadMetadata, Reply> {
    auth::check_key(app, headers, "storage")?;
    app.scripts.account.check_lock()?;
    let request = json_body(body)?;
    Ok(UploadMetadata {
        name: string_member(&request, "file_name", DEFAULT_NAME)?,
        content_type: string_member(&request, "content_type", DEFAULT_TYPE)?,
        lifecycle: lifecycle(app, headers)?,
    })
}

/// Handles `POST /rest/storage/auth/token`: returns a token for the CDN.
pub(super) async fn token(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Reply, Reply> {
    auth::check_key(&app, &headers, "storage")?;
    app.scripts.account.check_lock()?;
    Ok(Reply::ok(json!({
        "token": app.cdn_token,
        "token_type": "Bearer",
        "base_url": app.base_urls(&headers).cdn(),
        "expires_at": format_iso8601(SystemTime::now() + TOKEN_LIFETIME),
    })))
}

/// Handles `GET …/storage/files/acl?url=…`: returns the access rules of a file.
pub(super) async fn acl(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Result<Reply, Reply> {
    auth::check_key(&app, &headers, "storage")?;
    let file = app.store.get(&file_path(&parameters)?).ok_or_else(file_not_found)?;
    Ok(Reply::ok(file.acl.to_json()))
}

/// Handles `PUT …/storage/files/acl?url=…`: replaces the access rules of a file.
pub(super) async fn set_acl(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: BodyResult,
) -> Result<Reply, Reply> {
    auth::check_key(&app, &headers, "storage")?;
    let path = file_path(&parameters)?;
    let request = json_body(body)?;
    let acl = Acl::parse(&request).map_err(|part| invalid_value(&request, part))?;
    let reply = Reply::ok(acl.to_json());
    if !app.store.set_acl(&path, acl) {
        return Err(file_not_found());
    }
    app.store.archive(&path).await;
    Ok(reply)
}

/// Handles `POST …/v1/storage/files/sign?url=…`: returns a URL that opens a restricted file for a limited time.
pub(super) async fn sign(
    State(app): State<Arc<App>>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: BodyResult,
) -> Result<Reply, Reply> {
    auth::check_key(&app, &headers, "storage")?;
    let path = file_path(&parameters)?;
    Ok(Reply::ok(json!({"signed_url": sign_url(&app, &headers, &path, body, "expiration_seconds")?})))
}

/// Handles `POST /cdn/files/…/sign`: returns such a URL as text.
pub(super) fn sign_at_cdn(
    app: &App,
    headers: &HeaderMap,
    path: &str,
    body: Bytes,
) -> Result<Response, Reply> {
    auth::check_upload(app, headers)?;
    Ok(sign_url(app, headers, path, Ok(body), "duration")?.into_response())
}

/// Creates a URL that opens a file for the time that `name` in the body asks for.
fn sign_url(
    app: &App,
    headers: &HeaderMap,
    path: &str,
    body: BodyResult,
    name: &'static str,
) -> Result<String, Reply> {
    app.store.get(path).ok_or_else(file_not_found)?;
    let body = body.map_err(|rejection| body_error(&rejection))?;
    let request =
        if body.is_empty() { json!({}) } else { validate::parse_body(&body).map_err(Reply::invalid)? };
    let seconds = match request.get(name) {
        None | Some(Value::Null) => DEFAULT_SIGNED_SECONDS,
        Some(seconds) => seconds
            .as_u64()
            .filter(|seconds| (1..=MAX_SIGNED_SECONDS).contains(seconds))
            .ok_or_else(|| invalid_value(&request, name))?,
    };
    let token = app.tokens.issue(&[path.to_owned()], Duration::from_secs(seconds), app.scope.as_deref());
    Ok(format!("{}/files/{path}?identity={token}", app.base_urls(headers).cdn()))
}

/// Handles `GET /platform/v1/storage/settings`: returns the settings of the account.
pub(super) async fn settings(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Reply, Reply> {
    auth::check_key(&app, &headers, "storage")?;
    Ok(Reply::ok(app.store.settings().to_json()))
}

/// Handles `PUT /platform/v1/storage/settings`: replaces all settings of the account.
pub(super) async fn set_settings(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    body: BodyResult,
) -> Result<Reply, Reply> {
    auth::check_key(&app, &headers, "storage")?;
    let request = json_body(body)?;
    let settings = Lifecycle::parse(&request).map_err(|part| invalid_value(&request, part))?;
    app.store.set_settings(settings.clone());
    Ok(Reply::ok(settings.to_json()))
}

/// Parses the lifecycle that an upload sets for its file, under either name of the header. The account's settings are
/// the defaults.
///
/// # Errors
///
/// Returns a 400 if the header is not valid.
pub(super) fn lifecycle(app: &App, headers: &HeaderMap) -> Result<Lifecycle, Reply> {
    let sent = ["x-fal-object-lifecycle", "x-fal-object-lifecycle-preference"]
        .iter()
        .find_map(|name| headers.get(*name))
        .map(|value| serde_json::from_slice(value.as_bytes()).unwrap_or_default());
    let mut lifecycle = match sent {
        Some(value) => Lifecycle::parse(&value).map_err(|part| {
            let text = format!("X-Fal-Object-Lifecycle is not valid: {part}");
            Reply::detail(StatusCode::BAD_REQUEST, text)
        })?,
        None => Lifecycle::default(),
    };
    lifecycle.scope.clone_from(&app.scope);
    Ok(lifecycle.with_defaults(&app.store.settings()))
}

fn file_not_found() -> Reply {
    Reply::detail(StatusCode::NOT_FOUND, "File not found")
}

/// Returns the path of the file that the parameter `url` names.
fn file_path(parameters: &Parameters) -> Result<String, Reply> {
    let url = parameters.get("url").ok_or_else(|| {
        let missing =
            json!({"type": "missing", "loc": ["query", "url"], "msg": "Field required", "input": null});
        Reply::invalid(vec![missing])
    })?;
    store::path_in_url(url).map(str::to_owned).ok_or_else(file_not_found)
}

fn json_body(body: BodyResult) -> Result<Value, Reply> {
    let body = body.map_err(|rejection| body_error(&rejection))?;
    validate::parse_body(&body).map_err(Reply::invalid)
}

/// Creates a 422 for a member of a body with an invalid value.
fn invalid_value(request: &Value, part: &str) -> Reply {
    let text = format!("Invalid {part}");
    Reply::invalid(vec![json!({"type": "value_error", "loc": ["body", part], "msg": text, "input": request})])
}

/// Returns a string member of a body, or the default if it is absent or empty.
fn string_member(request: &Value, name: &str, default: &str) -> Result<String, Reply> {
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
