//! The layer that answers from a recording, or from the real service while it is recorded.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

use super::intercept::with_headers;
use crate::app::App;
use crate::recording::Answer;
use crate::reply::Reply;
use crate::script::{RequestKind, classify};

/// The paths, in addition to those of [`RequestKind::UploadInitiate`], at which clients begin an upload.
const UPLOAD_STARTS: [&str; 3] =
    ["/rest/storage/auth/token", "/cdn/files/upload", "/cdn/files/upload/multipart"];

pub(super) async fn answer(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Some(recording) = &app.recording else {
        return next.run(request).await;
    };
    if let Err(refusal) = check_account(&app, &request) {
        return with_headers(refusal);
    }
    let scheme = app.scheme(request.headers());
    match recording.answer(request, app.scope.as_deref(), scheme).await {
        Answer::Reply(response) => response,
        Answer::Synthesize(request) => next.run(request).await,
    }
}

/// Checks that the account may send a request. The routes check it too, but recorded requests do not get there.
///
/// # Errors
///
/// Returns a 403 or a 429.
fn check_account(app: &App, request: &Request) -> Result<(), Reply> {
    use RequestKind::{Realtime, Run, Stream, Submit, UploadInitiate, WebSocket};

    let path = request.uri().path();
    let account = &app.scripts.account;
    match classify(request.method(), path).0 {
        Run | Stream | Submit => account.admit_call(),
        Realtime | WebSocket | UploadInitiate => account.check_lock(),
        _ if UPLOAD_STARTS.contains(&path) && *request.method() == Method::POST => account.check_lock(),
        _ => Ok(()),
    }
}
