//! The status of a request, as the queue reports it.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    Error, ErrorKind, Result,
    json_text::{without_constants, without_mark},
    redact::{Secrets, single_line},
    transport::Response,
};

/// The status of a request.
///
/// fal knows no failed and no cancelled state: every request ends as `Completed`, and fetching its result
/// returns the failure.
///
/// A waiting caller sees each step once and in order: positions only fall, and a request that fal gives to
/// another runner stays `Running`.
///
/// Serialized as `{"status": "running", "request_id": "764…", "logs": []}`, for the events of a web page.
#[doc(alias("QueueStatus", "Status"))]
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Update {
    /// The request waits for a runner (`IN_QUEUE`).
    #[doc(alias("IN_QUEUE", "queue_position"))]
    #[non_exhaustive]
    Queued {
        /// The id of the request.
        request_id: String,
        /// The number of requests ahead of it. The next request has position 0.
        position: u32,
    },
    /// The request is on a runner (`IN_PROGRESS`).
    #[doc(alias("IN_PROGRESS", "InProgress"))]
    #[non_exhaustive]
    Running {
        /// The id of the request.
        request_id: String,
        /// The log lines, if they were asked for: all of them in the status of a [`Job`](super::Job), and those
        /// since the last update elsewhere.
        logs: Vec<Log>,
    },
    /// The request is done, well or not (`COMPLETED`).
    #[doc(alias = "COMPLETED")]
    #[non_exhaustive]
    Completed {
        /// The id of the request.
        request_id: String,
        /// The log lines, as in `Running`.
        logs: Vec<Log>,
        /// Measurements of the run.
        metrics: Metrics,
        /// The reason of a failure. The result has more details.
        error: Option<String>,
        /// The category of a failure, as in [`Error::error_type`].
        error_type: Option<String>,
    },
}

impl Update {
    /// Returns true if the request is done.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        matches!(self, Self::Completed { .. })
    }

    /// Returns the log lines of this update.
    #[must_use]
    pub fn logs(&self) -> &[Log] {
        match self {
            Self::Queued { .. } => &[],
            Self::Running { logs, .. } | Self::Completed { logs, .. } => logs,
        }
    }

    /// Returns the id of the request, by which another process can fetch the output.
    #[must_use]
    pub fn request_id(&self) -> &str {
        match self {
            Self::Queued { request_id, .. }
            | Self::Running { request_id, .. }
            | Self::Completed { request_id, .. } => request_id,
        }
    }

    /// Sets the id of the request. That of the submit counts, not that which a status repeats.
    pub(super) fn with_request_id(mut self, id: &str) -> Self {
        let (Self::Queued { request_id, .. }
        | Self::Running { request_id, .. }
        | Self::Completed { request_id, .. }) = &mut self;
        id.clone_into(request_id);
        self
    }

    /// Removes the secrets of the client, which a runner may have logged.
    pub(super) fn hide(mut self, secrets: &Secrets) -> Self {
        if let Self::Completed { error, error_type, .. } = &mut self {
            [error, error_type].into_iter().flatten().for_each(|text| secrets.remove_from(text));
        }
        for line in self.logs_mut().into_iter().flatten() {
            secrets.remove_from(&mut line.message);
        }
        self
    }

    pub(super) fn logs_mut(&mut self) -> Option<&mut Vec<Log>> {
        match self {
            Self::Queued { .. } => None,
            Self::Running { logs, .. } | Self::Completed { logs, .. } => Some(logs),
        }
    }

    /// Parses an event of the status stream. Returns `None` for one that is not a status.
    pub(super) fn parse_event(data: &[u8]) -> Option<Self> {
        match Status::parse(data)? {
            Status::Known(update) => Some(update),
            Status::Unknown(_) => None,
        }
    }

    /// Parses the response to a status request.
    pub(super) fn parse(response: &Response) -> Result<Self> {
        match Status::parse(&response.body) {
            Some(Status::Known(update)) => Ok(update),
            Some(Status::Unknown(status)) => {
                let kind = ErrorKind::Decode { path: "status".to_owned() };
                let message =
                    format!("the queue answered with the unknown status `{}`", status.escape_debug());
                Err(Error::new(kind, message).with_response(response.status, response.body.clone()))
            }
            None => {
                let missing = response.json::<StatusOnly>().err();
                Err(missing.unwrap_or_else(|| response.decode_error(serde::de::Error::custom("no status"))))
            }
        }
    }
}

