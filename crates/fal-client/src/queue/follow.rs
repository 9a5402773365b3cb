//! Following a request until it is completed.

use std::time::Duration;

use super::{
    Update,
    listen::{Heard, Listening},
    news::{Lines, News},
    request_handle::RequestHandle,
};
use crate::{Error, ErrorKind, Result, reply::CallResponse, retry::RetryClass};

/// After so many streams in a row that said nothing, the request is only looked at.
const USELESS_STREAMS: u32 = 3;

/// Lines may reach the queue after it has said that the request is completed. It is looked for them as long
/// as each look brings some, this often at most.
const LOOKS_FOR_LATE_LINES: u32 = 10;

/// Between two of those looks.
const LATE: Duration = Duration::from_millis(100);

/// What the setters of a call that waits have collected.
#[derive(Default)]
pub(crate) struct FollowOptions {
    pub(super) logs: bool,
    pub(super) on_update: Option<OnUpdate>,
    pub(super) poll: Poll,
    pub(super) cancel_on_drop: bool,
}

type OnUpdate = Box<dyn FnMut(&Update) + Send>;

/// The pauses between two looks at the status.
#[derive(Debug, Clone, Copy)]
pub(super) struct Poll {
    first: Duration,
    next: Duration,
    longest: Duration,
    /// Whether the caller wants nothing but looks.
    only: bool,
}

impl Default for Poll {
    /// A request that takes a second is noticed soon, one that takes minutes costs one look a second.
    fn default() -> Self {
        let first = Duration::from_millis(50);
        Self { first, next: first, longest: Duration::from_secs(1), only: false }
    }
}

impl Poll {
    pub(super) fn every(interval: Duration) -> Self {
        Self { first: interval, next: interval, longest: interval, only: true }
    }

    fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.saturating_add(pause / 2).min(self.longest);
        pause
    }

    fn start_again(&mut self) {
        self.next = self.first;
    }
}

/// Watches a request and says what is new.
///
/// It listens to the status stream. Where there is none, or it says nothing, or too many are listened to,
/// it looks at the status now and then. When a stream breaks, it looks at once, and then listens again.
pub(super) struct Follower {
    queued: RequestHandle,
    logs: bool,
    poll: Poll,
    news: News,
    listening: Option<Listening>,
    /// Streams in a row that said nothing.
    useless: u32,
    /// Whether to look without a pause.
    at_once: bool,
}

impl Follower {
    pub(super) fn new(queued: RequestHandle, logs: bool, poll: Poll) -> Self {
        let listens = !poll.only && queued.client.0.transport.streams();
        Self {
            listening: listens.then(|| Listening::start(&queued, logs)).flatten(),
            useless: if listens { 0 } else { USELESS_STREAMS },
            news: News::default(),
            at_once: true,
            queued,
            logs,
            poll,
        }
    }

    /// Waits for something new; `None` after the request is completed.
    pub(super) async fn next(&mut self) -> Result<Option<Update>> {
        while !self.news.is_completed() {
            let (update, lines) = match self.listen().await {
                Some(update) => (update, Lines::Further),
                None => match self.look().await? {
                    Some(update) => (update, Lines::All),
                    None => continue,
                },
            };
            if let Some(mut update) = self.news.of(update, lines) {
                if update.is_completed() {
                    if let Some(listening) = self.listening.take() {
                        listening.finish().await;
                    }
                    self.add_late_lines(&mut update).await;
                }
                return Ok(Some(update));
            }
        }
        Ok(None)
    }

    /// What the stream says next; `None` when it is time to look.
    async fn listen(&mut self) -> Option<Update> {
        let listening = self.listening.as_mut()?;
        match listening.next().await {
            Heard::Update(update) => return Some(update),
            Heard::Silence => {}
            Heard::End => {
                if listening.has_spoken() {
                    self.useless = 0;
                    self.poll.start_again();
                } else {
                    self.useless += 1;
                }
                self.listening = None;
            }
        }
        self.at_once = true;
        None
    }

