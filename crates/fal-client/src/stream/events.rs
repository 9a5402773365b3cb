//! The events of a call, as they come.

use std::{
    borrow::Cow,
    fmt,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
    time::{Duration, Instant},
};

use fal_core::Streams;
use http::{HeaderMap, StatusCode};
use tokio::time::{Sleep, sleep_until};

use super::{Event, workflow};
use crate::{Error, ErrorKind, Reply, Result, call::timed_out, sse, transport::Answer};

/// The events of a call, as they come. From awaiting [`Client::stream`](crate::Client::stream).
///
/// Nothing is read from the connection before it is asked for, so a slow reader holds the model back and
/// takes no memory. Dropping this closes the connection, which cancels the call.
///
/// An event that cannot be read is an error, and the events after it still come. After any other error the
/// stream is over.
///
/// ```no_run
/// # use fal_client::{Client, untyped};
/// # async fn example(client: Client) -> fal_client::Result<()> {
/// let input = untyped::input("fal-ai/flux/dev", serde_json::json!({ "prompt": "a cat" }));
/// let mut events = client.stream(input).await?;
/// while let Some(event) = events.next().await {
///     println!("{}", event?["images"][0]["url"]);
/// }
/// println!("{} events of request {:?}", events.count(), events.request_id());
/// let reply = events.done().await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is read unless it is asked for"]
pub struct EventStream<E: Streams> {
    events: sse::Events,
    endpoint: Cow<'static, str>,
    status: StatusCode,
    headers: HeaderMap,
    clock: Clock,
    count: u64,
    state: State,
    types: PhantomData<fn() -> E>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
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

impl<E: Streams> EventStream<E> {
    pub(super) fn new(
        events: sse::Events,
        endpoint: Cow<'static, str>,
        status: StatusCode,
        headers: HeaderMap,
        idle: Option<Duration>,
        deadline: Option<(Instant, Duration)>,
    ) -> Self {
        let clock = Clock { idle, deadline, silent: None, timer: None, waker: None };
        Self { events, endpoint, status, headers, clock, count: 0, state: State::Open, types: PhantomData }
    }

    /// Waits for the next event; `None` when the model is done. Can be dropped while it waits without losing
    /// an event.
    pub async fn next(&mut self) -> Option<Result<Event<E::Event>>> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    /// How many events have arrived.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The id of the request, to look up in fal's dashboard (`x-fal-request-id`).
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.headers.get("x-fal-request-id")?.to_str().ok()
    }

    /// Waits for the end, and reads the last event as the whole output, which is what fal's models send last.
    /// Of a workflow it is the output of the whole.
    ///
    /// # Errors
    ///
    /// What broke the stream; `Decode` when the last event is no output, or when there was no event; what a
    /// workflow failed with.
    pub async fn done(mut self) -> Result<Reply<E::Output>> {
        while self.state == State::Open {
            if let Some(Err(error)) = std::future::poll_fn(|context| self.poll_sent(context)).await {
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
        let answer = Answer { status: self.status, headers: std::mem::take(&mut self.headers), body };
        Reply::read(answer, None).map_err(|error| error.at(self.endpoint.as_ref()))
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Event<E::Event>>>> {
        Poll::Ready(match ready!(self.poll_sent(context)) {
            Some(Ok(sent)) => match serde_json::from_slice(&sent.data) {
                Ok(value) => Some(Ok(Event::new(value, sent))),
                Err(_) => Some(Err(self.unreadable(&sent))),
            },
            Some(Err(error)) => Some(Err(error)),
            None => None,
        })
    }

    fn poll_sent(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<sse::Event>>> {
        if self.state != State::Open {
            return Poll::Ready(None);
        }
        let error = match self.events.poll_next(context) {
            Poll::Ready(Ok(Some(sent))) => {
                self.count += 1;
                self.clock.silent = None;
                return Poll::Ready(Some(Ok(sent)));
            }
            Poll::Ready(Ok(None)) if !self.events.is_within_event() => {
                self.state = State::Over;
                return Poll::Ready(None);
            }
            Poll::Ready(Ok(None)) => {
                let message =
                    format!("the stream ended in the middle of an event, after {}", events(self.count));
                Error::new(ErrorKind::Transport, message)
            }
            Poll::Ready(Err(error)) => {
                error.context(&format!("the stream broke after {}", events(self.count)))
            }
            Poll::Pending => match self.clock.poll(context, self.events.received()) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(limit) => {
                    let error = timed_out(limit, &self.endpoint);
                    error.context(&format!("the stream fell silent after {}", events(self.count)))
                }
            },
        };
        self.state = State::Broken;
        Poll::Ready(Some(Err(self.dressed(error))))
    }

    /// An event that is not what the endpoint promises. Reads it again to say where.
    fn unreadable(&self, sent: &sse::Event) -> Error {
        let answer = Answer { status: self.status, headers: self.headers.clone(), body: sent.data.clone() };
        let error = match answer.json::<E::Event>() {
            Err(error) => error,
            // Not to be: it was unreadable a moment ago.
            Ok(_) => Error::new(ErrorKind::Decode { path: ".".to_owned() }, "it cannot be read"),
        };
        self.dressed(error.context(&format!("event {}", self.count)))
    }

    fn dressed(&self, error: Error) -> Error {
        error.at(self.endpoint.as_ref()).request(self.request_id())
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

impl<E: Streams> futures_util::Stream for EventStream<E> {
    type Item = Result<Event<E::Event>>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }
}

impl<E: Streams> fmt::Debug for EventStream<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("endpoint", &self.endpoint)
            .field("count", &self.count)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
