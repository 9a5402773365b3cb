//! The status stream of a request.

use std::time::Duration;

use http::{HeaderValue, Method, header};
use tokio::sync::OwnedSemaphorePermit;

use super::{Update, request_handle::RequestHandle};
use crate::{BoxFuture, Error, ErrorKind, Result, hosts::join, retry::RetryClass, sse::Events};

/// A stream that has said nothing yet is asked about by a look at the status after this long, and then
/// after ever longer ones.
const SILENCE: Duration = Duration::from_secs(1);

/// A stream that is known to work may be silent for this long.
const LONG_SILENCE: Duration = Duration::from_secs(15);

/// The end of a stream follows its last event at once. The connection can be used again if that is waited
/// for.
const END: Duration = Duration::from_millis(10);

/// How many silences in a row make a stream that has said nothing useless.
const USELESS: u32 = 2;

/// A status stream that is being listened to.
pub(super) struct Listening {
    state: State,
    silences: u32,
    has_spoken: bool,
    _permit: OwnedSemaphorePermit,
}

enum State {
    Opening(BoxFuture<'static, Result<Events>>),
    Open(Box<Events>),
}

/// What listening has brought.
pub(super) enum Heard {
    Update(Update),
    /// Nothing for long. It may go on.
    Silence,
    /// The stream is over, or of no use.
    End,
}

impl Listening {
    /// Starts to listen, if no more are listening than should. Nothing is sent before `next`.
    pub(super) fn start(queued: &RequestHandle, logs: bool) -> Option<Self> {
        let permit = queued.client.0.queue.stream()?;
        let queued = queued.clone();
        let opening = Box::pin(async move { queued.open_stream(logs).await });
        Some(Self { state: State::Opening(opening), silences: 0, has_spoken: false, _permit: permit })
    }

    /// Waits for the next event. May be dropped while it waits.
    pub(super) async fn next(&mut self) -> Heard {
        let silence = if self.has_spoken {
            LONG_SILENCE
        } else {
            SILENCE.saturating_mul(1 << self.silences.min(4)).min(LONG_SILENCE)
        };
        match tokio::time::timeout(silence, self.event()).await {
            Ok(Ok(Some(update))) => {
                self.has_spoken = true;
                Heard::Update(update)
            }
            Ok(Ok(None)) => Heard::End,
            Ok(Err(error)) => {
                tracing::debug!(%error, "the status stream broke");
                Heard::End
            }
            Err(_) => {
                self.silences += 1;
                if !self.has_spoken && self.silences > USELESS { Heard::End } else { Heard::Silence }
            }
        }
    }

    async fn event(&mut self) -> Result<Option<Update>> {
        loop {
            match &mut self.state {
                State::Opening(opening) => self.state = State::Open(Box::new(opening.await?)),
                State::Open(events) => {
                    let Some(event) = events.next().await? else { return Ok(None) };
                    // What makes no sense is asked for again by a look, whose answer explains it.
                    return Ok(Update::of_event(&event.data));
                }
            }
        }
    }

    pub(super) fn has_spoken(&self) -> bool {
        self.has_spoken
    }

    /// Waits for the end after the last event, for a moment.
    pub(super) async fn finish(mut self) {
        if let State::Open(events) = &mut self.state
            && events.holds_connection()
        {
            let _ = tokio::time::timeout(END, events.next()).await;
        }
    }
}

impl RequestHandle {
    async fn open_stream(self, logs: bool) -> Result<Events> {
        let mut request = self.request(Method::GET, |urls| join(&urls.status, ["stream"]))?;
        request.url.set_query(Some(if logs { "logs=1" } else { "logs=0" }));
        request.headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        // Whether it works is found out soon enough, and looks at the status are tried again.
        request.retry_class = RetryClass::FailedResultFetch;
        request.retry = crate::Retry::none();
        request.timeout = None;
        let response = self.client.0.transport.open(&request).await?;
        let limit = self.client.0.transport.event_limit();
        Events::from_response(response, limit).map_err(|_| {
            Error::new(ErrorKind::Decode { path: ".".to_owned() }, "the answer is no stream of events")
        })
    }
}
