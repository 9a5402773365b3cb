//! The times that a request waits and runs.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    queue::{FollowOptions, Update},
    sync::lock,
};

/// Measures one request by its updates.
#[derive(Debug, Clone)]
pub(super) struct Timing {
    start: Instant,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    running_at: Option<Instant>,
    completed_at: Option<Instant>,
    /// The run time that fal has measured.
    run_time: Option<Duration>,
    has_failed: bool,
}

impl Default for Timing {
    fn default() -> Self {
        Self { start: Instant::now(), seen: Arc::default() }
    }
}

impl Timing {
    /// Returns options that report updates here.
    pub(super) fn follow(&self) -> FollowOptions {
        let seen = self.seen.clone();
        FollowOptions::observed_by(move |update| lock(&seen).note(update))
    }

    /// Returns true if the queue has reported that the request failed.
    pub(super) fn has_failed(&self) -> bool {
        lock(&self.seen).has_failed
    }

    /// Returns the times in the queue and on a runner, or `None` if they were not seen.
    pub(super) fn measured(&self) -> Option<(Duration, Duration)> {
        let seen = lock(&self.seen);
        let completed_at = seen.completed_at?;
        let total = completed_at.duration_since(self.start);
        match (seen.running_at, seen.run_time) {
            (Some(running_at), _) => {
                Some((running_at.duration_since(self.start), completed_at.duration_since(running_at)))
            }
            (None, Some(ran)) => Some((total.saturating_sub(ran), ran)),
            (None, None) => None,
        }
    }
}

impl Seen {
    fn note(&mut self, update: &Update) {
        match update {
            Update::Queued { .. } => {}
            Update::Running { .. } => {
                self.running_at.get_or_insert_with(Instant::now);
            }
            Update::Completed { metrics, error, .. } => {
                self.completed_at = Some(Instant::now());
                let seconds = metrics.inference_time.and_then(|time| Duration::try_from_secs_f64(time).ok());
                self.run_time = seconds;
                self.has_failed = error.is_some();
            }
        }
    }
}
