//! The stream of a call's events, without their types, so that it is compiled once and not for each model.

use std::{
    borrow::Cow,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use tokio::time::{Sleep, sleep_until};

use super::workflow;
use crate::{
    BoxFuture, Error, ErrorKind, Result,
    redact::Secrets,
    reply::CallResponse,
    sse,
    timeout::{now, timed_out},
    transport::Response,
};

/// A stream that the service has begun.
pub(super) struct Opened {
    pub(super) events: sse::Events,
    pub(super) endpoint: Cow<'static, str>,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) secrets: Secrets,
    /// The time for which the stream may be silent.
    pub(super) idle_timeout: Option<Duration>,
    /// The end of the time for the whole call, and that time.
    pub(super) deadline: Option<(Instant, Duration)>,
}

/// The events of a call as bytes. [`EventStream`](super::EventStream) adds their types.
pub(super) struct RawEvents {
    pub(super) endpoint: Cow<'static, str>,
    pub(super) count: u64,
    pub(super) state: State,
    pub(super) secrets: Secrets,
    events: sse::Events,
    status: StatusCode,
    headers: HeaderMap,
    silence: SilenceTimer,
    /// The data of the last event.
    last: Bytes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Ended,
    Failed,
}

impl From<Opened> for RawEvents {
    fn from(opened: Opened) -> Self {
        let Opened { events, endpoint, status, headers, secrets, idle_timeout, deadline } = opened;
        let silence = SilenceTimer { idle_timeout, deadline, silent_since: None, timer: None };
        let (count, state, last) = (0, State::Open, Bytes::new());
        Self { endpoint, count, state, secrets, events, status, headers, silence, last }
    }
}

impl RawEvents {
    pub(super) fn request_id(&self) -> Option<&str> {
        self.headers.get("x-fal-request-id")?.to_str().ok()
    }

    /// Waits for the end and returns the last event as the answer to the call.
    pub(super) fn done(mut self) -> BoxFuture<'static, Result<CallResponse>> {
        Box::pin(async move {
            while self.state == State::Open {
                if let Some(Err(error)) = std::future::poll_fn(|context| self.poll_next(context)).await {
                    return Err(error);
                }
            }
            if self.state == State::Failed {
                let message = format!("the stream broke after {}", format_count(self.count));
                return Err(self.add_context(Error::new(ErrorKind::Transport, message)));
            }
            if self.count == 0 {
                let message = "the stream ended without an event";
                let error = Error::new(ErrorKind::Decode { path: ".".to_owned() }, message);
                return Err(self.add_context(error));
            }
            let last = self.last.clone();
            let body = if workflow::is_workflow(&self.endpoint) {
                workflow::parse_output(last).map_err(|error| self.add_context(error))?
            } else {
                last
            };
            Ok(Response { status: self.status, headers: self.headers, body, secrets: self.secrets }.into())
        })
    }

    /// Polls for the next event; `None` after the end or an error.
    pub(super) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<sse::Event>>> {
        if self.state != State::Open {
            return Poll::Ready(None);
        }
        let error = match self.events.poll_next(context) {
            // Endpoints in the style of OpenAI end their streams with this in place of an event.
            Poll::Ready(Ok(Some(event))) if event.data.trim_ascii() == sse::DONE => {
                self.state = State::Ended;
                return Poll::Ready(None);
            }
            Poll::Ready(Ok(Some(event))) if is_error(&event) && !workflow::is_workflow(&self.endpoint) => {
                self.state = State::Failed;
                let error = Error::from_error_event(self.status, event.data);
                let context = format!("the stream failed after {}", format_count(self.count));
                return Poll::Ready(Some(Err(self.add_context(error.with_context(&context)))));
            }
            Poll::Ready(Ok(Some(event))) => {
                self.count += 1;
                self.last = event.data.clone();
                return Poll::Ready(Some(Ok(event)));
            }
            Poll::Ready(Ok(None)) if !self.events.is_within_event() || self.events.ends_with_done() => {
                self.state = State::Ended;
                return Poll::Ready(None);
            }
            Poll::Ready(Ok(None)) => {
                let count = format_count(self.count);
                let message = format!("the stream ended in the middle of an event, after {count}");
                Error::new(ErrorKind::Transport, message)
            }
            Poll::Ready(Err(error)) => {
                error.with_context(&format!("the stream broke after {}", format_count(self.count)))
            }
            Poll::Pending => {
                let limit = ready!(self.silence.poll(context, self.events.received()));
                let error = timed_out(limit, &self.endpoint);
                error.with_context(&format!("the stream fell silent after {}", format_count(self.count)))
            }
        };
        self.state = State::Failed;
        Poll::Ready(Some(Err(self.add_context(error))))
    }

    /// Returns the error for an event that cannot be decoded.
    pub(super) fn decode_error(&self, event: &sse::Event, cause: serde_json::Error) -> Error {
        let (headers, body, secrets) = (self.headers.clone(), event.data.clone(), self.secrets.clone());
        let response = Response { status: self.status, headers, body, secrets };
        self.add_context(response.decode_error(cause).with_context(&format!("event {}", self.count)))
    }

    fn add_context(&self, error: Error) -> Error {
        error.with_endpoint(self.endpoint.as_ref()).with_request_id(self.request_id()).hide(&self.secrets)
    }
}

/// The timer for the silence of a stream and for the whole call.
struct SilenceTimer {
    idle_timeout: Option<Duration>,
    /// The end of the time for the whole call, and that time.
    deadline: Option<(Instant, Duration)>,
    /// The start of the last silence, and the number of bytes received by then. More bytes begin another.
    silent_since: Option<(Instant, u64)>,
    /// A timer for the end of the wait or earlier: it is only set anew when it has elapsed.
    timer: Option<Pin<Box<Sleep>>>,
}

impl SilenceTimer {
    /// Polls when no event has arrived. Returns the limit that has passed.
    fn poll(&mut self, context: &mut Context<'_>, received: u64) -> Poll<Duration> {
        let since = match self.silent_since {
            Some((since, then)) if then == received => since,
            _ => self.silent_since.insert((now(), received)).0,
        };
        // A limit that cannot be represented is no limit.
        let idle = self.idle_timeout.and_then(|idle| Some((since.checked_add(idle)?, idle)));
        let Some((end, limit)) = idle.into_iter().chain(self.deadline).min() else {
            return Poll::Pending;
        };
        let end = tokio::time::Instant::from(end);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        loop {
            ready!(timer.as_mut().poll(context));
            if timer.deadline() >= end {
                return Poll::Ready(limit);
            }
            timer.as_mut().reset(end);
        }
    }
}

/// Returns true if an event reports a failure. The name is that of the convention for server-sent events.
fn is_error(event: &sse::Event) -> bool {
    event.name.as_deref() == Some("error")
}

/// Formats a number of events: "1 event", "7 events".
fn format_count(count: u64) -> String {
    format!("{count} event{}", if count == 1 { "" } else { "s" })
}
