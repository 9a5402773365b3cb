//! `GET /rest/.well-known/jwks.json`: the keys that webhooks are signed with.

use std::sync::Arc;

use axum::extract::State;

use crate::app::App;
use crate::reply::Reply;

pub(super) async fn keys(State(app): State<Arc<App>>) -> Reply {
    Reply::ok(app.hooks.keys.set())
}
