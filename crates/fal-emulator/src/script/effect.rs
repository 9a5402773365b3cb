//! The effects of a rule on a response.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, header};
use bytes::Bytes;
use serde::Deserialize;

use super::request::Request;
use super::response::ResponseTemplate;
use crate::net::{ConnectionControl, ConnectionEnd, CutBody, CutPoint, RepeatedBody, ReplyFaults};

/// The point at which a response is cut, reset or stalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultPoint {
    /// After the request is read and before it is handled.
    Arrival,
    /// After the request is handled and before the first byte of the response.
    Reply,
    /// After a number of bytes of the status line and headers.
    Head(usize),
    /// After a number of bytes of the body. A shorter body is sent whole.
    Body(usize),
    /// In the middle of an event of a stream, after a number of whole events.
    Event(usize),
    /// In place of a message of a realtime connection, after a number of messages.
    Message(usize),
}

/// A fault that a realtime connection sends in place of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RealtimeFault {
    /// A close frame with this code.
    Close(u16),
    /// A refusal and a close frame, as when a token expires.
    Unauthorized,
    /// A message that is neither MessagePack nor JSON. The connection goes on.
    Nonsense,
    /// A message of this many bytes. The connection goes on.
    Large(usize),
    /// Bytes that are not a frame, and then nothing more.
    Garbage,
}

/// A fault of a realtime connection.
#[derive(Clone)]
pub(crate) struct Interruption {
    /// The number of messages that are sent first.
    pub(crate) after: usize,
    pub(crate) action: InterruptionAction,
    pub(crate) control: ConnectionControl,
}

/// The kind of an interruption.
#[derive(Clone, Copy)]
pub(crate) enum InterruptionAction {
    Send(RealtimeFault),
    End(ConnectionEnd),
}

/// A function that makes the response to a request.
pub(crate) type Responder = dyn Fn(&Request) -> ResponseTemplate + Send + Sync;

/// The effects of a rule.
#[derive(Clone, Default)]
pub(crate) struct Effect {
    /// The response in place of the emulator's own.
    pub(crate) response: Option<Arc<Responder>>,
    /// The headers to set, or to remove if there is no value.
    pub(crate) headers: Vec<(HeaderName, Option<HeaderValue>)>,
    pub(crate) delay: Duration,
    pub(crate) end: Option<(FaultPoint, ConnectionEnd)>,
    /// The fault in place of a message of a realtime connection, and the number of messages before it.
    pub(crate) replaced_message: Option<(usize, RealtimeFault)>,
    /// The number of bytes to send at a time, and the pause after them.
    pub(crate) throttle: Option<(usize, Duration)>,
    /// The bytes in place of the whole response.
    pub(crate) raw: Option<Bytes>,
    pub(crate) twice: bool,
}

impl Effect {
    /// Returns true if the connection ends before the request is handled.
    pub(crate) fn ends_on_arrival(&self) -> bool {
        matches!(self.end, Some((FaultPoint::Arrival, _)))
    }

    /// Returns true if the reply does not arrive as it was made.
    pub(crate) fn damages_reply(&self) -> bool {
        self.end.is_some() || self.raw.is_some()
    }

    /// Returns the fault of a realtime connection, which happens after the upgrade.
    pub(crate) fn interruption(&self, control: &ConnectionControl) -> Option<Interruption> {
        let (after, action) = match (self.replaced_message, self.end) {
            (Some((after, fault)), _) => (after, InterruptionAction::Send(fault)),
            (None, Some((FaultPoint::Message(after), end))) => (after, InterruptionAction::End(end)),
            _ => return None,
        };
        Some(Interruption { after, action, control: control.clone() })
    }

    /// Applies the effects to a response and to the connection that sends it.
    pub(crate) fn apply(self, mut response: Response<Body>, control: &ConnectionControl) -> Response<Body> {
        for (name, value) in self.headers {
            match value {
                Some(value) => response.headers_mut().insert(name, value),
                None => response.headers_mut().remove(name),
            };
        }
        let streams = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        control.set_faults(ReplyFaults {
            end: match self.end {
                Some((FaultPoint::Arrival | FaultPoint::Reply, end)) => Some((0, end)),
                Some((FaultPoint::Head(bytes), end)) => Some((bytes, end)),
                _ => None,
            },
            pace: self.throttle,
            instead: self.raw,
            twice: self.twice && !streams,
        });
        let point = match self.end {
            Some((FaultPoint::Body(bytes), end)) => Some((CutPoint::Byte(bytes), end)),
            Some((FaultPoint::Event(events), end)) => Some((CutPoint::Event(events), end)),
            _ => None,
        };
        response.map(|mut body| {
            if self.twice && streams {
                body = Body::new(RepeatedBody { body, again: None });
            }
            if let Some((point, end)) = point {
                body = Body::new(CutBody { body, point, end, control: control.clone() });
            }
            body
        })
    }
}

impl fmt::Debug for Effect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Effect").field("end", &self.end).finish_non_exhaustive()
    }
}
