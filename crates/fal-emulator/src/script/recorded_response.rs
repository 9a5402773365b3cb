//! The response to a request that the emulator received.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};
use bytes::Bytes;
use serde_json::{Value, json};

use super::json_parts::{add_body, headers_json};

/// The response to a request that the emulator received.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RecordedResponse {
    /// The HTTP status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The first 256 KiB of a body of JSON, text or events. Empty for files and for tokens.
    pub body: Bytes,
    /// The number of bytes of the body that were sent.
    pub body_size: u64,
    /// The time from the arrival of the request to the end of the response, by the clock of the machine.
    pub duration: Duration,
    /// `true` if the response was sent whole: neither a rule nor the client ended it before.
    pub is_complete: bool,
}

impl RecordedResponse {
    pub(super) fn to_json(&self) -> Value {
        let mut entry = json!({
            "status": self.status.as_u16(),
            "headers": headers_json(&self.headers),
            "seconds": self.duration.as_secs_f64(),
            "complete": self.is_complete,
        });
        if self.body.len() as u64 == self.body_size {
            add_body(&mut entry, &self.body, usize::MAX);
        } else {
            entry["bytes"] = json!(self.body_size);
        }
        entry
    }
}