    /// What a look says, after a pause unless it is urgent; `None` when the pause ended with a new stream.
    async fn look(&mut self) -> Result<Option<Update>> {
        if !std::mem::take(&mut self.at_once) {
            tokio::time::sleep(self.poll.pause()).await;
            if self.useless < USELESS_STREAMS {
                self.listening = Listening::start(&self.queued, self.logs);
                if self.listening.is_some() {
                    self.news.stream_begins();
                    return Ok(None);
                }
            }
        }
        self.queued.look(self.logs).await.map(Some)
    }

    async fn add_late_lines(&mut self, completed: &mut Update) {
        let Some(lines) = completed.logs_mut().filter(|_| self.logs) else { return };
        for nth in 0..LOOKS_FOR_LATE_LINES {
            if nth > 0 {
                tokio::time::sleep(LATE).await;
            }
            // The request is done: that a look fails must not hide it.
            let Ok(mut update) = self.queued.fetch_status(true).await else { return };
            let Some(late) = update.logs_mut() else { return };
            self.news.retain_new(late, Lines::All);
            if late.is_empty() {
                return;
            }
            lines.append(late);
        }
    }
}

impl FollowOptions {
    /// Follows the request to its end and fetches the result.
    pub(super) async fn finish(&mut self, queued: &RequestHandle) -> Result<CallResponse> {
        let mut follower = Follower::new(queued.clone(), self.logs, self.poll);
        let mut failure = None;
        while let Some(update) = follower.next().await? {
            if let Some(on_update) = &mut self.on_update {
                on_update(&update);
            }
            if let Update::Completed { error: Some(error), error_type, .. } = update {
                failure = Some((error, error_type));
            }
        }
        let Some((error, error_type)) = failure else { return queued.collect(RetryClass::Idempotent).await };
        // The result of a failed request is the failure, whose status may be one that is otherwise worth
        // another try.
        let CallResponse { answer, .. } = queued.collect(RetryClass::FailedResultFetch).await?;
        let failure = Error::new(ErrorKind::Api, error).with_error_type(error_type);
        Err(queued.named(failure.with_response(answer.status, answer.body)))
    }
}

/// The setters of every call that waits. The type has a field `follow: FollowOptions`.
macro_rules! follow_options {
    ($call:ident) => {
        impl<E: ::fal_core::Endpoint> $call<E> {
            /// Asks for what the model logs.
            pub fn logs(mut self) -> Self {
                self.follow.logs = true;
                self
            }

            /// Calls `on_update` whenever something is new: the state, the position in the queue, or
            /// lines of the log, each of which is passed once.
            pub fn on_update(
                mut self,
                on_update: impl FnMut(&$crate::queue::Update) + Send + 'static,
            ) -> Self {
                self.follow.on_update = Some(Box::new(on_update));
                self
            }

            /// Looks at the request at this interval, and does not listen to its status stream.
            ///
            /// By default the stream tells what happens when it happens. Where it cannot be had, the
            /// request is looked at, first at once, then at intervals that grow from 50 ms to 1 s.
            pub fn poll_every(mut self, interval: ::std::time::Duration) -> Self {
                self.follow.poll = $crate::queue::follow::Poll::every(interval);
                self
            }

            /// Cancels the request when this call is dropped before it has finished.
            ///
            /// A drop cannot wait, so the cancel request is sent by a task that is spawned on the tokio
            /// runtime in which the drop happens; without one nothing is sent. A call that is dropped
            /// before fal has confirmed the request has nothing to cancel yet.
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

    #[test]
    fn pauses_grow_to_the_longest() {
        let mut poll = Poll::default();
        let pauses: Vec<_> = (0..10).map(|_| poll.pause().as_millis()).collect();
        assert_eq!(pauses, [50, 75, 112, 168, 253, 379, 569, 854, 1000, 1000]);
        let mut poll = Poll::every(Duration::from_secs(2));
        assert_eq!([poll.pause(), poll.pause()], [Duration::from_secs(2); 2]);
        let mut poll = Poll::every(Duration::MAX);
        assert_eq!([poll.pause(), poll.pause()], [Duration::MAX; 2]);
    }
}
