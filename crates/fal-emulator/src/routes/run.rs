//! Direct calls: `POST /run/{id}`, and streams.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};

use super::endpoint::{EndpointId, start_timeout, unknown};
use super::{auth, stream, unreadable};
use crate::app::App;
use crate::engine;
use crate::reply::Reply;

pub(super) async fn run(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let query = query.unwrap_or_default();
    reply(app, &path, &query, &headers, body).await.unwrap_or_else(|refusal| refusal.into_response())
}

/// A call without a query, for transports of their own.
pub(super) async fn call(app: Arc<App>, path: &str, headers: &HeaderMap, body: Bytes) -> Response {
    reply(app, path, "", headers, Ok(body)).await.unwrap_or_else(|refusal| refusal.into_response())
}

async fn reply(
    app: Arc<App>,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Reply> {
    let id = EndpointId::parse(path).ok_or_else(|| unknown(path))?;
    if let Some(model) = stream::find(&app, &id) {
        auth::check_caller(&app, headers, query, &id)?;
        let body = body.map_err(|rejection| unreadable(&rejection))?;
        let input = engine::check(&model, &body)?;
        let base = app.base(headers);
        return Ok(stream::reply(app, model, input, base));
    }
    let model = id.find(&app)?;
    auth::check(&app, headers, &format!("application \"{}\"", id.app))?;
    let model = model?;
    // A direct call has a runner at once, so the limit can be wrong but never pass.
    start_timeout(headers)?;
    let body = body.map_err(|rejection| unreadable(&rejection))?;
    let input = engine::check(&model, &body)?;
    let base = app.base(headers);
    tokio::time::sleep(app.pace.run_time()).await;
    Ok(engine::answer(app, model, input, base).await.into_response())
}
