//! The status of a request as a sequence of changes.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;

use super::job::Job;
use super::timeline::Phase;
use crate::hosts::BaseUrls;

/// A caller that watches the status of a request.
pub(crate) struct StatusWatcher {
    job: Arc<Job>,
    urls: BaseUrls,
    with_logs: bool,
    changed: watch::Receiver<()>,
    /// The phase that was reported last.
    reported: Option<Phase>,
    /// The number of log lines that were reported.
    reported_lines: usize,
}

impl StatusWatcher {
    pub(crate) fn new(job: Arc<Job>, urls: BaseUrls, with_logs: bool) -> Self {
        let changed = job.changed.subscribe();
        Self { job, urls, with_logs, changed, reported: None, reported_lines: 0 }
    }

    /// Waits for the next change. Returns the new status, with the log lines since the last one.
    ///
    /// The first call returns the current status at once. After the status of the completed request, every call
    /// returns `None`.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        if matches!(self.reported, Some(Phase::Done(_))) {
            return None;
        }
        loop {
            self.changed.mark_unchanged();
            let elapsed = self.job.elapsed();
            let (progress, is_step) = {
                let mut schedule = self.job.schedule();
                (schedule.poll_progress(elapsed), schedule.advances_by_poll())
            };
            let has_lines = self.with_logs && progress.log_lines.len() > self.reported_lines;
            if is_step || has_lines || self.reported != Some(progress.phase) {
                let new_lines = progress.log_lines.get(self.reported_lines..).unwrap_or_default();
                let status = self.job.status_json(&self.urls, &progress, self.with_logs.then_some(new_lines));
                self.reported = Some(progress.phase);
                self.reported_lines = progress.log_lines.len();
                return Some(status);
            }
            self.job.wait_for_change(elapsed, progress.phase, &mut self.changed).await;
        }
    }
}
