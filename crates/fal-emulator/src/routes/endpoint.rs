//! The endpoint that a request calls, and the headers that go with the call.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, StatusCode};

use crate::app::App;
use crate::endpoint_id::EndpointId;
use crate::models::Model;
use crate::queue::Priority;
use crate::reply::Reply;

/// Parses the endpoint id of a path.
///
/// # Errors
///
/// Returns a 404 if the path is not an endpoint id.
pub(super) fn parse_id(path: &str) -> Result<EndpointId, Reply> {
    EndpointId::parse(path).ok_or_else(|| unknown_app(path))
}

/// Looks up the model of an endpoint. `Ok(Ok(None))` is an endpoint that only a script knows.
///
/// # Errors
///
/// Returns a 404 if there is no such app, or `Ok` with the app's own 404 if the app does not have the path. The
/// gateway reports the first before it checks the key; the second comes from the runner.
pub(super) fn find_model(app: &App, id: &EndpointId) -> Result<Result<Option<Arc<Model>>, Reply>, Reply> {
    if let Some(model) = app.models.get(&id.full).filter(|model| !model.is_web_socket_only()) {
        return Ok(Ok(Some(Arc::clone(model))));
    }
    if app.scripts.behaviours.contains(&id.full) {
        return Ok(Ok(None));
    }
    if let Some(generic) = app.models.find(&id.full).filter(|model| !model.is_web_socket_only()) {
        return Ok(Ok(Some(generic)));
    }
    app.unknown_models.note(&id.full, &app.models);
    if !app.models.has_app(&id.app) {
        return Err(unknown_app(id.alias()));
    }
    let path = id.full.strip_prefix(&id.app).unwrap_or_default();
    let path = if path.is_empty() { "/" } else { path };
    let text = format!("Path {path} not found");
    Ok(Err(Reply::detail(StatusCode::NOT_FOUND, text).with_billable_units(0)))
}

fn unknown_app(name: &str) -> Reply {
    let text = format!("Application \"{name}\" not found");
    Reply::detail(StatusCode::NOT_FOUND, text).with_billable_units(0)
}

/// Parses the caller's limit on the time until a runner starts. The deprecated header counts only without the new one.
///
/// # Errors
///
/// Returns a 400 if the header is not a number of seconds greater than 0.1.
pub(super) fn start_timeout(headers: &HeaderMap) -> Result<Option<Duration>, Reply> {
    let names = ["X-Fal-Request-Start-Timeout", "X-Fal-Request-Timeout"];
    let Some((name, value)) = names.iter().find_map(|name| Some((name, headers.get(*name)?))) else {
        return Ok(None);
    };
    let seconds = value.to_str().ok().and_then(|text| text.trim().parse::<f64>().ok());
    seconds
        .filter(|seconds| *seconds > 0.1)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .map(Some)
        .ok_or_else(|| {
            let text = format!("{name} must be a number of seconds greater than 0.1");
            Reply::failure(StatusCode::BAD_REQUEST, "bad_request", text)
        })
}

/// Parses the priority of a request in the queue. Unknown priorities are ignored.
pub(super) fn priority(headers: &HeaderMap) -> Priority {
    match headers.get("x-fal-queue-priority").map(HeaderValue::as_bytes) {
        Some(b"low") => Priority::Low,
        _ => Priority::Normal,
    }
}

/// Returns false if the caller asks to store neither the input nor the output.
pub(super) fn stores_payloads(headers: &HeaderMap) -> bool {
    headers.get("x-fal-store-io").is_none_or(|value| value.as_bytes().trim_ascii() != b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_timeout_is_a_number_of_seconds() {
        let parse = |text: &str| {
            let parse = |name: &'static str| {
                let mut headers = HeaderMap::new();
                headers.insert(name, HeaderValue::from_str(text).unwrap());
                start_timeout(&headers).ok().flatten()
            };
            let timeout = parse("x-fal-request-start-timeout");
            assert_eq!(parse("x-fal-request-timeout"), timeout);
            timeout
        };
        assert_eq!(parse("30"), Some(Duration::from_secs(30)));
        assert_eq!(parse("30.0"), Some(Duration::from_secs(30)));
        for bad in ["", "soon", "-1", "0.1", "nan", "inf", "1e300"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
        assert_eq!(start_timeout(&HeaderMap::new()).ok(), Some(None));
    }

    #[test]
    fn the_new_start_timeout_wins_over_the_deprecated_one() {
        for old in ["0.5", "soon"] {
            let mut headers = HeaderMap::new();
            headers.insert("x-fal-request-timeout", HeaderValue::from_static(old));
            headers.insert("x-fal-request-start-timeout", HeaderValue::from_static("60"));
            assert_eq!(start_timeout(&headers).ok().flatten(), Some(Duration::from_secs(60)));
        }
    }
}