/// Prints one line for people, such as `waits, 3 ahead` or `failed: no cats`.
impl fmt::Display for Update {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queued { position: 0, .. } => f.write_str("waits, next in the queue"),
            Self::Queued { position, .. } => write!(f, "waits, {position} ahead"),
            Self::Running { logs, .. } => match logs.last() {
                Some(line) => write!(f, "runs: {}", single_line(&line.message, 500)),
                None => f.write_str("runs"),
            },
            Self::Completed { error: Some(error), .. } => write!(f, "failed: {}", single_line(error, 500)),
            Self::Completed { metrics: Metrics { inference_time: Some(seconds), .. }, .. } => {
                write!(f, "completed, after running for {seconds:.1} s")
            }
            Self::Completed { .. } => f.write_str("completed"),
        }
    }
}

/// The parsed body of a status.
///
/// Only the state is required. A job that is paid for must not be lost because a log line is odd, so everything
/// else is read as far as it makes sense, and left out where it does not.
#[derive(Debug, PartialEq)]
pub(super) enum Status {
    Known(Update),
    /// A state that this version does not know. It is not an end: every end is `COMPLETED`.
    Unknown(String),
}

#[derive(Deserialize)]
struct StatusOnly {
    status: String,
}

impl Status {
    /// Returns `None` for a body that is not a status.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let mut body = parse_object(without_mark(body))?;
        let Some(Value::String(status)) = body.remove("status") else { return None };
        let mut take = |key: &str| body.remove(key).unwrap_or_default();
        let request_id = String::new(); // Its caller knows it.
        Some(Self::Known(match status.as_str() {
            "IN_QUEUE" => Update::Queued { request_id, position: parse_position(&take("queue_position")) },
            "IN_PROGRESS" => Update::Running { request_id, logs: parse_logs(take("logs")) },
            "COMPLETED" => Update::Completed {
                request_id,
                logs: parse_logs(take("logs")),
                metrics: parse_metrics(take("metrics")),
                error: text(take("error")),
                error_type: text(take("error_type")),
            },
            _ => return Some(Self::Unknown(status)),
        }))
    }
}

/// Parses an object, also one that has numbers or texts that are not JSON. What cannot be read is left out.
fn parse_object(body: &[u8]) -> Option<Map<String, Value>> {
    if let Ok(value) = serde_json::from_slice(body) {
        return if let Value::Object(object) = value { Some(object) } else { None };
    }
    let body = without_constants(body);
    // Skipping a value does not read it, so that it may be half a surrogate, too large a number, or too deep.
    serde_json::from_slice(&body).ok().or_else(|| {
        let StatusOnly { status } = serde_json::from_slice(&body).ok()?;
        Some(Map::from_iter([("status".to_owned(), status.into())]))
    })
}

fn parse_position(value: &Value) -> u32 {
    let number = match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    // Saturates: a negative number and one that is not a number are 0.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a position is approximate")]
    number.map_or(0, |number: f64| number as u32)
}

/// Reads the lines that have a text.
fn parse_logs(value: Value) -> Vec<Log> {
    let lines = match value {
        Value::Array(lines) => lines,
        Value::Null => Vec::new(),
        line => vec![line],
    };
    lines.into_iter().filter_map(Log::from_value).collect()
}

fn parse_metrics(value: Value) -> Metrics {
    let Value::Object(mut other) = value else { return Metrics::default() };
    let inference_time = match other.remove("inference_time") {
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(value) => value.as_f64(),
        None => None,
    };
    Metrics { inference_time: inference_time.filter(|seconds| seconds.is_finite()), other }
}

/// Measurements of a completed request.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[non_exhaustive]
pub struct Metrics {
    /// The run time of the model in seconds. Older apps do not report it.
    pub inference_time: Option<f64>,
    /// All other measurements.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A line that a runner logged.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub struct Log {
    /// The text of the line.
    pub message: String,
    /// `STDERR`, `STDOUT`, `ERROR`, `INFO`, `WARN` or `DEBUG`.
    pub level: Option<String>,
    /// The time at which it was written, in ISO 8601.
    pub timestamp: Option<String>,
    /// The part that wrote it, usually `USER`.
    pub source: Option<String>,
}

