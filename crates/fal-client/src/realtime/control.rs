//! Messages of the service itself, beside those of the model.

use std::{sync::LazyLock, time::Duration};

use bytes::Bytes;
use http::StatusCode;
use memchr::memmem::Finder;
use serde::Deserialize;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::message::Format;
use crate::{Error, ErrorKind};

/// The largest size of the service's binary messages, and of those that only a `status` marks.
const MAX_SHORT: usize = 4096;

// Every message of the service contains one or the other.
static MARK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("x-fal-"));
static STATUS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("status"));

/// A message of the service.
#[derive(Debug)]
pub(super) enum Control {
    /// The time that the model took for its last output.
    Timing(Duration),
    /// An unknown message that is not a failure.
    Other,
    /// The connection will be closed, because no input has arrived for a long time or the model is done.
    Timeout,
    Failure(Error),
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Fields {
    r#type: Option<String>,
    action: Option<String>,
    timing: Option<f64>,
    error: Option<String>,
    reason: Option<String>,
    status: Option<String>,
}

/// Parses a message of the service. Returns `None` for a message of the model.
pub(super) fn parse(raw: &Bytes, format: Format) -> Option<Control> {
    // A message of the model may be large and is not parsed twice: messages of the service are JSON, or short.
    let is_short = raw.len() <= MAX_SHORT;
    let is_marked = (is_short || format == Format::Json) && MARK.find(raw).is_some();
    if !is_marked && (!is_short || STATUS.find(raw).is_none()) {
        return None;
    }
    let fields: Fields = match format {
        Format::Json => serde_json::from_slice(raw).ok()?,
        Format::MessagePack => rmp_serde::from_slice(raw).ok()?,
    };
    let error = fields.error.as_deref();
    match (fields.r#type.as_deref(), fields.status.as_deref()) {
        (Some("x-fal-message"), _) => {
            let seconds = fields.timing.filter(|_| fields.action.as_deref() == Some("timings"));
            let time = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            Some(time.map_or(Control::Other, Control::Timing))
        }
        (Some("x-fal-error"), _) if error == Some("TIMEOUT") => Some(Control::Timeout),
        (Some("x-fal-error"), _) => {
            let error = error.unwrap_or("ERROR");
            let reason = fields.reason.as_deref().unwrap_or("no reason was given");
            Some(Control::Failure(failure(ErrorKind::Api, error, &format!("{error}: {reason}"), raw)))
        }
        (_, Some("error")) => {
            let error = error.unwrap_or("no reason was given");
            let kind = if error == "Unauthorized" { ErrorKind::Auth } else { ErrorKind::Api };
            Some(Control::Failure(failure(kind, error, error, raw)))
        }
        _ => None,
    }
}

fn failure(kind: ErrorKind, error_type: &str, message: &str, raw: &Bytes) -> Error {
    let error = Error::new(kind, message).with_response(StatusCode::SWITCHING_PROTOCOLS, raw.clone());
    error.with_error_type(Some(error_type.to_owned()))
}

/// Returns the error for a close frame; `None` if the connection was closed in order.
pub(super) fn close_error(frame: Option<CloseFrame>) -> Option<Error> {
    let frame = frame?;
    let code = u16::from(frame.code);
    if matches!(code, 1000 | 1001 | 1005) {
        return None;
    }
    // 1009 refuses a message that is too large, which would be too large again.
    let kind = if code == 1009 { ErrorKind::Api } else { ErrorKind::Transport };
    let reason = if frame.reason.is_empty() { "no reason was given" } else { frame.reason.as_str() };
    Some(Error::new(kind, format!("the service closed the connection with {code}: {reason}")))
}
