//! `fal-cli emulator` and `fal-cli codegen`: other programs of this workspace, inside this one.

use std::ffi::OsString;
use std::process::ExitCode;

/// A program with a command line of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    Emulator,
    Codegen,
}

impl Program {
    /// Returns the program of this command.
    pub(crate) fn find(command: &str) -> Option<Self> {
        match command {
            "emulator" => Some(Self::Emulator),
            "codegen" => Some(Self::Codegen),
            _ => None,
        }
    }

    /// Runs the program with its arguments, as `fal-emulator` and `fal-codegen` do.
    pub(crate) async fn run(self, arguments: Vec<OsString>) -> ExitCode {
        match self {
            #[cfg(feature = "emulator")]
            Self::Emulator => fal_emulator::command::run(&["fal-cli", "emulator"], arguments).await,
            #[cfg(not(feature = "emulator"))]
            Self::Emulator => {
                let failure = crate::failure::Failure::usage(
                    "this program has no emulator inside; install `fal-emulator`",
                );
                failure.print(false);
                failure.code()
            }
            Self::Codegen => fal_codegen::cli::run(&["fal-cli", "codegen"], arguments),
        }
    }
}
