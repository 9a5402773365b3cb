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
    #[cfg_attr(
        not(any(feature = "codegen", feature = "emulator")),
        allow(unused_variables, reason = "no program is inside")
    )]
    pub(crate) async fn run(self, arguments: Vec<OsString>) -> ExitCode {
        match self {
            #[cfg(feature = "emulator")]
            Self::Emulator => fal_emulator::command::run(&["fal-cli", "emulator"], arguments).await,
            #[cfg(not(feature = "emulator"))]
            Self::Emulator => missing("this program has no emulator inside; install `fal-emulator`"),
            #[cfg(feature = "codegen")]
            Self::Codegen => fal_codegen::cli::run(&["fal-cli", "codegen"], arguments),
            #[cfg(not(feature = "codegen"))]
            Self::Codegen => missing("this program has no generator inside; install `fal-codegen`"),
        }
    }
}

/// Tells that this program was compiled without the other.
#[cfg(not(all(feature = "codegen", feature = "emulator")))]
fn missing(message: &str) -> ExitCode {
    let failure = crate::failure::Failure::usage(message);
    failure.print(false);
    failure.code()
}
