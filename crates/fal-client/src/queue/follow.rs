//! Following a request until it is completed, by polling.

use std::time::Duration;

use fal_core::Endpoint;

use super::{Job, Update, logs::Seen};
use crate::{Error, ErrorKind, Reply, Result, retry::Repeat};

/// What the setters of a call that waits have collected.
#[derive(Default)]
pub(super) struct FollowOptions {
    pub(super) logs: bool,
    pub(super) on_update: Option<OnUpdate>,
    pub(super) poll: Poll,
    pub(super) cancel_on_drop: bool,
}

type OnUpdate = Box<dyn FnMut(&Update) + Send>;

/// The pauses between two looks at the status.
#[derive(Debug, Clone, Copy)]
pub(super) struct Poll {
    next: Duration,
    longest: Duration,
}

impl Default for Poll {
    /// A request that takes a second is noticed soon, one that takes minutes costs two looks a second.
    fn default() -> Self {
        Self { next: Duration::from_millis(50), longest: Duration::from_millis(500) }
    }
}

impl Poll {
    pub(super) fn every(interval: Duration) -> Self {
        Self { next: interval, longest: interval }
    }

    fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.saturating_add(pause / 2).min(self.longest);
        pause
    }
}

/// Looks at a request and says what is new.
pub(super) struct Follower<E> {
    job: Job<E>,
    logs: bool,
    poll: Poll,
    seen: Seen,
    last: Option<Update>,
}

impl<E: Endpoint> Follower<E> {
    pub(super) fn new(job: Job<E>, logs: bool, poll: Poll) -> Self {
        Self { job, logs, poll, seen: Seen::default(), last: None }
    }

    /// Waits for something new; `None` after the request is completed.
    pub(super) async fn next(&mut self) -> Result<Option<Update>> {
        loop {
            match &self.last {
                Some(Update::Completed { .. }) => return Ok(None),
                Some(_) => tokio::time::sleep(self.poll.pause()).await,
                None => {}
            }
            let update = self.job.fetch_status(self.logs).await?;
            if let Some(update) = self.news(update) {
                return Ok(Some(update));
            }
        }
    }

    /// The update with its new lines only, if there is anything new about it.
    fn news(&mut self, mut update: Update) -> Option<Update> {
        let mut changed = match (&self.last, &update) {
            (Some(Update::Queued { position: before }), Update::Queued { position }) => before != position,
            (Some(Update::Running { .. }), Update::Running { .. }) => false,
            _ => true,
        };
        if let Some(logs) = update.logs_mut() {
            self.seen.retain_new(logs);
            changed |= !logs.is_empty();
        }
        if changed {
            self.last = Some(update.clone());
        }
        changed.then_some(update)
    }
}

impl FollowOptions {
    /// Follows the request to its end and fetches the result.
    pub(super) async fn finish<E: Endpoint>(&mut self, job: &Job<E>) -> Result<Reply<E::Output>> {
        let mut follower = Follower::new(job.clone(), self.logs, self.poll);
        let mut failure = None;
        while let Some(update) = follower.next().await? {
            if let Some(on_update) = &mut self.on_update {
                on_update(&update);
            }
            if let Update::Completed { error: Some(error), error_type, .. } = update {
                failure = Some((error, error_type));
            }
        }
        let Some((error, error_type)) = failure else { return job.fetch_result(Repeat::Freely).await };
        // The result of a failed request is the failure, whose status may be one that is otherwise worth
        // another try.
        match job.fetch_result(Repeat::UnlessAnswered).await {
            Ok(reply) => {
                let failure = Error::new(ErrorKind::Api, error).typed(error_type);
                Err(job.named(failure.body_of(http::StatusCode::OK, reply.raw().clone())))
            }
            Err(error) => Err(error),
        }
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
            pub fn on_update(mut self, on_update: impl FnMut(&$crate::Update) + Send + 'static) -> Self {
                self.follow.on_update = Some(Box::new(on_update));
                self
            }

            /// Looks at the request at this interval. By default the interval grows from 50 ms to 500 ms.
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
    use crate::{Client, queue::Log, untyped::Any};

    #[test]
    fn pauses_grow_to_the_longest() {
        let mut poll = Poll::default();
        let pauses: Vec<_> = (0..8).map(|_| poll.pause().as_millis()).collect();
        assert_eq!(pauses, [50, 75, 112, 168, 253, 379, 500, 500]);
        let mut poll = Poll::every(Duration::from_secs(2));
        assert_eq!([poll.pause(), poll.pause()], [Duration::from_secs(2); 2]);
        let mut poll = Poll::every(Duration::MAX);
        assert_eq!([poll.pause(), poll.pause()], [Duration::MAX; 2]);
    }

    #[test]
    fn only_news_is_passed_on() {
        let client = Client::builder().emulator("http://127.0.0.1:9").build().unwrap();
        let job: Job<Any> = client.untyped_job("acme/app", "r1");
        let mut follower = Follower::new(job, true, Poll::default());
        let queued = |position| Update::Queued { position };
        let running = |lines: &str| {
            let log = |line: char| Log { message: line.into(), level: None, timestamp: None, source: None };
            Update::Running { logs: lines.chars().map(log).collect() }
        };
        let table = [
            (queued(2), Some(queued(2))),
            (queued(2), None),
            (queued(1), Some(queued(1))),
            (running(""), Some(running(""))),
            (running(""), None),
            (running("ab"), Some(running("ab"))),
            (running("ab"), None),
            (running("abc"), Some(running("c"))),
            // Another runner took over.
            (queued(0), Some(queued(0))),
            (running("abc"), Some(running(""))),
        ];
        for (update, news) in table {
            assert_eq!(follower.news(update), news);
        }
    }
}
