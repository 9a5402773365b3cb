//! The durations of simulated requests.

use std::time::Duration;

/// The time that a simulated request waits and runs.
///
/// By default a request takes 300 ms: it waits behind two others for 30 ms each, waits 30 ms in the last position,
/// runs for 210 ms and writes four log lines. The state follows from the time since the submission alone, so polling
/// more often does not change it.
///
/// ```
/// # use std::time::Duration;
/// # use fal_emulator::Pace;
/// let slow = Pace::default().ahead(5).run(Duration::from_secs(10));
/// ```
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
    /// Creates a pace without waiting and running: a request is completed as soon as it is submitted.
    #[must_use]
    pub fn instant() -> Self {
        Self { ahead: 0, per_position: Duration::ZERO, run: Duration::ZERO, ..Self::default() }
    }

    /// Sets the number of requests that appear ahead of a new one. The default is 2.
    #[must_use]
    pub fn ahead(mut self, requests: u32) -> Self {
        self.ahead = requests;
        self
    }

    /// Sets the time that a request spends in each position, including the last one (position 0). The default is
    /// 30 ms.
    #[must_use]
    pub fn per_position(mut self, time: Duration) -> Self {
        self.per_position = time;
        self
    }

    /// Sets the time that a request runs. Direct calls take this long too. The default is 210 ms.
    #[must_use]
    pub fn run(mut self, time: Duration) -> Self {
        self.run = time;
        self
    }

    /// Sets the number of log lines, which a run writes at even intervals. The default is 4.
    #[must_use]
    pub fn log_lines(mut self, lines: u32) -> Self {
        self.log_lines = lines;
        self
    }

    pub(crate) fn requests_ahead(&self) -> u32 {
        self.ahead
    }

    pub(crate) fn position_time(&self) -> Duration {
        self.per_position
    }

    pub(crate) fn run_time(&self) -> Duration {
        self.run
    }

    pub(crate) fn log_line_count(&self) -> u32 {
        self.log_lines
    }
}
