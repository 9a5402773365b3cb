//! `GET /rest/.well-known/jwks.json`: the keys that sign webhooks.

use std::sync::Arc;

use axum::extract::State;

use crate::app::App;
use crate::reply::Reply;

pub(super) async fn jwks(State(app): State<Arc<App>>) -> Reply {
    Reply::ok(app.webhooks.key_set())
}
