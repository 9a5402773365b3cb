//! A process that ends the command if the emulator itself is killed, which cannot be caught.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use super::process_group::ProcessGroup;

/// The message of an emulator that ends in order.
const DISMISSAL: &[u8] = b"done";

/// The arguments of the guard.
#[derive(clap::Args)]
pub(crate) struct GuardArguments {
    /// Process group to end
    #[arg(long)]
    group: Option<u32>,
    /// Process to end
    #[arg(long)]
    process: Option<u32>,
    /// Folder of the command's files, to remove
    #[arg(long)]
    folder: Option<PathBuf>,
}

/// A running guard. It acts when its standard input ends without a dismissal.
pub(super) struct Guard(Child);

impl Guard {
    /// Starts a guard. Returns `None` if that is not possible; the command then runs without one.
    pub(super) fn start(own_program: &[&str], group: &ProcessGroup, folder: &Path) -> Option<Self> {
        let mut command = Command::new(std::env::current_exe().ok()?);
        command
            .args(own_program.iter().skip(1))
            .arg("guard")
            .args(group.to_arguments()?)
            .arg("--folder")
            .arg(folder);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        // Signals of the terminal are not for the guard.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn().ok().map(Self)
    }

    /// Ends the guard without effect.
    pub(super) fn dismiss(mut self) {
        use std::io::Write as _;
        if let Some(mut stdin) = self.0.stdin.take() {
            stdin.write_all(DISMISSAL).ok();
        }
        self.0.wait().ok();
    }
}

/// Waits for the end of the emulator. If it did not end in order, ends the command and removes the folder of its files.
pub(crate) async fn guard(arguments: GuardArguments) -> ExitCode {
    let mut message = Vec::new();
    std::io::stdin().read_to_end(&mut message).ok();
    if message != DISMISSAL {
        if let Some(folder) = &arguments.folder {
            std::fs::remove_dir_all(folder).ok();
        }
        let group = ProcessGroup::new(arguments.group.or(arguments.process), arguments.group.is_some());
        #[cfg(unix)]
        if arguments.group.is_none() {
            group.pass_on(crate::command::signals::Signal::Terminate);
        }
        group.end().await;
    }
    ExitCode::SUCCESS
}
