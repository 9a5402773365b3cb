//! The settings of the data of past requests, which the platform API serves.

use std::sync::Mutex;
use std::time::Duration;

use serde::Deserialize;

use crate::sync::lock;

/// Settings of the data of past requests that the platform API serves: the list of requests, usage, billing events and
/// statistics.
///
/// By default a request is listed as soon as it runs. fal's own list lags behind and is unavailable at times, so code
/// that looks for a request there must not conclude from one answer that there is none.
///
/// ```no_run
/// # use std::time::Duration;
/// # async fn example() -> Result<(), fal_emulator::Error> {
/// use fal_emulator::{Emulator, HistoryOutage, HistorySettings};
///
/// let lagging = HistorySettings::default().lag(Duration::from_secs(30));
/// let emulator = Emulator::builder().history(lagging).start().await?;
/// // … later:
/// emulator.set_history(lagging.outage(HistoryOutage::Unavailable));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistorySettings {
    pub(crate) lag: Duration,
    pub(crate) outage: Option<HistoryOutage>,
}

/// A way in which the data of past requests fails.
///
/// Scenario files spell the ways in snake case: `unavailable`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum HistoryOutage {
    /// Every request for the data is answered with 503.
    Unavailable,
    /// The lists are empty, although requests were made.
    Empty,
}

impl HistorySettings {
    /// Sets the time from the start of a run until the list names the request, on the emulator's clock. The default is
    /// 0.
    #[must_use]
    pub fn lag(mut self, time: Duration) -> Self {
        self.lag = time;
        self
    }

    /// Lets the list fail in this way. By default it does not fail.
    #[must_use]
    pub fn outage(mut self, outage: HistoryOutage) -> Self {
        self.outage = Some(outage);
        self
    }
}

/// The current settings of the list, which a script may change.
#[derive(Debug)]
pub(crate) struct HistoryScript {
    initial: HistorySettings,
    current: Mutex<HistorySettings>,
}

impl HistoryScript {
    pub(crate) fn new(initial: HistorySettings) -> Self {
        Self { initial, current: Mutex::new(initial) }
    }

    /// Creates settings that start as these did, for a scope.
    pub(crate) fn fresh(&self) -> Self {
        Self::new(self.initial)
    }

    pub(crate) fn get(&self) -> HistorySettings {
        *lock(&self.current)
    }

    pub(crate) fn set(&self, settings: HistorySettings) {
        *lock(&self.current) = settings;
    }

    /// Restores the settings with which the emulator was started.
    pub(crate) fn reset(&self) {
        self.set(self.initial);
    }
}
