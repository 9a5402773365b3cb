//! The status of a request, as the queue reports it.

use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::{Error, ErrorKind, Result, transport::Response};

/// The status of a request.
///
/// fal knows no failed and no cancelled state: every request ends as `Completed`, and fetching its result
/// returns the failure.
///
/// A waiting caller sees each step once and in order: positions only fall, and a request that fal gives to
/// another runner stays `Running`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Update {
    /// The request waits for a runner (`IN_QUEUE`).
    Queued {
        /// The number of requests ahead of it. The next request has position 0.
        position: u32,
    },
    /// The request is on a runner (`IN_PROGRESS`).
    Running {
        /// The log lines, if they were asked for: all of them in the status of a [`Job`](super::Job), and those
        /// since the last update elsewhere.
        logs: Vec<Log>,
    },
    /// The request is done, well or not (`COMPLETED`).
    #[non_exhaustive]
    Completed {
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
            Self::Running { logs } | Self::Completed { logs, .. } => logs,
        }
    }

    pub(super) fn logs_mut(&mut self) -> Option<&mut Vec<Log>> {
        match self {
            Self::Queued { .. } => None,
            Self::Running { logs } | Self::Completed { logs, .. } => Some(logs),
        }
    }

    /// Parses an event of the status stream. Returns `None` for one that is not a status.
    pub(super) fn parse_event(data: &[u8]) -> Option<Self> {
        Self::from_body(serde_json::from_slice(data).ok()?).ok()
    }

    /// Parses the response to a status request.
    pub(super) fn parse(response: &Response) -> Result<Self> {
        Self::from_body(response.json()?).map_err(|unknown| {
            // An error, because waiting for an unknown state to become a known one might take forever.
            let kind = ErrorKind::Decode { path: "status".to_owned() };
            let message = format!("the queue answered with the unknown status `{}`", unknown.escape_debug());
            Error::new(kind, message).with_response(response.status, response.body.clone())
        })
    }

    /// Converts a body; fails with a status that is not known.
    fn from_body(body: Body) -> Result<Self, String> {
        let logs = body.logs.unwrap_or_default();
        match body.status.as_str() {
            "IN_QUEUE" => Ok(Self::Queued { position: body.queue_position.unwrap_or(0) }),
            "IN_PROGRESS" => Ok(Self::Running { logs }),
            "COMPLETED" => Ok(Self::Completed {
                logs,
                metrics: body.metrics.unwrap_or_default(),
                error: body.error.map(text),
                error_type: body.error_type,
            }),
            _ => Err(body.status),
        }
    }
}

/// Measurements of a completed request.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[non_exhaustive]
pub struct Metrics {
    /// The run time of the model in seconds. Older apps do not report it.
    #[serde(default)]
    pub inference_time: Option<f64>,
    /// All other measurements.
    #[serde(flatten)]
    pub other: Map<String, Value>,
}

/// A line that a runner logged.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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

impl<'de> Deserialize<'de> for Log {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Line {
            #[serde(default)]
            message: String,
            level: Option<String>,
            timestamp: Option<String>,
            source: Option<String>,
            // Older apps put the level and the source here.
            labels: Option<Labels>,
        }

        #[derive(Deserialize, Default)]
        struct Labels {
            level: Option<String>,
            source: Option<String>,
        }

        let Line { message, level, timestamp, source, labels } = Line::deserialize(deserializer)?;
        let labels = labels.unwrap_or_default();
        Ok(Self { message, level: level.or(labels.level), timestamp, source: source.or(labels.source) })
    }
}

#[derive(Deserialize)]
struct Body {
    status: String,
    queue_position: Option<u32>,
    logs: Option<Vec<Log>>,
    metrics: Option<Metrics>,
    error: Option<Value>,
    error_type: Option<String>,
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, StatusCode};

    use super::*;

    fn parse(body: &'static str) -> Result<Update> {
        let body = Bytes::from_static(body.as_bytes());
        Update::parse(&Response { status: StatusCode::ACCEPTED, headers: HeaderMap::new(), body })
    }

    #[test]
    fn known_states_are_parsed() {
        assert_eq!(
            parse(r#"{"status":"IN_QUEUE","queue_position":3}"#).unwrap(),
            Update::Queued { position: 3 }
        );
        let running = parse(r#"{"status":"IN_PROGRESS","logs":null}"#).unwrap();
        assert_eq!(running, Update::Running { logs: vec![] });
        let body = r#"{"status":"COMPLETED","logs":[{"message":"m"}],"metrics":{"inference_time":1.5,"x":2},
            "error":{"a":1},"error_type":"t"}"#;
        let Update::Completed { logs, metrics, error, error_type } = parse(body).unwrap() else { panic!() };
        assert_eq!(logs[0].message, "m");
        assert_eq!((metrics.inference_time, &metrics.other["x"]), (Some(1.5), &Value::from(2)));
        assert_eq!((error.as_deref(), error_type.as_deref()), (Some(r#"{"a":1}"#), Some("t")));
        assert!(parse(r#"{"status":"COMPLETED","error":null}"#).unwrap().is_completed());
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
        let parse = |text| serde_json::from_str::<Log>(text).unwrap();
        assert_eq!(parse(new), parse(old));
        assert_eq!(parse(r#"{"message":"m"}"#).level, None);
    }
}
