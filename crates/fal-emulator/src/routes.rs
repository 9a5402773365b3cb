//! The services, each under its own prefix.

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{any, get, post, put};

use crate::app::App;
use crate::reply::{REQUEST_ID, Reply};

mod auth;
mod cdn;
mod endpoint;
mod not_found;
mod over_ws;
mod platform;
mod query;
mod queue;
mod range;
mod realtime;
mod run;
mod storage;
mod stream;
mod tokens;

/// The largest JSON body that is read, in bytes.
const JSON_LIMIT: usize = 10 << 20;
/// The largest file that is taken, in bytes.
const UPLOAD_LIMIT: usize = 256 << 20;

pub(crate) fn router(app: Arc<App>) -> Router {
    let uploads = Router::new()
        .route("/cdn/upload/{*path}", put(storage::put))
        .route("/cdn/files/upload", post(storage::upload))
        .layer(DefaultBodyLimit::max(UPLOAD_LIMIT));
    Router::new()
        .route("/run/{*id}", post(run::run).get(realtime::run))
        .route("/ws/{*id}", any(realtime::ws))
        .route("/queue/{*path}", any(queue::queue))
        .route("/rest/storage/upload/initiate", post(storage::initiate))
        .route("/rest/storage/auth/token", post(storage::token))
        .route("/rest/tokens", post(tokens::alias))
        .route("/rest/tokens/", post(tokens::alias))
        .route("/rest/tokens/realtime", post(tokens::realtime))
        .route("/cdn/files/{*path}", get(cdn::get))
        .route("/platform/v1/models", get(platform::models))
        .layer(DefaultBodyLimit::max(JSON_LIMIT))
        .merge(uploads)
        .fallback(not_found::not_found)
        .method_not_allowed_fallback(not_found::method)
        .layer(middleware::from_fn(common_headers))
        .with_state(app)
}

/// What every reply carries: a request id, and leave for browsers to read it from any page.
async fn common_headers(request: Request, next: Next) -> Response {
    const ALLOWED: [(HeaderName, &str); 3] = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "*, authorization"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, POST, PUT, DELETE, OPTIONS"),
    ];
    let mut response = if request.method() == Method::OPTIONS {
        StatusCode::NO_CONTENT.into_response()
    } else {
        next.run(request).await
    };
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
    response
}

/// The reply to a body that could not be taken, in fal's shape.
fn unreadable(rejection: &axum::extract::rejection::BytesRejection) -> Reply {
    let status = rejection.status();
    if status == StatusCode::PAYLOAD_TOO_LARGE {
        let limits = format!(
            "The body is too large: fal-emulator takes {} MiB of JSON and files of {} MiB",
            JSON_LIMIT >> 20,
            UPLOAD_LIMIT >> 20
        );
        return Reply::detail(status, limits);
    }
    Reply::detail(status, rejection.body_text())
}
