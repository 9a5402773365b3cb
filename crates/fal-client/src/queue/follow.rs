//! Following a request until it is completed.

use std::time::Duration;

use super::{
    Update,
    request_handle::RequestHandle,
    status_stream::{StatusStream, StreamItem},
    update_filter::{LogScope, UpdateFilter},
};
use crate::{Error, ErrorKind, Result, reply::CallResponse, retry::RetryClass};

/// The number of streams in a row without an update after which the request is only polled.
const MAX_FRUITLESS_STREAMS: u32 = 3;

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

/// The pauses between two polls of the status.
#[derive(Debug, Clone, Copy)]
pub(super) struct PollSchedule {
    first: Duration,
    next: Duration,
    max: Duration,
    /// `true` if the request is polled without trying its status stream.
    is_exclusive: bool,
}

impl Default for PollSchedule {
    /// Notices a request of a second soon, and costs one poll a second for a request of minutes.
    fn default() -> Self {
        let first = Duration::from_millis(50);
        Self { first, next: first, max: Duration::from_secs(1), is_exclusive: false }
    }
}

impl PollSchedule {
    /// Polls at a fixed interval, and never opens the status stream.
    pub(super) fn every(interval: Duration) -> Self {
        Self { first: interval, next: interval, max: interval, is_exclusive: true }
    }

    /// Returns the next pause. Each is longer than the one before by half.
    fn next_pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.saturating_add(pause / 2).min(self.max);
        pause
    }

    fn restart(&mut self) {
        self.next = self.first;
    }
}

/// Follows a request and returns each of its updates once.
///
/// Reads the status stream. Polls the status where there is no stream, where it stays silent, and where the client
/// follows too many already. When a stream breaks, polls at once and then opens another.
pub(super) struct Follower {
    handle: RequestHandle,
    logs: bool,
    polling: PollSchedule,
    filter: UpdateFilter,
    stream: Option<StatusStream>,
    /// The number of streams in a row without an update.
    fruitless_streams: u32,
    /// `true` if the next poll is sent without a pause.
    poll_now: bool,
}

impl Follower {
    pub(super) fn new(handle: RequestHandle, logs: bool, polling: PollSchedule) -> Self {
        let streams = !polling.is_exclusive && handle.client.0.transport.supports_streams();
        Self {
            stream: streams.then(|| StatusStream::new(&handle, logs)).flatten(),
            fruitless_streams: if streams { 0 } else { MAX_FRUITLESS_STREAMS },
            filter: UpdateFilter::default(),
            poll_now: true,
            handle,
            logs,
            polling,
        }
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
                if update.is_completed() {
                    if let Some(stream) = self.stream.take() {
                        stream.finish().await;
                    }
                    self.add_late_lines(&mut update).await;
                }
                return Ok(Some(update));
            }
        }
        Ok(None)
    }

    /// Waits for the next update of the stream. Returns `None` if the status must be polled.
    async fn next_of_stream(&mut self) -> Option<Update> {
        let stream = self.stream.as_mut()?;
        match stream.next().await {
            StreamItem::Update(update) => return Some(update),
            StreamItem::Silence => {}
            StreamItem::End => {
                if stream.has_delivered() {
                    self.fruitless_streams = 0;
                    self.polling.restart();
                } else {
                    self.fruitless_streams += 1;
                }
                self.stream = None;
            }
        }
        self.poll_now = true;
        None
    }

    /// Polls the status, after a pause unless it is urgent. Returns `None` if a new stream was opened instead.
    async fn poll(&mut self) -> Result<Option<Update>> {
        if !std::mem::take(&mut self.poll_now) {
            tokio::time::sleep(self.polling.next_pause()).await;
            if self.fruitless_streams < MAX_FRUITLESS_STREAMS {
                self.stream = StatusStream::new(&self.handle, self.logs);
                if self.stream.is_some() {
                    self.filter.start_stream();
                    return Ok(None);
                }
            }
        }
        self.handle.poll_status(self.logs).await.map(Some)
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
    /// Follows the request to its end and fetches the result.
    pub(super) async fn finish(&mut self, handle: &RequestHandle) -> Result<CallResponse> {
        let mut follower = Follower::new(handle.clone(), self.logs, self.polling);
        let mut failure = None;
        while let Some(update) = follower.next().await? {
            if let Some(on_update) = &mut self.on_update {
                on_update(&update);
            }
            if let Update::Completed { error: Some(error), error_type, .. } = update {
                failure = Some((error, error_type));
            }
        }
        let Some((error, error_type)) = failure else {
            return handle.fetch_completed_result(RetryClass::Idempotent).await;
        };
        // The result of a failed request is the failure, whose status may be one that is otherwise retried.
        let CallResponse { response, .. } =
            handle.fetch_completed_result(RetryClass::FailedResultFetch).await?;
        let failure = Error::new(ErrorKind::Api, error)
            .with_error_type(error_type)
            .with_response(response.status, response.body);
        Err(handle.with_ids(failure))
    }
}

/// Implements the setters of a call that waits. The type has a field `follow: FollowOptions`.
macro_rules! follow_options {
    ($call:ident) => {
        impl<E: ::fal_core::Endpoint> $call<E> {
            /// Asks for the lines that the model logs.
            pub fn logs(mut self) -> Self {
                self.follow.logs = true;
                self
            }

            /// Calls `on_update` with each change of the state or the position in the queue, and with new log
            /// lines. Each line is reported once.
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
            pub fn poll_every(mut self, interval: ::std::time::Duration) -> Self {
                self.follow.polling = $crate::queue::follow::PollSchedule::every(interval);
                self
            }

            /// Cancels the request if this call is dropped before it has finished.
            ///
            /// A drop cannot wait, so the cancel request is sent by a task that is spawned on the tokio runtime
            /// in which the drop happens. Outside a runtime nothing is sent. A call that is dropped before fal
            /// has confirmed the request has nothing to cancel yet.
            pub fn cancel_on_drop(mut self) -> Self {
                self.follow.cancel_on_drop = true;
                self
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pauses(schedule: &mut PollSchedule, count: usize) -> Vec<u128> {
        (0..count).map(|_| schedule.next_pause().as_millis()).collect()
    }

    #[test]
    fn pauses_grow_by_half_up_to_the_maximum() {
        assert_eq!(
            pauses(&mut PollSchedule::default(), 10),
            [50, 75, 112, 168, 253, 379, 569, 854, 1000, 1000]
        );
    }

    #[test]
    fn fixed_interval_does_not_grow() {
        assert_eq!(pauses(&mut PollSchedule::every(Duration::from_secs(2)), 2), [2000; 2]);
        let mut schedule = PollSchedule::every(Duration::MAX);
        assert_eq!([schedule.next_pause(), schedule.next_pause()], [Duration::MAX; 2]);
    }

    #[test]
    fn restart_returns_to_the_first_pause() {
        let mut schedule = PollSchedule::default();
        pauses(&mut schedule, 9);
        schedule.restart();
        assert_eq!(pauses(&mut schedule, 2), [50, 75]);
    }
}
