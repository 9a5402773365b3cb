//! The updates of a request as server-sent events, for the page of an app.

use std::{convert::Infallible, time::Duration};

use axum_core::{body::Body, response::Response};
use futures_util::stream;
use http::{HeaderValue, header};
use serde_json::json;

use super::Updates;

/// The time without an update after which a comment keeps the connection open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

impl Updates {
    /// Answers a request of a web page with the updates as server-sent events. With the feature `axum`.
    ///
    /// Each update is an event `update` with its JSON, such as `{"status": "running", "request_id": "764…", "logs": []}`. The
    /// response ends after the update `completed`, or after an event `error` with `{"message": "…"}`. A comment every 15 s
    /// keeps proxies from closing it.
    ///
    /// ```
    /// use axum::{Router, extract::{Path, State}, response::Response, routing::get};
    /// use fal_client::Client;
    ///
    /// async fn progress(State(client): State<Client>, Path(id): Path<String>) -> Response {
    ///     client.endpoint_id("fal-ai/flux/dev").job(id).updates().into_sse()
    /// }
    ///
    /// fn app(client: Client) -> Router {
    ///     Router::new().route("/jobs/{id}/progress", get(progress)).with_state(client)
    /// }
    /// ```
    #[must_use]
    pub fn into_sse(self) -> Response {
        let events = stream::unfold(Some(self), |updates| async {
            let mut updates = updates?;
            let next = match tokio::time::timeout(KEEP_ALIVE, updates.next()).await {
                Err(_) => (":\n\n".to_owned(), Some(updates)),
                Ok(None) => return None,
                Ok(Some(Ok(update))) => (event("update", &update), Some(updates)),
                Ok(Some(Err(error))) => (event("error", &json!({ "message": error.to_string() })), None),
            };
            Some((Ok::<_, Infallible>(next.0), next.1))
        });
        let mut response = Response::new(Body::from_stream(events));
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        response
    }
}

/// Returns an event. JSON has no line breaks, which would end its data.
fn event(name: &str, data: &impl serde::Serialize) -> String {
    match serde_json::to_string(data) {
        Ok(data) => format!("event: {name}\ndata: {data}\n\n"),
        Err(error) => format!(": {error}\n\n").replace('\r', " "),
    }
}
