//! How long simulated requests take.

use std::time::Duration;

/// How long a simulated request waits and runs.
///
/// The default takes 300 ms: two requests ahead, 30 ms for each place in the queue, 210 ms of
/// running, four log lines. Time is computed from the moment of submission, so a status never
/// depends on how often it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    ahead: u32,
    per_position: Duration,
    run: Duration,
    log_lines: u32,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            ahead: 2,
            per_position: Duration::from_millis(30),
            run: Duration::from_millis(210),
            log_lines: 4,
        }
    }
}

impl Pace {
    /// No waiting and no running: a request is completed as soon as it is submitted.
    #[must_use]
    pub fn instant() -> Self {
        Self { ahead: 0, per_position: Duration::ZERO, run: Duration::ZERO, ..Self::default() }
    }

    /// How many requests appear ahead of a new one. Default 2.
    #[must_use]
    pub fn ahead(mut self, requests: u32) -> Self {
        self.ahead = requests;
        self
    }

    /// How long each place in the queue takes, the last one (position 0) included. Default 30 ms.
    #[must_use]
    pub fn per_position(mut self, time: Duration) -> Self {
        self.per_position = time;
        self
    }

    /// How long a request runs once it has started; direct calls take this long too.
    /// Default 210 ms.
    #[must_use]
    pub fn run(mut self, time: Duration) -> Self {
        self.run = time;
        self
    }

    /// How many log lines a run writes, spread evenly over it. Default 4.
    #[must_use]
    pub fn log_lines(mut self, lines: u32) -> Self {
        self.log_lines = lines;
        self
    }

    pub(crate) fn places(&self) -> u32 {
        self.ahead
    }

    pub(crate) fn place_time(&self) -> Duration {
        self.per_position
    }

    pub(crate) fn run_time(&self) -> Duration {
        self.run
    }

    pub(crate) fn lines(&self) -> u32 {
        self.log_lines
    }
}
