//! Following a request until it is completed.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Update,
    poll_schedule::{PollSchedule, RequestBudget},
    request_handle::RequestHandle,
    status_stream::{StatusStream, StreamItem},
    update_filter::{LogScope, UpdateFilter},
};
use crate::{
    Error, ErrorKind, Result,
    meter::{QueueMeter, record_units},
    reply::{CallResponse, billable_units},
    retry::RetryClass,
};

/// The number of fruitless streams in a row after which the request is only polled.
const MAX_FRUITLESS_STREAMS: u32 = 3;

/// The age at which a stream that delivers events is not fruitless, even if they were no news.
const STEADY: Duration = Duration::from_secs(5);

/// The maximum number of polls for log lines that reach the queue after it has reported the request as completed.
/// Polling ends with the first poll that brings none.
const MAX_LATE_LINE_POLLS: u32 = 10;

/// The pause between two of those polls.
const LATE_LINE_PAUSE: Duration = Duration::from_millis(100);

/// The options of a call that waits for a request.
#[derive(Default)]
pub(crate) struct FollowOptions {
    pub(super) logs: bool,
    pub(super) on_update: Option<OnUpdate>,
    pub(super) polling: PollSchedule,
    pub(super) cancel_on_drop: bool,
}

type OnUpdate = Box<dyn FnMut(&Update) + Send>;

/// Follows a request and returns each of its updates once.
///
/// Reads the status stream. Polls the status where there is no stream, where it stays silent, and where the client
/// follows too many already. When a stream breaks, polls at once and then opens another.
pub(super) struct Follower {
    handle: RequestHandle,
    logs: bool,
    polling: PollSchedule,
    filter: UpdateFilter,
    budget: RequestBudget,
    stream: Option<OpenStream>,
    /// The number of streams in a row that brought no news and did not last.
    ///
    /// A gateway may answer each stream with one event and close it, so an event alone is not a sign that streams
    /// are of use.
    fruitless_streams: u32,
    /// `true` if the next poll is sent without a pause.
    poll_now: bool,
}

/// A status stream, and its use so far.
struct OpenStream {
    events: StatusStream,
    opened: Instant,
    has_news: bool,
}

impl OpenStream {
    fn new(events: StatusStream) -> Self {
        Self { events, opened: Instant::now(), has_news: false }
    }

    fn is_fruitless(&self) -> bool {
        let is_steady = self.events.has_delivered() && self.opened.elapsed() >= STEADY;
        !self.has_news && !is_steady
    }
}

impl Follower {
    pub(super) fn new(handle: RequestHandle, logs: bool, polling: PollSchedule) -> Self {
        let streams = !polling.is_exclusive && handle.client.0.transport.supports_streams();
        let mut follower = Self {
            budget: RequestBudget::new(),
            stream: None,
            fruitless_streams: if streams { 0 } else { MAX_FRUITLESS_STREAMS },
            filter: UpdateFilter::default(),
            poll_now: true,
            handle,
            logs,
            polling,
        };
        if streams {
            follower.open_stream();
        }
        follower
    }

    /// Waits for the next update. Returns `None` after the request is completed.
    pub(super) async fn next(&mut self) -> Result<Option<Update>> {
        while !self.filter.is_completed() {
            let (update, scope) = match self.next_of_stream().await {
                Some(update) => (update, LogScope::SinceLastEvent),
                None => match self.poll().await? {
                    Some(update) => (update, LogScope::All),
                    None => continue,
                },
            };
            if let Some(mut update) = self.filter.filter(update, scope) {
                if let (Some(stream), LogScope::SinceLastEvent) = (&mut self.stream, scope) {
                    stream.has_news = true;
                }
                if update.is_completed() {
                    if let Some(stream) = self.stream.take() {
                        stream.events.finish().await;
                    }
                    self.add_late_lines(&mut update).await;
                }
                return Ok(Some(self.handle.finish_update(update)));
            }
        }
        Ok(None)
    }

    /// Waits for the next update of the stream. Returns `None` if the status must be polled.
    async fn next_of_stream(&mut self) -> Option<Update> {
        let stream = self.stream.as_mut()?;
        match stream.events.next().await {
            StreamItem::Update(update) => return Some(update),
            StreamItem::Silence => {}
            StreamItem::End => {
                if stream.is_fruitless() {
                    self.fruitless_streams += 1;
                } else {
                    self.fruitless_streams = 0;
                    self.polling.restart();
                }
                self.stream = None;
            }
        }
        self.poll_now = true;
        None
    }

    /// Polls the status, after a pause unless it is urgent. Returns `None` if a new stream was opened
    /// instead, or if the state is not known.
    async fn poll(&mut self) -> Result<Option<Update>> {
        if !std::mem::take(&mut self.poll_now) {
            let wants_stream = self.fruitless_streams < MAX_FRUITLESS_STREAMS
                && self.handle.client.0.queue.has_free_stream();
            tokio::time::sleep(self.polling.next_pause()).await;
            if !self.polling.is_exclusive {
                // A stream that breaks is followed by a poll at once.
                self.budget.wait_for(if wants_stream { 2 } else { 1 }).await;
            }
            if wants_stream && self.open_stream() {
                self.filter.start_stream();
                return Ok(None);
            }
        }
        self.budget.spend();
        self.handle.poll_status(self.logs).await
    }

