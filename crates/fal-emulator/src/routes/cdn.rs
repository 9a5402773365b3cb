//! Files of the CDN: `GET` and `HEAD /cdn/files/…`, whole or in part.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use super::range::{self, Range};
use crate::app::App;
use crate::reply::Reply;

/// No key is asked for: files are public, as they are at fal by default.
pub(super) async fn get(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Some(file) = app.store.get(&path) else {
        return Reply::detail(StatusCode::NOT_FOUND, "File not found").into_response();
    };
    let length = file.bytes.len();
    let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    let (status, bytes, extent) = match range::parse(asked, length) {
        Range::Whole => (StatusCode::OK, file.bytes.clone(), None),
        Range::Part { from, to } => (
            StatusCode::PARTIAL_CONTENT,
            file.bytes.slice(from..=to),
            Some(format!("bytes {from}-{to}/{length}")),
        ),
        Range::Beyond => {
            let empty = bytes::Bytes::new();
            (StatusCode::RANGE_NOT_SATISFIABLE, empty, Some(format!("bytes */{length}")))
        }
    };
    let mut response = (status, bytes).into_response();
    let reply = response.headers_mut();
    let unknown = HeaderValue::from_static("application/octet-stream");
    let content_type = HeaderValue::from_str(&file.content_type).unwrap_or(unknown);
    reply.insert(header::CONTENT_TYPE, content_type);
    reply.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    // Uploaded pages must not run as this origin's.
    reply.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(extent) = extent.and_then(|extent| HeaderValue::from_str(&extent).ok()) {
        reply.insert(header::CONTENT_RANGE, extent);
    }
    response
}
