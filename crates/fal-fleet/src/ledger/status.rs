//! The state of a fleet.

use std::{fmt, time::Duration};

use fal_client::Usd;

/// The state of a fleet, from [`Fleet::status`](crate::Fleet::status). Prints one line for each batch.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Status {
    /// The batches, in the order in which they were created.
    pub batches: Vec<BatchStatus>,
    /// The number of workers that were seen in the last minute.
    pub workers: u64,
    /// The accounts that are locked, with fal's reason.
    pub locked: Vec<(String, String)>,
}

/// The state of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchStatus {
    /// The name of the batch.
    pub name: String,
    /// The number of requests that are not sent.
    pub waiting: u64,
    /// The number of requests that are being sent, or in fal's queue.
    pub under_way: u64,
    /// The number of requests whose output is there.
    pub done: u64,
    /// The number of requests that the handler has acknowledged. They count as done, too.
    pub acknowledged: u64,
    /// The number of requests that have failed.
    pub failed: u64,
    /// The number of requests that may have been accepted.
    pub in_doubt: u64,
    /// The number of requests that were finished in the last minute.
    pub finished_last_minute: u64,
    /// The time for which the request waits that has waited longest.
    pub oldest_waiting: Option<Duration>,
    /// The budget, if there is one.
    pub budget: Option<Usd>,
    /// The cost of finished requests, as far as it is known.
    pub spent: Usd,
    /// The money that is reserved for requests that are not finished.
    pub reserved: Usd,
    /// The number of requests that took the output of an earlier one. They count as done, too.
    pub reused: u64,
    /// The reason for which the batch sends nothing more.
    pub stop_reason: Option<String>,
}

/// A request of a batch that has no output, from [`Batch::failures`](crate::Batch::failures).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FailedRequest {
    /// The key of the request.
    pub key: String,
    /// The id of the request at fal, if fal has accepted it.
    pub request_id: Option<String>,
    /// The reason.
    pub message: String,
    /// True if fal may have accepted the request, so that it may still have an output.
    pub is_in_doubt: bool,
}

impl BatchStatus {
    /// Returns true if every request has ended, and every output is acknowledged.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.waiting + self.under_way + self.in_doubt == 0 && self.acknowledged == self.done
    }
}

impl fmt::Display for BatchStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} waiting, {} under way, {} done",
            self.name, self.waiting, self.under_way, self.done
        )?;
        for (count, word) in [
            (self.done - self.acknowledged, "not acknowledged"),
            (self.reused, "reused"),
            (self.failed, "failed"),
            (self.in_doubt, "in doubt"),
        ] {
            if count > 0 {
                write!(f, ", {count} {word}")?;
            }
        }
        write!(f, ", {} spent", self.spent)?;
        if let Some(budget) = self.budget {
            write!(f, " of {budget}")?;
        }
        if let Some(reason) = &self.stop_reason {
            write!(f, "; stopped: {reason}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for batch in &self.batches {
            writeln!(f, "{batch}")?;
        }
        for (account, reason) in &self.locked {
            writeln!(f, "the account `{account}` is locked: {reason}")?;
        }
        write!(f, "{} workers", self.workers)
    }
}
