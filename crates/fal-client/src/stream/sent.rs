//! The events of a call, whatever their type.

use std::{
    borrow::Cow,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    time::{Duration, Instant},
};

use http::{HeaderMap, StatusCode};
use tokio::time::{Sleep, sleep_until};

use super::workflow;
use crate::{
    BoxFuture, Error, ErrorKind, Result, call::timed_out, reply::CallResponse, sse, transport::Response,
};

/// A stream that the service has begun.
pub(super) struct Opened {
    pub(super) events: sse::Events,
    pub(super) endpoint: Cow<'static, str>,
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// How long it may be silent.
    pub(super) idle: Option<Duration>,
    /// When the whole call has to be done, and how long that is.
    pub(super) deadline: Option<(Instant, Duration)>,
}

/// What an [`EventStream`](super::EventStream) does, compiled once and not for each model.
pub(super) struct Sent {
    pub(super) endpoint: Cow<'static, str>,
    pub(super) count: u64,
    pub(super) state: State,
    events: sse::Events,
    status: StatusCode,
    headers: HeaderMap,
    clock: Clock,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Open,
    Over,
    Broken,
}

/// When waiting for the next event is enough.
struct Clock {
    idle: Option<Duration>,
    /// When the whole call has to be done, and how long that is.
    deadline: Option<(Instant, Duration)>,
    /// Since when the stream is silent, and how much had arrived then. `None` while there are events.
    silent: Option<(Instant, u64)>,
    /// Never later than the end of the wait. It is not set back with every event, but when it is over too early.
    timer: Option<Pin<Box<Sleep>>>,
    /// Whom the timer wakes. Asking it to wake the same again costs much where events come one by one.
    waker: Option<Waker>,
}

impl From<Opened> for Sent {
    fn from(opened: Opened) -> Self {
        let Opened { events, endpoint, status, headers, idle, deadline } = opened;
        let clock = Clock { idle, deadline, silent: None, timer: None, waker: None };
        Self { endpoint, count: 0, state: State::Open, events, status, headers, clock }
    }
}

impl Sent {
    pub(super) fn request_id(&self) -> Option<&str> {
        self.headers.get("x-fal-request-id")?.to_str().ok()
    }

    /// The last event, once there is no other, as the answer to the call.
    pub(super) fn done(mut self) -> BoxFuture<'static, Result<CallResponse>> {
        Box::pin(async move {
            while self.state == State::Open {
                if let Some(Err(error)) = std::future::poll_fn(|context| self.poll(context)).await {
                    return Err(error);
                }
            }
            if self.state == State::Broken {
                let message = format!("the stream broke after {}", events(self.count));
                return Err(self.dressed(Error::new(ErrorKind::Transport, message)));
            }
            if self.count == 0 {
                let message = "the stream ended without an event";
                return Err(self.dressed(Error::new(ErrorKind::Decode { path: ".".to_owned() }, message)));
            }
            let last = self.events.last();
            let body = if workflow::is(&self.endpoint) {
                workflow::output(last).map_err(|error| self.dressed(error))?
            } else {
                last
            };
            Ok(Response { status: self.status, headers: self.headers, body }.into())
        })
    }

    /// Compiled into its caller, as far as most calls of it go.
    #[inline]
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<sse::Event>>> {
        if self.state != State::Open {
            return Poll::Ready(None);
        }
        let instead = match self.events.poll_next(context) {
            Poll::Ready(Ok(Some(sent))) => {
                self.count += 1;
                self.clock.silent = None;
                return Poll::Ready(Some(Ok(sent)));
            }
            Poll::Ready(Ok(None)) => Poll::Ready(None),
            Poll::Ready(Err(error)) => Poll::Ready(Some(error)),
            Poll::Pending => Poll::Pending,
        };
        self.without_event(context, instead).map(|error| error.map(Err))
    }

    /// What there is instead of an event: the end, an error, or nothing yet.
    fn without_event(
        &mut self,
        context: &mut Context<'_>,
        instead: Poll<Option<Error>>,
    ) -> Poll<Option<Error>> {
        let error = match instead {
            Poll::Ready(None) if !self.events.is_within_event() => {
                self.state = State::Over;
                return Poll::Ready(None);
            }
            Poll::Ready(None) => {
                let message =
                    format!("the stream ended in the middle of an event, after {}", events(self.count));
                Error::new(ErrorKind::Transport, message)
            }
            Poll::Ready(Some(error)) => {
                error.with_context(&format!("the stream broke after {}", events(self.count)))
            }
            Poll::Pending => match self.clock.poll(context, self.events.received()) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(limit) => {
                    let error = timed_out(limit, &self.endpoint);
                    error.with_context(&format!("the stream fell silent after {}", events(self.count)))
                }
            },
        };
        self.state = State::Broken;
        Poll::Ready(Some(self.dressed(error)))
    }

    /// An event that is not what the endpoint promises.
    pub(super) fn unreadable(&self, sent: &sse::Event, cause: serde_json::Error) -> Error {
        let answer = Response { status: self.status, headers: self.headers.clone(), body: sent.data.clone() };
        self.dressed(answer.unreadable(cause).with_context(&format!("event {}", self.count)))
    }

    fn dressed(&self, error: Error) -> Error {
        error.with_endpoint(self.endpoint.as_ref()).with_request_id(self.request_id())
    }
}

impl Clock {
    /// Called when nothing has arrived: gives the limit once it is over.
    fn poll(&mut self, context: &mut Context<'_>, received: u64) -> Poll<Duration> {
        if self.idle.is_none() && self.deadline.is_none() {
            return Poll::Pending;
        }
        let since = match self.silent {
            Some((since, then)) if then == received => since,
            _ => self.silent.insert((Instant::now(), received)).0,
        };
        // A limit beyond the end of time is none.
        let idle = self.idle.and_then(|idle| Some((since.checked_add(idle)?, idle)));
        let Some((end, limit)) = idle.into_iter().chain(self.deadline).min() else {
            return Poll::Pending;
        };
        let end = tokio::time::Instant::from(end);
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(end)));
        if !timer.is_elapsed() && self.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            return Poll::Pending;
        }
        self.waker = Some(context.waker().clone());
        loop {
            ready!(timer.as_mut().poll(context));
            if timer.deadline() >= end {
                return Poll::Ready(limit);
            }
            timer.as_mut().reset(end);
        }
    }
}

/// "1 event", "7 events".
fn events(count: u64) -> String {
    format!("{count} event{}", if count == 1 { "" } else { "s" })
}
