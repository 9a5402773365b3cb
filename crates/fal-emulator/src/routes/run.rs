//! Direct calls: `POST /run/{id}`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::HeaderMap;

use super::endpoint::{EndpointId, start_timeout, unknown};
use super::{auth, unreadable};
use crate::app::App;
use crate::engine;
use crate::reply::Reply;

pub(super) async fn run(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Reply {
    reply(app, &path, &headers, body).await.unwrap_or_else(|refusal| refusal)
}

async fn reply(
    app: Arc<App>,
    path: &str,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Reply, Reply> {
    let id = EndpointId::parse(path).ok_or_else(|| unknown(path))?;
    let model = id.find(&app)?;
    auth::check(&app, headers, &format!("application \"{}\"", id.app))?;
    let model = model?;
    // A direct call has a runner at once, so the limit can be wrong but never pass.
    start_timeout(headers)?;
    let body = body.map_err(|rejection| unreadable(&rejection))?;
    let input = engine::check(&model, &body)?;
    let base = app.base(headers);
    tokio::time::sleep(app.pace.run_time()).await;
    Ok(engine::answer(app, model, input, base).await)
}
