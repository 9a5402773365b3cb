//! Tokio's clock in the hands of a test, beside real sockets.

use std::{sync::mpsc, time::Duration};

/// Tokio's clock, stopped: it moves by [`advance`](Self::advance) alone, however long everything else takes.
///
/// A clock that is only paused jumps to the next timer whenever every task waits, even if it waits for bytes that are on
/// their way. This one does so after a minute of real time, so that what hangs runs into its time limit.
pub(crate) struct StoppedClock {
    _running: mpsc::Sender<()>,
}

impl StoppedClock {
    pub(crate) fn new() -> Self {
        tokio::time::pause();
        let (running, ended) = mpsc::channel();
        // The clock does not jump while a blocking task runs.
        tokio::task::spawn_blocking(move || {
            let _ = ended.recv_timeout(Duration::from_secs(60));
        });
        Self { _running: running }
    }

    /// Moves the clock by this time, and by the millisecond up to which timers round.
    pub(crate) async fn advance(&self, time: Duration) {
        tokio::time::advance(time + Duration::from_millis(1)).await;
    }
}

impl Drop for StoppedClock {
    fn drop(&mut self) {
        tokio::time::resume();
    }
}

/// Runs the tasks that can run, many times over.
pub(crate) async fn run_other_tasks() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
