//! Files of the CDN: `GET` and `HEAD /cdn/files/…`, whole or in part.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::auth;
use super::parameters::Parameters;
use super::range::{self, Range};
use crate::app::App;
use crate::media;
use crate::reply::Reply;
use crate::store::{Decision, StoredFile};

/// Handles `GET /cdn/files/…`.
///
/// No key is checked unless the file has access rules. Files are public by default, as at fal.
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let not_found = || Reply::detail(StatusCode::NOT_FOUND, "File not found").into_response();
    let Some(file) = fetch(&app, &path).await else {
        return not_found();
    };
    let is_signed = parameters.get("identity").is_some_and(|token| app.tokens.check(token, &[&path]).is_ok());
    match file.acl.decide(auth::is_account(&app, &headers)) {
        _ if is_signed => send(&file, &headers),
        Decision::Allow => send(&file, &headers),
        Decision::Forbid => Reply::detail(StatusCode::FORBIDDEN, "Forbidden").into_response(),
        Decision::Hide => not_found(),
    }
}

/// Returns a file, whose bytes may have to be made first. As many files as there are cores are made at a time.
async fn fetch(app: &App, path: &str) -> Option<Arc<StoredFile>> {
    if !app.store.needs_drawing(path) {
        return app.store.get(path);
    }
    let (store, path) = (Arc::clone(&app.store), path.to_owned());
    media::on_drawing_thread(move || store.get(&path)).await.flatten()
}

/// Sends a file, or the range of it that the request asks for.
fn send(file: &StoredFile, headers: &HeaderMap) -> Response {
    let length = file.content.length();
    let etag = format!("\"{}\"", file.content.etag());
    let sent = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if sent(header::IF_NONE_MATCH)
        .is_some_and(|tags| tags == "*" || tags.split(',').any(|tag| tag.trim() == etag))
    {
        return with_headers(StatusCode::NOT_MODIFIED.into_response(), file, &etag);
    }
    // A client that has a part of another version needs the whole file.
    let is_same = sent(header::IF_RANGE).is_none_or(|tag| tag.trim() == etag);
    let requested = sent(header::RANGE).filter(|_| is_same);
    let (status, body, extent) = match range::parse(requested, length) {
        Range::Whole => (StatusCode::OK, (0, length), None),
        Range::Part { from, to } => {
            (StatusCode::PARTIAL_CONTENT, (from, to - from + 1), Some(format!("bytes {from}-{to}/{length}")))
        }
        Range::Beyond => (StatusCode::RANGE_NOT_SATISFIABLE, (0, 0), Some(format!("bytes */{length}"))),
    };
    let (from, count) = body;
    let mut response =
        (status, if count == 0 { Body::empty() } else { file.content.stream_range(from, count) })
            .into_response();
    let reply = response.headers_mut();
    reply.insert(header::CONTENT_LENGTH, HeaderValue::from(count));
    if let Some(extent) = extent.and_then(|extent| HeaderValue::from_str(&extent).ok()) {
        reply.insert(header::CONTENT_RANGE, extent);
    }
    with_headers(response, file, &etag)
}

/// Adds the headers of a file.
fn with_headers(mut response: Response, file: &StoredFile, etag: &str) -> Response {
    let reply = response.headers_mut();
    let unknown = HeaderValue::from_static("application/octet-stream");
    reply.insert(header::CONTENT_TYPE, HeaderValue::from_str(&file.content_type).unwrap_or(unknown));
    reply.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // An uploaded page must not run scripts with the emulator's origin.
    reply.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    reply.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    if let Ok(etag) = HeaderValue::from_str(etag) {
        reply.insert(header::ETAG, etag);
    }
    if let Ok(name) =
        HeaderValue::from_str(&format!("inline; filename*=UTF-8''{}", percent_encode(&file.name)))
    {
        reply.insert(header::CONTENT_DISPOSITION, name);
    }
    response
}

/// Encodes a file name by RFC 8187.
fn percent_encode(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            write!(text, "%{byte:02X}").ok();
        }
    }
    text
}
