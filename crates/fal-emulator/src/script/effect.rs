//! What a rule does to a reply.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, header};
use bytes::Bytes;
use serde::Deserialize;

use super::answer::Answer;
use super::record::Request;
use crate::net::{ConnectionControl, ConnectionEnd, CutBody, CutPoint, RepeatedBody, ReplyFaults};

/// The moment at which a reply is cut, reset or stalled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum At {
    /// Once the request is read, before anything is done about it.
    Arrival,
    /// Once the work is done or accepted, before the first byte of the reply.
    Reply,
    /// After so many bytes of the status line and headers.
    Head(usize),
    /// After so many bytes of the body. A body that is shorter is sent whole.
    Body(usize),
    /// In the middle of the event that follows so many whole ones.
    Event(usize),
    /// In place of the message that follows so many of a realtime connection.
    Message(usize),
}

/// What a realtime connection brings in place of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Frame {
    /// A goodbye with this code.
    Close(u16),
    /// What a token that expires brings: a refusal, and a goodbye.
    Unauthorized,
    /// A message that is neither MessagePack nor JSON. The connection goes on.
    Nonsense,
    /// A message of so many bytes. The connection goes on.
    Large(usize),
    /// Bytes that are no frame, and then nothing more.
    Garbage,
}

/// What happens to a realtime connection.
#[derive(Clone)]
pub(crate) struct Interruption {
    /// How many messages come first.
    pub(crate) after: usize,
    pub(crate) what: Interrupted,
    pub(crate) control: ConnectionControl,
}

#[derive(Clone, Copy)]
pub(crate) enum Interrupted {
    By(Frame),
    End(ConnectionEnd),
}

pub(crate) type Responder = dyn Fn(&Request) -> Answer + Send + Sync;

#[derive(Clone, Default)]
pub(crate) struct Effect {
    /// The reply in place of the emulator's own.
    pub(crate) answer: Option<Arc<Responder>>,
    /// Headers to set, or to remove where there is no value.
    pub(crate) headers: Vec<(HeaderName, Option<HeaderValue>)>,
    pub(crate) delay: Duration,
    pub(crate) end: Option<(At, ConnectionEnd)>,
    /// In place of the message that follows so many.
    pub(crate) frame: Option<(usize, Frame)>,
    pub(crate) pace: Option<(usize, Duration)>,
    pub(crate) instead: Option<Bytes>,
    pub(crate) twice: bool,
}

impl Effect {
    /// Whether the request is not even looked at.
    pub(crate) fn ignores(&self) -> bool {
        matches!(self.end, Some((At::Arrival, _)))
    }

    /// What is to happen once messages are exchanged.
    pub(crate) fn interruption(&self, control: &ConnectionControl) -> Option<Interruption> {
        let (after, what) = match (self.frame, self.end) {
            (Some((after, frame)), _) => (after, Interrupted::By(frame)),
            (None, Some((At::Message(after), end))) => (after, Interrupted::End(end)),
            _ => return None,
        };
        Some(Interruption { after, what, control: control.clone() })
    }

    /// Dresses a reply and gives the connection its orders.
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
                Some((At::Arrival | At::Reply, end)) => Some((0, end)),
                Some((At::Head(bytes), end)) => Some((bytes, end)),
                _ => None,
            },
            pace: self.pace,
            instead: self.instead,
            twice: self.twice && !streams,
        });
        let point = match self.end {
            Some((At::Body(bytes), end)) => Some((CutPoint::Byte(bytes), end)),
            Some((At::Event(events), end)) => Some((CutPoint::Event(events), end)),
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
