//! The settings of batches and accounts.

use std::time::{Duration, SystemTime};

use fal_client::batch::{Budget, Concurrency};

use super::reuse::Reuse;
use crate::{Error, ErrorKind, Result, RetryFailed};

/// The settings of a batch. Those that are not set keep what the database has.
#[derive(Debug, Clone, Default)]
pub(crate) struct BatchSettings {
    pub(crate) name: String,
    pub(crate) account: Option<String>,
    pub(crate) concurrency: Option<Concurrency>,
    pub(crate) priority: Option<i32>,
    pub(crate) budget: Option<Budget>,
    pub(crate) webhook: Option<String>,
    pub(crate) reconcile: Option<bool>,
    pub(crate) deadline: Option<SystemTime>,
    pub(crate) retry_failed: Option<RetryFailed>,
    pub(crate) reuse: Option<Reuse>,
}

impl BatchSettings {
    /// Returns true if no setting is given, so that a batch that exists stays as it is.
    pub(super) fn is_plain(&self) -> bool {
        matches!(
            self,
            Self {
                name: _,
                account: None,
                concurrency: None,
                priority: None,
                budget: None,
                webhook: None,
                reconcile: None,
                deadline: None,
                retry_failed: None,
                reuse: None,
            }
        )
    }

    /// Checks the names.
    pub(super) fn check(&self) -> Result<()> {
        check_name("a batch", &self.name)?;
        let error_types = self.retry_failed.iter().flat_map(|policy| &policy.error_types);
        error_types.into_iter().try_for_each(|name| check_name("a type of failures", name))?;
        self.account.as_ref().map_or(Ok(()), |account| check_name("an account", account))
    }

    /// Returns the largest number of requests under way, and whether it is adapted.
    pub(super) fn concurrency(&self) -> (Option<i32>, Option<bool>) {
        self.concurrency.as_ref().map_or((None, None), |concurrency| {
            (Some(i32::try_from(concurrency.limit()).unwrap_or(i32::MAX)), Some(concurrency.is_adaptive()))
        })
    }

    /// Returns the number of times that a failed request is sent again.
    pub(super) fn retries(&self) -> Option<i32> {
        self.retry_failed.as_ref().map(|policy| i32::try_from(policy.times).unwrap_or(i32::MAX))
    }
}

/// A batch of the database.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SavedBatch {
    pub(super) id: i32,
    pub(super) reuse: Reuse,
}

/// Checks a name or key: 1 to 256 characters, of which none is NUL.
pub(super) fn check_name(of: &str, name: &str) -> Result<()> {
    if (1..=256).contains(&name.chars().count()) && !name.contains('\0') {
        return Ok(());
    }
    let shown: String = name.escape_debug().take(60).collect();
    Err(Error::config(format!(
        "`{shown}` cannot be the name of {of}: it needs 1 to 256 characters, and none of them NUL"
    )))
}

/// The first and the longest pause between two probes of a locked account.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProbePauses {
    pub(crate) first: Duration,
    pub(crate) max: Duration,
}

/// Returns the error of a batch that does not exist.
pub(super) fn no_batch(name: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no batch `{}`", name.escape_debug()))
}
