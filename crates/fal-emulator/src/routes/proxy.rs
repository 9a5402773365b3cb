//! The server-side proxy for browser apps, as fal's libraries provide it: it calls the URL in `x-fal-target-url` and
//! adds the key.

use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::future::poll_fn;
use tower_service::Service as _;

use super::not_found;
use crate::app::App;

const TARGET: HeaderName = HeaderName::from_static("x-fal-target-url");
/// The hosts that may be called, and the path prefix of each.
const HOSTS: [(&str, &str); 3] = [("fal.run", "/run"), ("queue.fal.run", "/queue"), ("rest.fal.ai", "/rest")];
/// The paths of the REST service that fal's own proxy lets through.
const REST_PATHS: [&str; 2] = ["/rest/storage/upload/initiate", "/rest/storage/upload/complete-multipart"];

/// The state of the proxy route.
#[derive(Clone)]
pub(super) struct Proxy {
    pub(super) app: Arc<App>,
    /// The routes that can be called.
    pub(super) services: Router,
}

/// Handles `GET`, `POST` and `PUT /proxy`.
pub(super) async fn proxy(State(proxy): State<Proxy>, request: Request) -> Response {
    if ![Method::GET, Method::POST, Method::PUT].contains(request.method()) {
        return not_found::method_not_allowed().into_response();
    }
    let refusal = || (StatusCode::BAD_REQUEST, "Invalid request").into_response();
    let target = request.headers().get(TARGET).and_then(|target| target.to_str().ok()).and_then(local_uri);
    let Some(target) = target else {
        return refusal();
    };
    let (parts, body) = request.into_parts();
    let mut forwarded = Request::new(body);
    *forwarded.method_mut() = parts.method;
    *forwarded.uri_mut() = target;
    *forwarded.extensions_mut() = parts.extensions;
    *forwarded.headers_mut() = forwarded_headers(&proxy.app, &parts.headers);
    call(proxy.services, forwarded).await
}

/// Returns the path of a target on the emulator. `None` if the proxy must not call it.
fn local_uri(target: &str) -> Option<Uri> {
    let target: Uri = target.parse().ok()?;
    let (_, prefix) = HOSTS
        .iter()
        .find(|(host, _)| target.authority().map(|authority| authority.as_str()) == Some(*host))?;
    let path = format!("{prefix}{}", target.path_and_query()?);
    let local: Uri = path.parse().ok()?;
    (*prefix != "/rest" || REST_PATHS.contains(&local.path())).then_some(local)
}

/// Returns the headers that fal's proxy sends: the platform headers of the caller, fixed types, and the key.
fn forwarded_headers(app: &App, sent: &HeaderMap) -> HeaderMap {
    let mut headers: HeaderMap = sent
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("x-fal-") && **name != TARGET)
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for name in [header::HOST, header::ORIGIN, header::CONTENT_LENGTH, header::AUTHORIZATION] {
        if let Some(value) = sent.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::ACCEPT, json.clone());
    headers.insert(header::CONTENT_TYPE, json);
    if let Some(key) = &app.key
        && let Ok(key) = HeaderValue::from_str(&format!("Key {key}"))
    {
        headers.entry(header::AUTHORIZATION).or_insert(key);
    }
    headers
}

/// Calls the routes of the emulator.
async fn call(mut services: Router, request: Request<Body>) -> Response {
    let ready = |context: &mut Context<'_>| -> Poll<Result<(), std::convert::Infallible>> {
        tower_service::Service::<Request<Body>>::poll_ready(&mut services, context)
    };
    let called = match poll_fn(ready).await {
        Ok(()) => services.call(request).await,
        Err(never) => match never {},
    };
    called.unwrap_or_else(|never| match never {})
}

#[cfg(test)]
mod tests {
    use super::local_uri;

    #[test]
    fn only_hosts_and_paths_of_fal_are_called() {
        let path = |target| local_uri(target).map(|uri| uri.to_string());
        assert_eq!(path("https://fal.run/a/b?x=1").as_deref(), Some("/run/a/b?x=1"));
        assert_eq!(
            path("https://queue.fal.run/a/b/requests/1/status").as_deref(),
            Some("/queue/a/b/requests/1/status")
        );
        let initiate = "https://rest.fal.ai/storage/upload/initiate?storage_type=fal-cdn-v3";
        assert!(path(initiate).is_some());
        for bad in [
            "",
            "/run/a/b",
            "http://",
            "https://rest.fal.ai/tokens/",
            "https://notfal.run/a",
            "https://fal.run.evil/a",
            "https://fal.run:8443/a",
            "https://user@fal.run/a",
            "https://v3.fal.media/files/x",
        ] {
            assert_eq!(path(bad), None, "{bad}");
        }
    }
}
