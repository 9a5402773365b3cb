//! What the service, and not the model, says on a connection.

use std::{sync::LazyLock, time::Duration};

use bytes::Bytes;
use http::StatusCode;
use memchr::memmem::Finder;
use serde::Deserialize;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::Format;
use crate::{Error, ErrorKind};

/// Binary messages, and those that are marked by `status` alone, are no longer than this when the service
/// writes them.
const SHORT: usize = 4096;

/// What is in every message of the service, one or the other.
static MARK: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("x-fal-"));
static STATUS: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("status"));

/// What a message says that is not the model's.
#[derive(Debug)]
pub(super) enum Control {
    /// How long the last output took.
    Timing(Duration),
    /// Something that this client does not know, and that is no failure.
    Other,
    /// No input has come for long, or the model is done: the connection is closed.
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

/// What a message says, unless it is the model's.
pub(super) fn of(raw: &Bytes, format: Format) -> Option<Control> {
    // Models' messages, which may be large, are passed over without reading them twice: what the service says
    // is text, and short where it is not.
    let is_short = raw.len() <= SHORT;
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

/// What a close says: nothing to worry about, or an error.
pub(super) fn of_close(frame: Option<CloseFrame>) -> Option<Error> {
    let frame = frame?;
    let code = u16::from(frame.code);
    if matches!(code, 1000 | 1001 | 1005) {
        return None;
    }
    // 1009: the message was too big, which sending it again does not change.
    let kind = if code == 1009 { ErrorKind::Api } else { ErrorKind::Transport };
    let reason = if frame.reason.is_empty() { "no reason was given" } else { frame.reason.as_str() };
    Some(Error::new(kind, format!("the service closed the connection with {code}: {reason}")))
}
