//! The child process of `fal-emulator -- COMMAND`, which reaches the emulator in place of fal.

use std::ffi::{OsStr, OsString};
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep_until};

use super::signals::{Signal, Signals};

mod environment;
mod guard;
mod java_trust_store;
mod process_group;
mod trust;

pub(crate) use environment::Environment;
pub(crate) use guard::{GuardArguments, guard};
pub(crate) use trust::{ChildFiles, write_bundle, write_files};

use guard::Guard;
use process_group::ProcessGroup;

/// The time that the command has to end after a signal that asks it to.
const GRACE: Duration = Duration::from_secs(10);
/// The exit code for a command that does not exist, as shells have it.
const NOT_FOUND: u8 = 127;
/// The exit code for a file that cannot be run, as shells have it.
const NOT_RUNNABLE: u8 = 126;
/// The exit codes for commands that were not started.
pub(crate) const NOT_STARTED: [u8; 2] = [NOT_FOUND, NOT_RUNNABLE];

/// Runs a command until it ends, and passes signals on to it. Returns its exit code.
///
/// Everything that the command started ends with it. `own_program` is the call that starts
/// the emulator.
pub(crate) async fn run(
    command: &[OsString],
    environment: &Environment,
    files: &ChildFiles,
    signals: &mut Signals,
    own_program: &[&str],
) -> io::Result<u8> {
    let (program, arguments) =
        command.split_first().ok_or_else(|| io::Error::other("there is no command to run"))?;
    let mut process = Command::new(program);
    process.args(arguments);
    environment.apply(&mut process);
    let owns_group = process_group::separate(&mut process);
    let mut child = match process.kill_on_drop(true).spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("fal-emulator: cannot run {}: {error}", OsStr::to_string_lossy(program));
            let is_missing = error.kind() == io::ErrorKind::NotFound;
            return Ok(if is_missing { NOT_FOUND } else { NOT_RUNNABLE });
        }
    };
    let group = ProcessGroup::new(child.id(), owns_group);
    let guard = Guard::start(own_program, &group, files.folder());
    let status = wait(&mut child, &group, signals).await;
    group.end().await;
    if let Some(guard) = guard {
        guard.dismiss();
    }
    status.map(exit_code)
}

/// Waits for the end of the command, and passes signals on to it.
async fn wait(child: &mut Child, group: &ProcessGroup, signals: &mut Signals) -> io::Result<ExitStatus> {
    let mut deadline = None;
    loop {
        let overdue = async {
            match deadline {
                Some(moment) => sleep_until(moment).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            status = child.wait() => return status,
            signal = signals.next() => {
                group.pass_on(signal);
                // After Ctrl-C a command may go on, as interactive ones do.
                if signal != Signal::Interrupt {
                    deadline.get_or_insert_with(|| Instant::now() + GRACE);
                }
            }
            () = overdue => {
                eprintln!("fal-emulator: the command did not end within {} s of a signal; killing it", GRACE.as_secs());
                group.kill();
                return child.wait().await;
            }
        }
    }
}

/// Returns the exit code of a child, or 128 and the number of the signal that ended it, as shells do.
fn exit_code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return u8::try_from(128 + signal).unwrap_or(u8::MAX);
    }
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
