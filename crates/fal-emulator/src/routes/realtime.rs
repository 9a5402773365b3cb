//! The opening of WebSockets: `GET /run/{id}/realtime` and `GET /ws/{id}…`.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::{Duration, SystemTime};

use axum::body::Bytes;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Extension, Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

use super::endpoint::{find_model, parse_id};
use super::parameters::Parameters;
use super::{auth, not_found, over_ws};
use crate::app::App;
use crate::endpoint_id::EndpointId;
use crate::models::{Model, RealtimeRoute};
use crate::realtime::{self, RealtimeSession};
use crate::recent_calls::{CallKind, Refusal};
use crate::reply::Reply;
use crate::script::Interruption;

/// The largest message that is accepted, in bytes.
const MESSAGE_LIMIT: usize = 64 << 20;

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;

/// Upgrades realtime routes. Like fal's run host, it answers any other upgrade with a close frame.
pub(super) async fn run(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    interruption: Option<Extension<Interruption>>,
    upgrade: Upgrade,
) -> Response {
    let Ok(upgrade) = upgrade else {
        return get(&app, &path, &headers).unwrap_or_else(|refusal| refusal).into_response();
    };
    let request = UpgradeRequest { path: &path, parameters: &parameters, headers: &headers, interruption };
    open(app, upgrade, request, false).unwrap_or_else(Reply::into_response)
}

/// Answers a `GET` that is no WebSocket: with the document of the user's own app, which FastAPI serves too.
fn get(app: &App, path: &str, headers: &HeaderMap) -> Result<Reply, Reply> {
    let id = parse_id(path)?;
    if let Some(owner) = id.full.strip_suffix("/openapi.json")
        && let Some((_, own)) = app.models.own_app(owner).filter(|(known, _)| *known == owner)
    {
        auth::check_endpoint(app, headers, &id)?;
        return Ok(Reply::ok(own.document.clone()));
    }
    app.unknown_models.note_method("GET", &id.full, &app.models);
    Ok(not_found::method_not_allowed())
}

/// Upgrades requests to the emulator's own prefix for WebSockets: to realtime connections for realtime routes, and to
/// HTTP over WebSocket for others.
pub(super) async fn ws(
    State(app): State<Arc<App>>,
    Path(path): Path<String>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    interruption: Option<Extension<Interruption>>,
    upgrade: Upgrade,
) -> Response {
    let Ok(upgrade) = upgrade else {
        let text = "This path takes WebSocket connections only";
        return Reply::detail(StatusCode::UPGRADE_REQUIRED, text).into_response();
    };
    let request = UpgradeRequest { path: &path, parameters: &parameters, headers: &headers, interruption };
    open(app, upgrade, request, true).unwrap_or_else(Reply::into_response)
}

/// The request that opens a connection.
struct UpgradeRequest<'a> {
    path: &'a str,
    parameters: &'a Parameters,
    headers: &'a HeaderMap,
    interruption: Option<Extension<Interruption>>,
}

fn open(
    app: Arc<App>,
    upgrade: WebSocketUpgrade,
    request: UpgradeRequest<'_>,
    allows_http: bool,
) -> Result<Response, Reply> {
    let UpgradeRequest { path, parameters, headers, interruption } = request;
    let id = parse_id(path)?;
    if !app.models.has_app(&id.app) {
        return find_model(&app, &id)?.map(|_| StatusCode::NOT_FOUND.into_response());
    }
    let max_buffering = max_buffering(parameters)?;
    let upgrade = upgrade.max_message_size(MESSAGE_LIMIT).max_frame_size(MESSAGE_LIMIT);
    let token_lifetime = match parameters.get("fal_jwt_token") {
        // The gateway upgrades before it checks the token, so a refusal is a message.
        Some(token) => match app.tokens.check(token, &id.token_names()) {
            Ok(expires) => Some(expires.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO)),
            Err(_) => {
                let id = note_refusal(&app, &id, headers, 401, "The token is not valid for this app");
                return Ok(super::run::with_request_id(upgrade.on_upgrade(realtime::refuse_caller), &id));
            }
        },
        None => {
            auth::check_endpoint(&app, headers, &id)?;
            None
        }
    };
    app.scripts.account.check_lock()?;
    let urls = app.base_urls(headers);
    if let Some((model, route)) = find_realtime_route(&app, &id) {
        let record = app.recent_calls.begin(CallKind::Realtime, &model.id, headers, &Bytes::new());
        let request_id = record.request_id.clone();
        let sent = AtomicU32::new(0);
        let interruption = interruption.map(|Extension(interruption)| interruption);
        let billing_unit = app.billing.price(&model.id).unit;
        let session = RealtimeSession {
            settings: app.realtime,
            clock: Arc::clone(&app.clock),
            behaviours: Arc::clone(&app.scripts.behaviours),
            store: Arc::clone(&app.store),
            model,
            route,
            urls,
            max_buffering,
            token_lifetime,
            interruption,
            record,
            billing_unit,
            random_seeds: app.random_seeds,
            sent,
        };
        let response = upgrade.on_upgrade(|socket| session.serve(socket));
        return Ok(super::run::with_request_id(response, &request_id));
    }
    if allows_http && !id.full.ends_with("/realtime") {
        let (path, headers) = (path.to_owned(), headers.clone());
        return Ok(upgrade.on_upgrade(|socket| over_ws::serve(app, socket, path, headers)));
    }
    let id = note_refusal(&app, &id, headers, 404, "The endpoint has no realtime route");
    Ok(super::run::with_request_id(upgrade.on_upgrade(realtime::refuse_route), &id))
}

/// Adds a connection to the list of calls that is closed right after it was opened. Returns its id.
fn note_refusal(app: &App, id: &EndpointId, headers: &HeaderMap, status: u16, why: &str) -> String {
    let request_id = uuid::Uuid::new_v4().to_string();
    let refusal = Refusal {
        reply: Some((status, json!({"detail": why}))),
        request_id: Some(request_id.clone()),
        why: None,
    };
    app.recent_calls.add_refused(CallKind::Realtime, &id.full, headers, &Bytes::new(), refusal);
    request_id
}

/// Returns the model and the realtime route of an endpoint, if it is one.
fn find_realtime_route(app: &App, id: &EndpointId) -> Option<(Arc<Model>, RealtimeRoute)> {
    let route = |model: Arc<Model>| {
        let route = model.realtime()?;
        Some((model, route))
    };
    let itself = app.models.get(&id.full).cloned().and_then(route);
    let below = || {
        let model = app.models.get(id.full.strip_suffix("/realtime")?)?;
        Some((Arc::clone(model), model.realtime_below()?))
    };
    itself.or_else(below).or_else(|| route(app.models.find(&id.full)?))
}

/// Parses the caller's limit on the number of waiting inputs.
fn max_buffering(parameters: &Parameters) -> Result<Option<usize>, Reply> {
    let Some(text) = parameters.get("max_buffering") else {
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
