//! The layer that answers from a recording, or from the real service while it is recorded.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::app::App;
use crate::recording::Answer;

pub(super) async fn answer(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let Some(recording) = &app.recording else {
        return next.run(request).await;
    };
    let scheme = app.scheme(request.headers());
    match recording.answer(request, app.scope.as_deref(), scheme).await {
        Answer::Reply(response) => response,
        Answer::Synthesize(request) => next.run(request).await,
    }
}
