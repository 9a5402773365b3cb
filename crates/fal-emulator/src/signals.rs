//! The signals that stop the command.

use std::future::pending;

/// The signals that stop the command: interrupt and terminate.
#[cfg(unix)]
pub(crate) struct Signals {
    interrupt: Option<tokio::signal::unix::Signal>,
    terminate: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    /// Catches the signals from now on. A signal that cannot be caught keeps its default effect, which also ends the
    /// process.
    pub(crate) fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self {
            interrupt: signal(SignalKind::interrupt()).ok(),
            terminate: signal(SignalKind::terminate()).ok(),
        }
    }

    /// Waits for the first signal, including one that came before the call.
    pub(crate) async fn wait(self) {
        let next = async |signal: Option<tokio::signal::unix::Signal>| match signal {
            Some(mut signal) => {
                signal.recv().await;
            }
            None => pending().await,
        };
        tokio::select! {
            () = next(self.interrupt) => {}
            () = next(self.terminate) => {}
        }
    }
}

/// The signal that stops the command: Ctrl-C.
#[cfg(not(unix))]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    pub(crate) fn new() -> Self {
        Self
    }

    /// Waits for Ctrl-C.
    pub(crate) async fn wait(self) {
        if tokio::signal::ctrl_c().await.is_err() {
            pending::<()>().await;
        }
    }
}