    /// Opens a stream, unless the client reads as many as it may. Returns true if there is one now.
    fn open_stream(&mut self) -> bool {
        self.stream = StatusStream::new(&self.handle, self.logs).map(OpenStream::new);
        if self.stream.is_some() {
            self.budget.spend();
        }
        self.stream.is_some()
    }

    /// Adds lines that arrive after the request is completed.
    async fn add_late_lines(&mut self, completed: &mut Update) {
        let Some(lines) = completed.logs_mut().filter(|_| self.logs) else { return };
        for nth in 0..MAX_LATE_LINE_POLLS {
            if nth > 0 {
                tokio::time::sleep(LATE_LINE_PAUSE).await;
            }
            // The request is done, and a failed poll must not hide that.
            let Ok(mut update) = self.handle.fetch_status(true).await else { return };
            let Some(late) = update.logs_mut() else { return };
            self.filter.retain_new_lines(late, LogScope::All);
            if late.is_empty() {
                return;
            }
            lines.append(late);
        }
    }
}

impl FollowOptions {
    /// Returns options that report each update, without logs.
    pub(crate) fn observed_by(on_update: impl FnMut(&Update) + Send + 'static) -> Self {
        Self { on_update: Some(Box::new(on_update)), ..Self::default() }
    }

    /// Follows the request to its end and fetches the result.
    pub(super) async fn finish(&mut self, handle: &RequestHandle) -> Result<CallResponse> {
        let mut follower = Follower::new(handle.clone(), self.logs, self.polling);
        let (mut failure, mut meter) = (None, QueueMeter::default());
        while let Some(update) = follower.next().await? {
            match &update {
                Update::Queued { .. } => {}
                Update::Running { .. } => meter.running(),
                Update::Completed { metrics, .. } => meter.completed(metrics.inference_time),
            }
            if let Some(on_update) = &mut self.on_update {
                on_update(&update);
            }
            if let Update::Completed { error: Some(error), error_type, .. } = update {
                failure = Some((error, error_type));
            }
        }
        meter.finish(handle.endpoint());
        let Some((error, error_type)) = failure else {
            let fetched = handle.fetch_completed_result(RetryClass::Idempotent).await;
            let response = fetched.map_err(|error| error.with_end_of_result(false))?;
            record_units(handle.endpoint(), billable_units(&response.response.headers));
            return Ok(response);
        };
        // The result of a failed request is the failure, whose status may be one that is otherwise retried.
        let fetched = handle.fetch_completed_result(RetryClass::FailedResultFetch).await;
        let CallResponse { response, .. } = fetched.map_err(|error| error.with_end_of_result(true))?;
        let failure = Error::new(ErrorKind::Api, error)
            .with_error_type(error_type)
            .with_headers(&response.headers)
            .with_response(response.status, response.body)
            .hide(&response.secrets);
        Err(handle.with_ticket(failure).with_end())
    }
}

/// Implements the setters of a call that waits. The type has a field `follow: FollowOptions`.
macro_rules! follow_options {
    ($call:ident) => {
        impl<E: ::fal_core::Endpoint> $call<E> {
            /// Asks for the lines that the model logs.
            #[doc(alias = "with_logs")]
            pub fn logs(mut self) -> Self {
                self.follow.logs = true;
                self
            }

            /// Calls `on_update` with each change of the state or the position in the queue, and with new log
            /// lines. Each line is reported once.
            #[doc(alias("on_queue_update", "onQueueUpdate"))]
            pub fn on_update(
                mut self,
                on_update: impl FnMut(&$crate::queue::Update) + Send + 'static,
            ) -> Self {
                self.follow.on_update = Some(Box::new(on_update));
                self
            }

            /// Polls the status at this interval in place of reading the status stream.
            ///
            /// By default the stream is read. Where it cannot be had, the status is polled: first at once, then
            /// at intervals that grow from 50 ms to 1 s.
            #[doc(alias("poll_interval", "pollInterval"))]
            pub fn poll_every(mut self, interval: ::std::time::Duration) -> Self {
                self.follow.polling = $crate::queue::PollSchedule::every(interval);
                self
            }

            /// Cancels the request if this call is dropped before it has finished.
            ///
            /// A drop cannot wait, so the cancel request is sent by a task that is spawned on the tokio runtime
            /// in which the drop happens. Outside a runtime nothing is sent. A call that is dropped before fal
            /// has confirmed the request has nothing to cancel yet.
            #[doc(alias("abortSignal", "AbortController"))]
            pub fn cancel_on_drop(mut self) -> Self {
                self.follow.cancel_on_drop = true;
                self
            }
        }
    };
}

#[cfg(test)]
mod tests;