impl Log {
    /// Reads a line: an object with a message, or only its text. Returns `None` for what has neither.
    fn from_value(value: Value) -> Option<Self> {
        let mut line = match value {
            Value::Object(line) => line,
            value => {
                let message = text(value)?;
                return Some(Self { message, level: None, timestamp: None, source: None });
            }
        };
        // Older apps put the level and the source here.
        let mut labels = match line.remove("labels") {
            Some(Value::Object(labels)) => labels,
            _ => Map::new(),
        };
        let mut take = |key: &str| line.remove(key).and_then(text);
        let (message, timestamp) = (take("message").unwrap_or_default(), take("timestamp"));
        let (level, source) = (take("level"), take("source"));
        Some(Self {
            message,
            level: level.or_else(|| labels.remove("level").and_then(text)),
            timestamp,
            source: source.or_else(|| labels.remove("source").and_then(text)),
        })
    }
}

/// Returns a text as it is, and anything else but null as JSON.
fn text(value: Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;
    use crate::redact::SecretStore;

    fn parse(body: &'static str) -> Result<Update> {
        let body = Bytes::from_static(body.as_bytes());
        Update::parse(&Response {
            status: StatusCode::ACCEPTED,
            headers: HeaderMap::new(),
            body,
            secrets: Secrets::default(),
        })
    }

    #[test]
    fn known_states_are_parsed() {
        assert_eq!(
            parse(r#"{"status":"IN_QUEUE","queue_position":3}"#).unwrap(),
            Update::Queued { request_id: String::new(), position: 3 }
        );
        let running = parse(r#"{"status":"IN_PROGRESS","logs":null}"#).unwrap();
        assert_eq!(running, Update::Running { request_id: String::new(), logs: vec![] });
        let body = r#"{"status":"COMPLETED","logs":[{"message":"m"}],"metrics":{"inference_time":1.5,"x":2},
            "error":{"a":1},"error_type":"t"}"#;
        let Update::Completed { logs, metrics, error, error_type, .. } = parse(body).unwrap() else {
            panic!()
        };
        assert_eq!(logs[0].message, "m");
        assert_eq!((metrics.inference_time, &metrics.other["x"]), (Some(1.5), &Value::from(2)));
        assert_eq!((error.as_deref(), error_type.as_deref()), (Some(r#"{"a":1}"#), Some("t")));
        assert!(parse(r#"{"status":"COMPLETED","error":null}"#).unwrap().is_completed());
    }

    #[test]
    fn updates_are_serialized_and_printed() {
        let completed = parse(
            r#"{"status":"COMPLETED","logs":[{"message":"m"}],"metrics":{"inference_time":1.5,"x":2}}"#,
        );
        let completed = completed.unwrap().with_request_id("r1");
        let json = serde_json::json!({
            "status": "completed", "request_id": "r1",
            "logs": [{ "message": "m", "level": null, "timestamp": null, "source": null }],
            "metrics": { "inference_time": 1.5, "x": 2 }, "error": null, "error_type": null,
        });
        assert_eq!(serde_json::to_value(&completed).unwrap(), json);
        assert_eq!(completed.to_string(), "completed, after running for 1.5 s");
        assert_eq!(
            parse(r#"{"status":"IN_QUEUE","queue_position":3}"#).unwrap().to_string(),
            "waits, 3 ahead"
        );
        let failed = parse(r#"{"status":"COMPLETED","error":"no\ncats"}"#).unwrap();
        assert_eq!(failed.to_string(), "failed: no cats");
    }

    #[test]
    fn key_that_a_runner_logged_is_hidden() {
        let store = SecretStore::default();
        store.remember("leak-id:LEAK-SECRET");
        let update =
            r#"{"status":"COMPLETED","logs":["env: LEAK-SECRET"],"error":"LEAK-SECRET","error_type":"t"}"#;
        let update = parse(update).unwrap().hide(&store.get());
        assert!(!format!("{update:?} {update}").contains("LEAK"), "{update:?}");
    }

    #[test]
    fn unknown_states_are_errors() {
        for body in [r#"{"status":"FAILED"}"#, r#"{"status":"completed"}"#, "{}", "[]"] {
            assert!(parse(body).unwrap_err().is_decode(), "{body}");
        }
        assert!(parse(r#"{"status":"FAILED"}"#).unwrap_err().to_string().contains("`FAILED`"));
    }

    #[test]
    fn old_and_new_forms_of_a_line_are_parsed() {
        let new =
            r#"{"message":"m","level":"INFO","timestamp":"t","source":"USER","labels":{"level":"WARN"}}"#;
        let old = r#"{"message":"m","timestamp":"t","labels":{"level":"INFO","source":"USER","x":1}}"#;
        let parse = |text| Log::from_value(serde_json::from_str(text).unwrap()).unwrap();
        assert_eq!(parse(new), parse(old));
        assert_eq!(parse(r#"{"message":"m"}"#).level, None);
    }

    #[test]
    fn odd_decoration_is_read_leniently_or_left_out() {
        let odd_logs = [
            r#""text""#,
            "7",
            "{}",
            "[]",
            "[null]",
            r#"["a line"]"#,
            r#"[{"message":null}]"#,
            r#"[{"message":7}]"#,
            r#"[{"message":"m","level":20,"timestamp":1712345.5,"source":[],"labels":"x"}]"#,
            "false",
        ];
        let odd_metrics =
            ["[]", "7", r#""fast""#, r#"{"inference_time":"1.2"}"#, r#"{"inference_time":{}}"#, "null"];
        let odd_types = ["{}", "[]", "7", "null", "true"];
        for logs in odd_logs {
            let body = format!(r#"{{"status":"IN_PROGRESS","logs":{logs}}}"#);
            assert!(
                matches!(Status::parse(body.as_bytes()), Some(Status::Known(Update::Running { .. }))),
                "{body}"
            );
            for (metrics, error_type) in odd_metrics.iter().flat_map(|m| odd_types.map(|t| (m, t))) {
                let body = format!(
                    r#"{{"status":"COMPLETED","logs":{logs},"metrics":{metrics},"error_type":{error_type}}}"#
                );
                let Some(Status::Known(update)) = Status::parse(body.as_bytes()) else { panic!("{body}") };
                assert!(update.is_completed(), "{body}");
            }
        }
        let deep = "[".repeat(1000) + &"]".repeat(1000);
        for odd in ["1e999", "-1e999", "NaN", "-Infinity", r#""\ud83d""#, r#""\"NaN \ud83d""#, &deep] {
            for body in [
                format!(r#"{{"status":"COMPLETED","metrics":{{"inference_time":{odd}}}}}"#),
                format!(r#"{{"logs":[{odd}],"status":"COMPLETED"}}"#),
                format!("\u{feff}{{\"status\":\"COMPLETED\",\"new\":{odd}}}"),
            ] {
                let status = Status::parse(body.as_bytes());
                assert!(matches!(status, Some(Status::Known(update)) if update.is_completed()), "{body}");
            }
        }
        let body = br#"{"status":"COMPLETED","metrics":{"x":NaN},"logs":["a NaN \" line"]}"#;
        let Some(Status::Known(update)) = Status::parse(body) else { panic!() };
        assert_eq!(update.logs()[0].message, "a NaN \" line");
        let body = b"{\"status\":\"COMPLETED\",\"logs\":[\"half a character: \xc3\"]}";
        assert!(matches!(Status::parse(body), Some(Status::Known(_))));
        for bad in
            [r#"{"status":"COMPLETED","logs":["#, r#"{"status":NaN}"#, "NaN", r#"{"status":"COMPLETED"}}"#]
        {
            assert_eq!(Status::parse(bad.as_bytes()), None, "{bad}");
        }
        let positions = [("-1", 0), ("1.0", 1), (r#""3""#, 3), ("{}", 0), ("null", 0), ("1e99", u32::MAX)];
        for (position, expected) in positions {
            let body = format!(r#"{{"status":"IN_QUEUE","queue_position":{position}}}"#);
            assert_eq!(
                Status::parse(body.as_bytes()),
                Some(Status::Known(Update::Queued { request_id: String::new(), position: expected })),
                "{body}"
            );
        }
        let body = br#"{"status":"COMPLETED","metrics":{"inference_time":"1.2","x":1},"logs":["a",{"message":"b","level":20}]}"#;
        let Some(Status::Known(Update::Completed { logs, metrics, .. })) = Status::parse(body) else {
            panic!()
        };
        assert_eq!((metrics.inference_time, metrics.other.len()), (Some(1.2), 1));
        let lines: Vec<_> = logs.iter().map(|log| (log.message.as_str(), log.level.as_deref())).collect();
        assert_eq!(lines, [("a", None), ("b", Some("20"))]);
    }
}
