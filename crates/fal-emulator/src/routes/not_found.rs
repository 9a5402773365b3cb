//! Replies to unknown paths and methods.

use axum::http::{StatusCode, Uri};

use crate::reply::Reply;

/// Handles requests to unknown paths.
pub(super) async fn fallback(uri: Uri) -> Reply {
    unknown_path(uri.path())
}

/// Handles requests with a method that their path does not support.
pub(super) async fn method_fallback() -> Reply {
    method_not_allowed()
}

pub(super) fn unknown_path(path: &str) -> Reply {
    let text = format!(
        "Path {path} not found; fal-emulator serves /run/<endpoint id>, /queue/<endpoint id>, \
         /ws/<endpoint id>, /rest/storage, /rest/tokens, /cdn/files, /platform/v1/models"
    );
    Reply::detail(StatusCode::NOT_FOUND, text)
}

pub(super) fn method_not_allowed() -> Reply {
    Reply::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}
