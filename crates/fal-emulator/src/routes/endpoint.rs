//! Endpoint ids as they appear in paths, and the headers that go with a call.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, StatusCode};

use crate::app::App;
use crate::line::Priority;
use crate::models::Model;
use crate::reply::Reply;

/// An endpoint id taken apart: `[namespace/]owner/alias[/path]`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EndpointId {
    /// The whole id, in the form of the registry.
    pub(super) full: String,
    /// Without the path: what queue URLs carry after submission.
    pub(super) app: String,
}

impl EndpointId {
    /// Reads an id; the older `123-alias` means `123/alias`.
    pub(super) fn parse(path: &str) -> Option<Self> {
        let full = normalised(path.trim_matches('/'));
        let namespaced = ["workflows", "comfy"].contains(&full.split('/').next()?);
        let segments: Vec<&str> = full.split('/').collect();
        let app_length = if namespaced { 3 } else { 2 };
        if segments.len() < app_length || segments.iter().any(|segment| segment.is_empty()) {
            return None;
        }
        let app = segments[..app_length].join("/");
        Some(Self { full, app })
    }

    /// The alias: what fal calls the application in its messages.
    fn alias(&self) -> &str {
        self.app.rsplit('/').next().unwrap_or_default()
    }

    /// What tokens may call the endpoint: its alias, its app, its id with or without the route.
    pub(super) fn names(&self) -> [&str; 4] {
        let model = self.full.strip_suffix("/realtime").or_else(|| self.full.strip_suffix("/stream"));
        [self.alias(), &self.app, &self.full, model.unwrap_or(&self.full)]
    }

    /// What the id leads to: a model, an endpoint that only a script knows (`None`), or a path
    /// that a known app does not have.
    ///
    /// # Errors
    ///
    /// 404 when there is no such app.
    pub(super) fn find(&self, app: &App) -> Result<Result<Option<Arc<Model>>, Reply>, Reply> {
        if let Some(model) = app.models.get(&self.full) {
            return Ok(Ok(Some(Arc::clone(model))));
        }
        if app.behaviours.know(&self.full) {
            return Ok(Ok(None));
        }
        if !app.models.has_app(&self.app) {
            return Err(unknown(self.alias()));
        }
        let path = self.full.strip_prefix(&self.app).unwrap_or_default();
        let path = if path.is_empty() { "/" } else { path };
        Ok(Err(Reply::detail(StatusCode::NOT_FOUND, format!("Path {path} not found")).units(0)))
    }
}

fn normalised(id: &str) -> String {
    match id.split_once('-') {
        Some((owner, alias))
            if !id.contains('/') && !owner.is_empty() && owner.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            format!("{owner}/{alias}")
        }
        _ => id.to_owned(),
    }
}

pub(super) fn unknown(name: &str) -> Reply {
    Reply::detail(StatusCode::NOT_FOUND, format!("Application \"{name}\" not found")).units(0)
}

/// The caller's limit on the time until a runner starts.
///
/// # Errors
///
/// 400 when the header is not a number of seconds over 0.1.
pub(super) fn start_timeout(headers: &HeaderMap) -> Result<Option<Duration>, Reply> {
    let Some(value) = headers.get("x-fal-request-timeout") else {
        return Ok(None);
    };
    let seconds = value.to_str().ok().and_then(|text| text.trim().parse::<f64>().ok());
    seconds
        .filter(|seconds| *seconds > 0.1)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .map(Some)
        .ok_or_else(|| {
            Reply::failure(
                StatusCode::BAD_REQUEST,
                "bad_request",
                "X-Fal-Request-Timeout must be a number of seconds greater than 0.1",
            )
        })
}

/// Whether the call may wait behind others.
///
/// # Errors
///
/// 400 when the header is neither `normal` nor `low`.
pub(super) fn priority(headers: &HeaderMap) -> Result<Priority, Reply> {
    match headers.get("x-fal-queue-priority").map(HeaderValue::as_bytes) {
        None | Some(b"normal") => Ok(Priority::Normal),
        Some(b"low") => Ok(Priority::Low),
        Some(_) => Err(Reply::failure(
            StatusCode::BAD_REQUEST,
            "bad_request",
            "X-Fal-Queue-Priority must be normal or low",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn app(path: &str) -> Option<(String, String)> {
        EndpointId::parse(path).map(|id| (id.full, id.app))
    }

    #[test]
    fn ids_are_taken_apart() {
        let pair = |full: &str, app: &str| Some((full.to_owned(), app.to_owned()));
        assert_eq!(app("fal-ai/flux/dev"), pair("fal-ai/flux/dev", "fal-ai/flux"));
        assert_eq!(app("fal-ai/whisper/"), pair("fal-ai/whisper", "fal-ai/whisper"));
        assert_eq!(app("workflows/me/wf/x"), pair("workflows/me/wf/x", "workflows/me/wf"));
        assert_eq!(app("comfy/me/wf"), pair("comfy/me/wf", "comfy/me/wf"));
        assert_eq!(app("123-my-app"), pair("123/my-app", "123/my-app"));
        for bad in ["", "flux", "fal-ai//dev", "workflows/me", "my-app"] {
            assert_eq!(app(bad), None, "{bad}");
        }
    }

    #[test]
    fn start_timeouts_are_seconds() {
        let read = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-fal-request-timeout", HeaderValue::from_str(text).unwrap());
            start_timeout(&headers).ok().flatten()
        };
        assert_eq!(read("30"), Some(Duration::from_secs(30)));
        assert_eq!(read("30.0"), Some(Duration::from_secs(30)));
        for bad in ["", "soon", "-1", "0.1", "nan", "inf", "1e300"] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(start_timeout(&HeaderMap::new()).ok(), Some(None));
    }
}
