//! What the queue says about a request.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Log;
use crate::{Error, ErrorKind, Result, transport::Response};

/// How far a request is.
///
/// fal knows no failed and no cancelled state: whatever happens, a request ends as `Completed`, and
/// fetching its result returns the failure.
///
/// To who waits for a request, progress is told once and never taken back: positions only fall, and a
/// request that fal gives to another runner stays `Running`.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Update {
    /// Waiting for a runner (`IN_QUEUE`).
    Queued {
        /// How many requests are ahead of it. 0: it is next.
        position: u32,
    },
    /// On a runner (`IN_PROGRESS`).
    Running {
        /// New lines, if logs were asked for. From [`StatusRequest::logs`](super::StatusRequest::logs), all lines.
        logs: Vec<Log>,
    },
    /// Done, well or not (`COMPLETED`).
    #[non_exhaustive]
    Completed {
        /// New lines, if logs were asked for. From [`StatusRequest::logs`](super::StatusRequest::logs), all lines.
        logs: Vec<Log>,
        /// What was measured.
        metrics: Metrics,
        /// Why it failed, if it did. Fetching the result says more.
        error: Option<String>,
        /// The category of the failure, as [`Error::error_type`].
        error_type: Option<String>,
    },
}

impl Update {
    /// `true` when nothing more will happen.
    #[must_use]
    pub fn is_completed(&self) -> bool {
        matches!(self, Self::Completed { .. })
    }

    /// The lines that came with it.
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

    /// What an event of the status stream says; `None` when it makes no sense.
    pub(super) fn of_event(data: &[u8]) -> Option<Self> {
        Self::of(serde_json::from_slice(data).ok()?).ok()
    }

    pub(super) fn read(answer: &Response) -> Result<Self> {
        Self::of(answer.json()?).map_err(|unknown| {
            // Waiting for an unknown state to become a known one might take for ever.
            let kind = ErrorKind::Decode { path: "status".to_owned() };
            let message = format!("the queue answered with the unknown status `{}`", unknown.escape_debug());
            Error::new(kind, message).with_response(answer.status, answer.body.clone())
        })
    }

    /// The update, or the status that is not known.
    fn of(body: Body) -> Result<Self, String> {
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

/// What was measured of a completed request.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[non_exhaustive]
pub struct Metrics {
    /// How long the model worked, in seconds. Older apps do not say.
    #[serde(default)]
    pub inference_time: Option<f64>,
    /// Anything else.
    #[serde(flatten)]
    pub other: Map<String, Value>,
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

    fn read(body: &'static str) -> Result<Update> {
        let body = Bytes::from_static(body.as_bytes());
        Update::read(&Response { status: StatusCode::ACCEPTED, headers: HeaderMap::new(), body })
    }

    #[test]
    fn three_states_are_known() {
        assert_eq!(
            read(r#"{"status":"IN_QUEUE","queue_position":3}"#).unwrap(),
            Update::Queued { position: 3 }
        );
        let running = read(r#"{"status":"IN_PROGRESS","logs":null}"#).unwrap();
        assert_eq!(running, Update::Running { logs: vec![] });
        let body = r#"{"status":"COMPLETED","logs":[{"message":"m"}],"metrics":{"inference_time":1.5,"x":2},
            "error":{"a":1},"error_type":"t"}"#;
        let Update::Completed { logs, metrics, error, error_type } = read(body).unwrap() else { panic!() };
        assert_eq!(logs[0].message, "m");
        assert_eq!((metrics.inference_time, &metrics.other["x"]), (Some(1.5), &Value::from(2)));
        assert_eq!((error.as_deref(), error_type.as_deref()), (Some(r#"{"a":1}"#), Some("t")));
        assert!(read(r#"{"status":"COMPLETED","error":null}"#).unwrap().is_completed());
    }

    #[test]
    fn other_states_are_errors() {
        for body in [r#"{"status":"FAILED"}"#, r#"{"status":"completed"}"#, "{}", "[]"] {
            assert!(read(body).unwrap_err().is_decode(), "{body}");
        }
        assert!(read(r#"{"status":"FAILED"}"#).unwrap_err().to_string().contains("`FAILED`"));
    }
}
