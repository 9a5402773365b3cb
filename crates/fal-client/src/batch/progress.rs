//! The progress of a batch, as a value and as a stream.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use futures_util::{Stream, StreamExt, stream};
use tokio::sync::watch;

use super::budget::{Accounts, Spent};
use crate::{Usd, sync::lock};

/// The progress of a batch, from [`Completions::progress`](super::Completions::progress).
///
/// Counts inputs of this run and, as far as they are among its inputs, those that earlier processes have sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Progress {
    /// The number of inputs, if their iterator knows it.
    pub total: Option<usize>,
    /// The number of inputs that are not sent yet. Without a total, only those that were taken from the iterator.
    pub waiting: usize,
    /// The number of requests that are being submitted, in fal's queue, running, or whose output is on its way.
    pub running: usize,
    /// The number of requests with an output, or with a reply that was acknowledged in an earlier run.
    pub done: usize,
    /// The number of requests and inputs that have failed.
    pub failed: usize,
    /// The number of requests that may have been accepted.
    pub in_doubt: usize,
    /// The number of inputs that were not sent, because the batch has stopped.
    pub unsent: usize,
    /// The cost of finished requests, if the batch has a budget.
    pub spent: Option<Usd>,
    /// The part of the budget that is reserved for requests that are not finished.
    pub reserved: Option<Usd>,
}

/// Prints one line, such as `412 of 1,000 done, 3 failed, 32 running, 553 waiting, $10.30 spent, $0.80 reserved`.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Thousands(self.done))?;
        if let Some(total) = self.total {
            write!(f, " of {}", Thousands(total))?;
        }
        f.write_str(" done")?;
        let counts = [
            (self.failed, "failed"),
            (self.in_doubt, "in doubt"),
            (self.running, "running"),
            (self.waiting, "waiting"),
            (self.unsent, "not sent"),
        ];
        for (count, name) in counts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, ", {} {name}", Thousands(count))?;
        }
        if let Some(cost) = self.spent {
            let spent = Spent { cost, reserved: self.reserved.unwrap_or_default(), unpriced: 0 };
            write!(f, ", {spent}")?;
        }
        Ok(())
    }
}

/// Prints a number with commas between thousands.
pub(super) struct Thousands(pub(super) usize);

impl fmt::Display for Thousands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (nth, digit) in digits.chars().enumerate() {
            if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

/// The progress of a batch whenever it changes, from [`Completions::watch`](super::Completions::watch).
///
/// Gives the present progress first and the last one always; of changes that come faster than they are read, only the
/// newest. Ends with the batch. It does not drive the batch: something must poll its [`Completions`](super::Completions).
#[must_use = "a stream does nothing unless polled"]
pub struct ProgressUpdates(Pin<Box<dyn Stream<Item = Progress> + Send>>);

impl ProgressUpdates {
    /// Waits for the next change. Returns `None` after the end of the batch.
    ///
    /// Can be dropped while it waits.
    pub async fn next(&mut self) -> Option<Progress> {
        self.0.next().await
    }
}

impl Stream for ProgressUpdates {
    type Item = Progress;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl fmt::Debug for ProgressUpdates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgressUpdates").finish_non_exhaustive()
    }
}

/// Is called with each change of the progress.
pub(super) type OnProgress = Box<dyn Fn(Progress) + Send + Sync>;

/// The state of an input that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ItemPhase {
    Waiting,
    Running,
    Done,
    Failed,
    InDoubt,
    Unsent,
}

/// Counts the inputs of a batch.
pub(super) struct ProgressCounter {
    accounts: Arc<Accounts>,
    on_progress: Option<OnProgress>,
    progress: Mutex<Progress>,
    changes: Mutex<Option<watch::Sender<Progress>>>,
}

/// An input that is counted. Moves from one count to another.
pub(super) struct Counted {
    counter: Arc<ProgressCounter>,
    phase: ItemPhase,
}

impl ProgressCounter {
    pub(super) fn new(
        total: Option<usize>,
        accounts: Arc<Accounts>,
        on_progress: Option<OnProgress>,
    ) -> Arc<Self> {
        let progress = Progress { total, waiting: total.unwrap_or_default(), ..Progress::default() };
        let counter = Self {
            accounts,
            on_progress,
            progress: Mutex::new(progress),
            changes: Mutex::new(Some(watch::Sender::new(progress))),
        };
        let progress = counter.progress();
        if let Some(changes) = &*lock(&counter.changes) {
            changes.send_replace(progress);
        }
        Arc::new(counter)
    }

    pub(super) fn progress(&self) -> Progress {
        let money = self.accounts.money();
        let progress = *lock(&self.progress);
        Progress {
            spent: money.map(|money| money.charged),
            reserved: money.map(|money| money.reserved),
            ..progress
        }
    }

    pub(super) fn watch(&self) -> ProgressUpdates {
        let Some(mut receiver) = lock(&self.changes).as_ref().map(watch::Sender::subscribe) else {
            let last = self.progress();
            return ProgressUpdates(Box::pin(stream::iter([last])));
        };
        receiver.mark_changed();
        ProgressUpdates(Box::pin(stream::unfold(receiver, |mut receiver| async move {
            receiver.changed().await.ok()?;
            let progress = *receiver.borrow_and_update();
            Some((progress, receiver))
        })))
    }

    /// Ends the streams of changes.
    pub(super) fn finish(&self) {
        lock(&self.changes).take();
    }

    /// Counts an input that was taken.
    pub(super) fn take(self: &Arc<Self>) -> Counted {
        let mut progress = lock(&self.progress);
        if progress.total.is_none() {
            progress.waiting = progress.waiting.saturating_add(1);
        }
        drop(progress);
        Counted { counter: self.clone(), phase: ItemPhase::Waiting }
    }

    fn publish(&self) {
        let progress = self.progress();
        if let Some(changes) = &*lock(&self.changes) {
            changes.send_replace(progress);
        }
        if let Some(on_progress) = &self.on_progress {
            on_progress(progress);
        }
    }
}

impl Counted {
    /// Moves the input to another count, and tells all who watch.
    pub(super) fn set(&mut self, phase: ItemPhase) {
        if self.phase == phase {
            return;
        }
        {
            let mut progress = lock(&self.counter.progress);
            let before = progress.count(self.phase);
            *before = before.saturating_sub(1);
            *progress.count(phase) += 1;
        }
        self.phase = phase;
        self.counter.publish();
    }
}

impl Progress {
    fn count(&mut self, phase: ItemPhase) -> &mut usize {
        match phase {
            ItemPhase::Waiting => &mut self.waiting,
            ItemPhase::Running => &mut self.running,
            ItemPhase::Done => &mut self.done,
            ItemPhase::Failed => &mut self.failed,
            ItemPhase::InDoubt => &mut self.in_doubt,
            ItemPhase::Unsent => &mut self.unsent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_prints_as_one_line() {
        let progress = Progress {
            total: Some(1_234_567),
            waiting: 553,
            running: 32,
            done: 1000,
            failed: 3,
            spent: Some(Usd::cents(1030)),
            reserved: Some(Usd::cents(80)),
            ..Progress::default()
        };
        let line = "1,000 of 1,234,567 done, 3 failed, 32 running, 553 waiting, $10.30 spent, $0.80 reserved";
        assert_eq!(progress.to_string(), line);
        assert_eq!(Progress::default().to_string(), "0 done");
    }
}
