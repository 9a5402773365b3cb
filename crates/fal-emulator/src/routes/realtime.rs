//! WebSocket upgrades: `GET /run/{id}/realtime` and `GET /ws/{id}…`.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, SystemTime};

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::endpoint::{EndpointId, unknown};
use super::{auth, not_found, over_ws, query};
use crate::app::App;
use crate::journal::Way;
use crate::models::Model;
use crate::protocol::RealtimeRoute;
use crate::realtime::{self, RealtimeSession};
use crate::reply::Reply;
use crate::script::Interruption;

/// The largest message that is taken, in bytes.
const MESSAGE_LIMIT: usize = 64 << 20;

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// fal's run host upgrades realtime routes, and answers everything else that asks for a WebSocket with a close.
pub(super) async fn run(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    interruption: Option<Extension<Interruption>>,
    upgrade: Upgrade,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return not_found::wrong_method().into_response();
    };
    let query = query.unwrap_or_default();
    let asked = Asked { path: &path, query: &query, headers: &headers, interruption };
    open(app, upgrade, asked, false).unwrap_or_else(Reply::into_response)
}

/// The emulator's own prefix for WebSockets: realtime for the routes that are, HTTP over WebSocket for others.
pub(super) async fn ws(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    interruption: Option<Extension<Interruption>>,
    upgrade: Upgrade,
) -> Response {
    let Ok(upgrade) = upgrade else {
        let text = "This path takes WebSocket connections only";
        return Reply::detail(StatusCode::UPGRADE_REQUIRED, text).into_response();
    };
    let query = query.unwrap_or_default();
    let asked = Asked { path: &path, query: &query, headers: &headers, interruption };
    open(app, upgrade, asked, true).unwrap_or_else(Reply::into_response)
}

/// What a connection is asked for with.
struct Asked<'a> {
    path: &'a str,
    query: &'a str,
    headers: &'a HeaderMap,
    interruption: Option<Extension<Interruption>>,
}

fn open(
    app: Arc<App>,
    upgrade: WebSocketUpgrade,
    asked: Asked<'_>,
    over_ws: bool,
) -> Result<Response, Reply> {
    let Asked { path, query, headers, interruption } = asked;
    let id = EndpointId::parse(path).ok_or_else(|| unknown(path))?;
    if !app.models.has_app(&id.app) {
        return id.find(&app)?.map(|_| StatusCode::NOT_FOUND.into_response());
    }
    let max_buffering = max_buffering(query)?;
    let upgrade = upgrade.max_message_size(MESSAGE_LIMIT).max_frame_size(MESSAGE_LIMIT);
    let token_lifetime = match query::value(query, "fal_jwt_token") {
        // The gateway upgrades before it looks, so refusals are messages.
        Some(token) => match app.tokens.check(&token, &id.names()) {
            Ok(expires) => Some(expires.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO)),
            Err(_) => return Ok(upgrade.on_upgrade(realtime::refuse_caller)),
        },
        None => {
            auth::check(&app, headers, &format!("application \"{}\"", id.app))?;
            None
        }
    };
    let base = app.base(headers);
    if let Some((model, route)) = find(&app, &id) {
        let entry = app.journal.begin(Way::Realtime, &model.id, headers, b"");
        let sent = AtomicU32::new(0);
        let interruption = interruption.map(|Extension(interruption)| interruption);
        let session = RealtimeSession {
            app,
            model,
            route,
            base,
            max_buffering,
            token_lifetime,
            interruption,
            entry,
            sent,
        };
        return Ok(upgrade.on_upgrade(|socket| session.serve(socket)));
    }
    if over_ws && !id.full.ends_with("/realtime") {
        let (path, headers) = (path.to_owned(), headers.clone());
        return Ok(upgrade.on_upgrade(|socket| over_ws::serve(app, socket, path, headers)));
    }
    Ok(upgrade.on_upgrade(realtime::refuse_route))
}

/// The model that a path connects to, if it is the path of a realtime route.
fn find(app: &App, id: &EndpointId) -> Option<(Arc<Model>, RealtimeRoute)> {
    let route = |model: &str| {
        let model = app.models.get(model)?;
        Some((Arc::clone(model), model.realtime()?))
    };
    route(&id.full).or_else(|| route(id.full.strip_suffix("/realtime")?))
}

fn max_buffering(query: &str) -> Result<Option<usize>, Reply> {
    let Some(text) = query::value(query, "max_buffering") else {
        return Ok(None);
    };
    match text.parse() {
        Ok(most) if (1..=60).contains(&most) => Ok(Some(most)),
        _ => {
            let text = "max_buffering must be a whole number from 1 to 60";
            Err(Reply::failure(StatusCode::BAD_REQUEST, "bad_request", text))
        }
    }
}
