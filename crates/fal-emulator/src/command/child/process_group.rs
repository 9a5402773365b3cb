//! The processes that a command starts, as one group.

use std::io::IsTerminal as _;
#[cfg(unix)]
use std::time::Duration;

use tokio::process::Command;

use crate::command::signals::Signal;

/// The time that what a command left behind has to end.
#[cfg(unix)]
const GRACE: Duration = Duration::from_secs(2);

/// The processes of a command: its process group, or the command alone at a terminal.
///
/// A group of its own could not read from the terminal, so there the command stays in the group of the emulator.
/// Ctrl-C reaches all of that group anyway.
pub(super) struct ProcessGroup {
    #[cfg(unix)]
    process: Option<rustix::process::Pid>,
    #[cfg(unix)]
    owns_group: bool,
}

/// Puts a command into a process group of its own, unless it may read from a terminal. Returns true if it did.
pub(super) fn separate(command: &mut Command) -> bool {
    let separates = cfg!(unix) && !std::io::stdin().is_terminal();
    #[cfg(unix)]
    if separates {
        command.process_group(0);
    }
    #[cfg(not(unix))]
    let _ = command;
    separates
}

#[cfg(unix)]
impl ProcessGroup {
    pub(super) fn new(id: Option<u32>, owns_group: bool) -> Self {
        let process = id.and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
        Self { process, owns_group }
    }

    /// Returns the arguments by which a guard can find the processes.
    pub(super) fn to_arguments(&self) -> Option<[String; 2]> {
        let id = self.process?.as_raw_nonzero().to_string();
        Some([if self.owns_group { "--group" } else { "--process" }.to_owned(), id])
    }

    /// Passes a signal on. At a terminal, Ctrl-C has reached the command already.
    pub(super) fn pass_on(&self, signal: Signal) {
        use rustix::process::Signal as Number;
        let number = match signal {
            Signal::Interrupt | Signal::Quit if !self.owns_group => return,
            Signal::Interrupt => Number::INT,
            Signal::Terminate => Number::TERM,
            Signal::Hangup => Number::HUP,
            Signal::Quit => Number::QUIT,
        };
        self.send(number);
    }

    /// Kills all processes at once.
    pub(super) fn kill(&self) {
        self.send(rustix::process::Signal::KILL);
    }

    /// Ends what the command left behind: asks it to, and kills it after a while.
    pub(super) async fn end(&self) {
        if !self.owns_group || !self.send(rustix::process::Signal::TERM) {
            return;
        }
        let until = tokio::time::Instant::now() + GRACE;
        while self.exists() {
            if tokio::time::Instant::now() >= until {
                self.kill();
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Returns false if there is no such process any more.
    fn send(&self, signal: rustix::process::Signal) -> bool {
        self.process.is_some_and(|process| {
            let sent = if self.owns_group {
                rustix::process::kill_process_group(process, signal)
            } else {
                rustix::process::kill_process(process, signal)
            };
            sent.is_ok()
        })
    }

    fn exists(&self) -> bool {
        self.process.is_some_and(|process| rustix::process::test_kill_process_group(process).is_ok())
    }
}

#[cfg(not(unix))]
impl ProcessGroup {
    pub(super) fn new(_id: Option<u32>, _owns_group: bool) -> Self {
        Self {}
    }

    pub(super) fn to_arguments(&self) -> Option<[String; 2]> {
        None
    }

    /// Does nothing: Ctrl-C has reached the command already.
    pub(super) fn pass_on(&self, _signal: Signal) {}

    pub(super) fn kill(&self) {}

    pub(super) async fn end(&self) {}
}
