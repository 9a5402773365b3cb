//! The limits of the registry on uploads.
//!
//! crates.io lets an account upload five new crates at once and then one every ten minutes, and 30 new versions at once
//! and then one a minute (<https://crates.io/docs/rate-limits>). It says when the next upload is allowed, and this is
//! believed; the figures here only tell how long everything takes.

use std::time::{Duration, SystemTime};

use super::schedule::Outcome;

/// The limit that an upload counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// The first version of a crate.
    NewCrate,
    /// A further version of a crate.
    NewVersion,
}

impl Limit {
    /// Returns the number of uploads at once, and the time after which another one is allowed.
    pub(super) fn figures(self) -> (usize, Duration) {
        match self {
            Self::NewCrate => (5, Duration::from_secs(600)),
            Self::NewVersion => (30, Duration::from_secs(60)),
        }
    }

    /// Returns the time that a number of uploads takes.
    pub(super) fn time_of(self, uploads: usize) -> Duration {
        let (burst, pause) = self.figures();
        pause * u32::try_from(uploads.saturating_sub(burst)).unwrap_or(u32::MAX)
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::NewCrate => "new crates",
            Self::NewVersion => "new versions",
        }
    }
}

/// The times before which the registry takes no upload.
#[derive(Debug, Default)]
pub(super) struct Limits {
    new_crates: Option<SystemTime>,
    new_versions: Option<SystemTime>,
}

impl Limits {
    /// Returns the time until an upload is allowed. `None` if it is allowed now, as far as is known.
    pub(super) fn pause(&self, limit: Limit, now: SystemTime) -> Option<Duration> {
        let until = match limit {
            Limit::NewCrate => self.new_crates,
            Limit::NewVersion => self.new_versions,
        };
        until?.duration_since(now).ok().filter(|pause| !pause.is_zero())
    }

    /// Remembers when the next upload is allowed.
    pub(super) fn note(&mut self, limit: Limit, outcome: &Outcome, now: SystemTime) {
        let until = match outcome {
            Outcome::Uploaded | Outcome::AlreadyThere => return,
            // Clocks differ, so a time in the past still means a pause.
            Outcome::Limited(Some(until)) => (*until).max(now) + Duration::from_secs(1),
            Outcome::Limited(None) => now + limit.figures().1,
        };
        match limit {
            Limit::NewCrate => self.new_crates = Some(until),
            Limit::NewVersion => self.new_versions = Some(until),
        }
    }
}
