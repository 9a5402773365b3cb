//! The routes of all services, each under its own path prefix.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, delete, get, post, put};
use serde_json::json;

use self::proxy::Proxy;
use self::scopes::Scopes;
use crate::app::App;
use crate::percent;
use crate::reply::{REQUEST_ID, Reply};

mod admin;
mod analytics;
mod auth;
mod cdn;
mod endpoint;
mod history;
mod intercept;
mod jwks;
mod keys;
mod not_found;
mod openai_stream;
mod over_ws;
mod page;
mod parameters;
mod period;
mod platform;
mod pricing;
mod proxy;
mod queue;
mod range;
mod realtime;
mod recording;
mod run;
mod scopes;
mod status_stream;
mod storage;
mod stream;
mod time_series;
mod tokens;
mod upload;
mod usage;

/// The largest JSON body that is accepted, in bytes.
const JSON_LIMIT: usize = 10 << 20;

/// Creates the router of the emulator, which passes each request on to its scope. `ca` is the certificate that clients
/// have to trust, as PEM.
pub(crate) fn router(app: Arc<App>, ca: Option<String>) -> Router {
    let scopes = Arc::new(Scopes::new(Arc::clone(&app), ca.clone()));
    single_router(app, ca).layer(middleware::from_fn_with_state(scopes, scopes::dispatch))
}

/// Creates the router of one scope, or of requests without one: the services, the proxy, the web page and the admin
/// routes.
fn single_router(app: Arc<App>, ca: Option<String>) -> Router {
    let services = services(Arc::clone(&app));
    Router::new()
        .route("/proxy", any(proxy::proxy))
        .layer(middleware::from_fn(common_headers))
        .with_state(Proxy { app: Arc::clone(&app), services: services.clone() })
        .merge(page::router().merge(admin::router(ca)).with_state(app))
        .route("/health", get(health))
        .fallback_service(services)
}

/// Answers that the emulator is ready.
async fn health() -> Reply {
    Reply::ok(json!({"status": "ok", "version": env!("CARGO_PKG_VERSION")}))
}

fn services(app: Arc<App>) -> Router {
    let services = Router::new()
        .route("/run/{*id}", post(run::run).get(realtime::run))
        .route("/ws/{*id}", any(realtime::ws))
        .route("/queue/{*path}", any(queue::queue))
        .merge(rest())
        .merge(cdn())
        .merge(platform())
        .layer(DefaultBodyLimit::max(JSON_LIMIT))
        .fallback(not_found::fallback)
        .method_not_allowed_fallback(not_found::method_fallback)
        .layer(middleware::from_fn(common_headers));
    let services = match &app.recording {
        Some(_) => services.layer(middleware::from_fn_with_state(Arc::clone(&app), recording::answer)),
        None => services,
    };
    services.layer(middleware::from_fn_with_state(Arc::clone(&app), intercept::intercept)).with_state(app)
}

fn rest() -> Router<Arc<App>> {
    Router::new()
        .route("/rest/storage/upload/initiate", post(storage::initiate))
        .route("/rest/storage/upload/initiate-multipart", post(storage::initiate_multipart))
        .route("/rest/storage/auth/token", post(storage::token))
        .route("/rest/storage/files/acl", get(storage::acl).put(storage::set_acl))
        .route("/rest/.well-known/jwks.json", get(jwks::jwks))
        .route("/rest/tokens", post(tokens::issue_text))
        .route("/rest/tokens/", post(tokens::issue_text))
        .route("/rest/tokens/realtime", post(tokens::issue_json))
}

/// Returns the routes of the CDN. Its uploads are not limited by [`JSON_LIMIT`] but by the total space for uploads.
fn cdn() -> Router<Arc<App>> {
    Router::new()
        .route("/cdn/upload/{*path}", put(upload::put))
        .route("/cdn/files/upload", post(upload::upload_file))
        .route("/cdn/files/upload/multipart", post(upload::initiate_multipart))
        .route(
            "/cdn/files/{*path}",
            get(cdn::get)
                .put(upload::handle_file_url)
                .post(upload::handle_file_url)
                .delete(upload::handle_file_url),
        )
}

fn platform() -> Router<Arc<App>> {
    Router::new()
        .route("/api/openapi/queue/openapi.json", get(platform::document))
        .route("/platform/v1/meta", get(platform::meta))
        .route("/platform/v1/models", get(platform::models))
        .route("/platform/v1/models/pricing", get(pricing::prices))
        .route("/platform/v1/models/pricing/estimate", post(pricing::estimate))
        .route("/platform/v1/models/requests/by-endpoint", get(history::requests))
        .route("/platform/v1/models/usage", get(usage::usage))
        .route("/platform/v1/models/billing-events", get(usage::billing_events))
        .route("/platform/v1/models/analytics", get(analytics::analytics))
        .route("/platform/v1/account/billing", get(usage::account))
        .route("/platform/v1/keys", get(keys::list).post(keys::create))
        .route("/platform/v1/keys/{key_id}", delete(keys::delete))
        .route("/platform/v1/storage/files/acl", get(storage::acl).put(storage::set_acl))
        .route("/platform/v1/storage/files/sign", post(storage::sign))
        .route("/platform/v1/storage/settings", get(storage::settings).put(storage::set_settings))
}

/// Adds a request id and CORS headers to every response. The latter let pages of any site read it.
async fn common_headers(request: Request, next: Next) -> Response {
    let mut response = if request.method() == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else if !is_utf8(request.uri().path()) {
        Reply::detail(StatusCode::BAD_REQUEST, "The path is not UTF-8").into_response()
    } else {
        next.run(request).await
    };
    add_common_headers(&mut response);
    response
}

/// Adds a request id, unless there is one, and CORS headers.
fn add_common_headers(response: &mut Response) {
    const ALLOWED: [(HeaderName, &str); 4] = [
        (header::ACCESS_CONTROL_MAX_AGE, "86400"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "*, authorization"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
    ];
    let headers = response.headers_mut();
    for (name, value) in ALLOWED {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("*"));
    if !headers.contains_key(REQUEST_ID)
        && let Ok(id) = HeaderValue::from_str(&uuid::Uuid::new_v4().to_string())
    {
        headers.insert(REQUEST_ID, id);
    }
}

/// Returns true if the decoded path is UTF-8.
fn is_utf8(path: &str) -> bool {
    !path.contains('%') || String::from_utf8(percent::decode(path)).is_ok()
}

/// Creates the reply to a body that could not be read, in fal's shape.
fn body_error(rejection: &axum::extract::rejection::BytesRejection) -> Reply {
    let status = rejection.status();
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large();
    }
    Reply::detail(status, rejection.body_text())
}

fn too_large() -> Reply {
    let limits = format!("The body is too large: fal-emulator takes {} MiB of JSON", JSON_LIMIT >> 20);
    Reply::detail(StatusCode::PAYLOAD_TOO_LARGE, limits)
}
