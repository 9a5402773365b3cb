//! Paths and methods that lead nowhere.

use axum::http::{StatusCode, Uri};

use crate::reply::Reply;

pub(super) async fn not_found(uri: Uri) -> Reply {
    unknown_path(uri.path())
}

pub(super) async fn method() -> Reply {
    wrong_method()
}

pub(super) fn unknown_path(path: &str) -> Reply {
    let text = format!(
        "Path {path} not found; fal-emulator serves /run/<endpoint id>, /queue/<endpoint id>, \
         /ws/<endpoint id>, /rest/storage, /rest/tokens, /cdn/files, /platform/v1/models"
    );
    Reply::detail(StatusCode::NOT_FOUND, text)
}

pub(super) fn wrong_method() -> Reply {
    Reply::detail(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
}
