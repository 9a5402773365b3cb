//! The ways to call a model besides direct calls and the queue: streams and realtime connections.

use std::time::Duration;

use serde_json::Value;

use super::model::Model;
use super::route::StreamFormat;

/// A realtime route as its document describes it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RealtimeRoute {
    pub(crate) mode: RealtimeMode,
    /// The largest number of inputs that wait. If there are more, the oldest is dropped.
    pub(crate) buffering: Option<usize>,
    /// The time after which a connection without inputs is closed.
    pub(crate) session_timeout: Option<Duration>,
}

/// The pattern of inputs and outputs on a realtime route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum RealtimeMode {
    /// One output for each input.
    #[default]
    Unary,
    /// Several outputs for one input.
    ServerStreaming,
    /// One output after the last input.
    ClientStreaming,
    /// Inputs and outputs in any order. The emulator sends one output for each input.
    Bidi,
}

/// The app that fal's documentation of realtime connections uses. Its document does not mention them.
const REALTIME_APP: [&str; 2] = ["fal-ai", "fast-lcm-diffusion"];

impl Model {
    /// Returns true if `<id>/stream` is answered with events.
    pub(crate) fn streams(&self) -> bool {
        let metadata = self.metadata.as_ref().and_then(|metadata| metadata.get("stream_url"));
        metadata.is_some_and(|url| url.as_str().is_some_and(|url| !url.is_empty()))
            || self.id.starts_with("workflows/")
            || self.path(&format!("/{}/stream", self.id)).is_some()
    }

    /// Returns true if the endpoint itself is a stream, so that a call is answered with events.
    pub(crate) fn is_stream(&self) -> bool {
        self.stream.is_some() || self.id.ends_with("/stream") && self.realtime().is_none()
    }

    /// Returns the form of the events if a call is answered with a stream.
    pub(crate) fn stream_format(&self) -> StreamFormat {
        self.stream.unwrap_or(StreamFormat::JsonEvents)
    }

    /// Returns the realtime route if the endpoint is one.
    pub(crate) fn realtime(&self) -> Option<RealtimeRoute> {
        let marked = self
            .own_paths()
            .filter_map(|path| self.path(&path)?.get("x-fal-protocol"))
            .find(|protocol| protocol.get("type").is_some_and(|kind| kind == "realtime"));
        match marked {
            Some(protocol) => Some(RealtimeRoute::parse(protocol)),
            None => self.id.ends_with("/realtime").then(|| RealtimeRoute::parse(&Value::Null)),
        }
    }

    /// Returns true if the endpoint is a WebSocket route of the user's own app, which does not exist for other requests.
    pub(crate) fn is_web_socket_only(&self) -> bool {
        let is_marked =
            |path: String| self.path(&path).is_some_and(|item| item.get("x-fal-protocol").is_some());
        self.is_own_app && is_marked(format!("/{}", self.id))
    }

    /// Returns the realtime route at `<id>/realtime`, if there is one.
    pub(crate) fn realtime_below(&self) -> Option<RealtimeRoute> {
        let is_documented = || self.id.split('/').take(2).eq(REALTIME_APP);
        self.realtime().or_else(|| is_documented().then(|| RealtimeRoute::parse(&Value::Null)))
    }

    /// Returns the paths that may describe this endpoint, in a document of the queue or of the app.
    fn own_paths(&self) -> impl Iterator<Item = String> {
        let ends = self.id.match_indices('/').skip(1).map(|(at, _)| self.id[at..].to_owned());
        [format!("/{}", self.id), format!("/{}/realtime", self.id)].into_iter().chain(ends)
    }

    fn path(&self, path: &str) -> Option<&Value> {
        self.openapi.get("paths")?.get(path)
    }
}

impl RealtimeRoute {
    /// Parses the `x-fal-protocol` of a path. Null stands for the default.
    fn parse(protocol: &Value) -> Self {
        let config = |name: &str| protocol.get("config").and_then(|config| config.get(name));
        let mode = match protocol.get("realtimeMode").and_then(Value::as_str) {
            Some("server_streaming") => RealtimeMode::ServerStreaming,
            Some("client_streaming") => RealtimeMode::ClientStreaming,
            Some("bidi") => RealtimeMode::Bidi,
            _ => RealtimeMode::Unary,
        };
        Self {
            mode,
            buffering: config("buffering")
                .and_then(Value::as_u64)
                .and_then(|most| usize::try_from(most).ok()),
            session_timeout: config("sessionTimeout")
                .and_then(Value::as_f64)
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn model(id: &str, paths: Value, metadata: Value) -> Model {
        let operation = json!({
            "requestBody": {"content": {"application/json": {"schema": {}}}},
            "responses": {"200": {"content": {"application/json": {"schema": {}}}}},
        });
        let mut document = json!({"paths": {"/": {"post": operation}}});
        for (path, item) in paths.as_object().unwrap() {
            document["paths"][path] = item.clone();
        }
        let record = json!({"endpoint_id": id, "metadata": metadata, "openapi": document});
        Model::parse(record).unwrap().unwrap()
    }

    #[test]
    fn a_stream_is_known_by_metadata_path_or_workflow() {
        let no = json!({});
        assert!(!model("acme/a", no.clone(), no.clone()).streams());
        assert!(!model("acme/a", no.clone(), json!({"stream_url": ""})).streams());
        assert!(model("acme/a", no.clone(), json!({"stream_url": "/stream"})).streams());
        assert!(model("acme/a", json!({"/acme/a/stream": {}}), no.clone()).streams());
        assert!(model("workflows/acme/a", no.clone(), no.clone()).streams());
        assert!(model("acme/a/stream", no.clone(), no.clone()).is_stream());
        assert!(!model("acme/a", no.clone(), no).is_stream());
    }

    #[test]
    fn realtime_routes_are_parsed_with_their_settings() {
        let protocol = json!({"type": "realtime", "realtimeMode": "server_streaming",
            "config": {"buffering": 5, "sessionTimeout": 2.0, "maxBatchSize": 1}});
        let route = model("acme/a/live/fast", json!({"/live/fast": {"x-fal-protocol": protocol}}), json!({}));
        let expected = RealtimeRoute {
            mode: RealtimeMode::ServerStreaming,
            buffering: Some(5),
            session_timeout: Some(Duration::from_secs(2)),
        };
        assert_eq!(route.realtime(), Some(expected));
        let raw = json!({"/ws": {"x-fal-protocol": {"type": "websocket"}}});
        assert_eq!(model("acme/a/ws", raw, json!({})).realtime(), None);
        assert_eq!(model("acme/a", json!({}), json!({})).realtime(), None);
        let plain = model("acme/a/realtime", json!({}), json!({})).realtime().unwrap();
        assert_eq!((plain.mode, plain.buffering), (RealtimeMode::Unary, None));
    }
}
