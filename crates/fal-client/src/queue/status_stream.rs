//! The status stream of a request.

use std::time::Duration;

use http::{HeaderValue, Method, header};
use tokio::sync::OwnedSemaphorePermit;
use tracing::Instrument;

use super::{Update, request_handle::RequestHandle};
use crate::{BoxFuture, Error, ErrorKind, Result, Retry, hosts::join, retry::RetryClass, sse::Events};

/// The silence of a stream that has not delivered anything after which the status is polled once. Doubles with
/// each further silence.
const FIRST_SILENCE: Duration = Duration::from_secs(1);

/// The silence that is normal for a stream that has delivered something.
const MAX_SILENCE: Duration = Duration::from_secs(15);

/// The time to wait for the end of a stream after its last event. Servers end it at once, and the connection can
/// then be reused.
const END_TIMEOUT: Duration = Duration::from_millis(10);

/// The number of silences after which a stream that has not delivered anything is given up.
const MAX_SILENCES: u32 = 2;

/// An open status stream, or one that is being opened.
pub(super) struct StatusStream {
    state: State,
    silences: u32,
    has_delivered: bool,
    _permit: OwnedSemaphorePermit,
}

enum State {
    Opening(BoxFuture<'static, Result<Events>>),
    Open(Box<Events>),
}

/// The outcome of waiting for an event.
pub(super) enum StreamItem {
    Update(Update),
    /// Nothing arrived for long. The stream may go on.
    Silence,
    /// The stream is over, or gives no usable events.
    End,
}

impl StatusStream {
    /// Prepares a stream, unless the client follows as many as it may. Nothing is sent before
    /// [`next`](Self::next).
    pub(super) fn new(handle: &RequestHandle, logs: bool) -> Option<Self> {
        let permit = handle.client.0.queue.try_acquire_stream()?;
        let state =
            State::Opening(Box::pin(handle.clone().open_status_stream(logs).instrument(handle.span())));
        Some(Self { state, silences: 0, has_delivered: false, _permit: permit })
    }

    /// Waits for the next event. Can be dropped while it waits without losing anything.
    pub(super) async fn next(&mut self) -> StreamItem {
        let silence = if self.has_delivered {
            MAX_SILENCE
        } else {
            FIRST_SILENCE.saturating_mul(1 << self.silences.min(4)).min(MAX_SILENCE)
        };
        match tokio::time::timeout(silence, self.next_update()).await {
            Ok(Ok(Some(update))) => {
                self.has_delivered = true;
                StreamItem::Update(update)
            }
            Ok(Ok(None)) => StreamItem::End,
            Ok(Err(error)) => {
                tracing::debug!(%error, "the status stream broke");
                StreamItem::End
            }
            Err(_) => {
                self.silences += 1;
                if !self.has_delivered && self.silences > MAX_SILENCES {
                    StreamItem::End
                } else {
                    StreamItem::Silence
                }
            }
        }
    }

    async fn next_update(&mut self) -> Result<Option<Update>> {
        loop {
            match &mut self.state {
                State::Opening(opening) => self.state = State::Open(Box::new(opening.await?)),
                State::Open(events) => {
                    let Some(event) = events.next().await? else { return Ok(None) };
                    // An event that is no status ends the stream. A poll follows, and its response explains it.
                    return Ok(Update::parse_event(&event.data));
                }
            }
        }
    }

    /// Returns true if at least one update arrived.
    pub(super) fn has_delivered(&self) -> bool {
        self.has_delivered
    }

    /// Waits briefly for the end of the stream after its last event, so that its connection can be reused.
    pub(super) async fn finish(mut self) {
        if let State::Open(events) = &mut self.state
            && events.holds_connection()
        {
            let _ = tokio::time::timeout(END_TIMEOUT, events.next()).await;
        }
    }
}

impl RequestHandle {
    async fn open_status_stream(self, logs: bool) -> Result<Events> {
        let mut request = self.request(Method::GET, |urls| join(&urls.status, ["stream"]))?;
        request.url.query_pairs_mut().append_pair("logs", if logs { "1" } else { "0" });
        request.headers.insert(header::ACCEPT, HeaderValue::from_static("text/event-stream"));
        request.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        // Not retried: polls take over when it fails, and these are.
        request.retry_class = RetryClass::FailedResultFetch;
        request.retry = Retry::none();
        request.timeout = None;
        let response = self.client.0.transport.open(&request).await?;
        let limit = self.client.0.transport.event_limit();
        Events::from_response(response, limit).map_err(|_| {
            Error::new(ErrorKind::Decode { path: ".".to_owned() }, "the answer is no stream of events")
        })
    }
}
