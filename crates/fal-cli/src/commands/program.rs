//! `fal-cli emulator` and `fal-cli codegen`: the programs beside this one.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::process::Command;

use crate::failure::{Failure, Result};

/// Runs a program that is beside this one or on the path, and returns its exit code.
///
/// # Errors
///
/// Returns a failure that says how to install it.
pub(super) async fn run(name: &str, arguments: &[OsString]) -> Result<ExitCode> {
    let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
    let beside =
        std::env::current_exe().ok().map(|own| own.with_file_name(&file)).filter(|path| path.is_file());
    let program = beside.unwrap_or_else(|| PathBuf::from(&file));
    let mut child = Command::new(&program).args(arguments).spawn().map_err(|error| {
        Failure::usage(format!("{name} cannot be started: {error}; `cargo install {name}` installs it"))
    })?;
    loop {
        tokio::select! {
            status = child.wait() => {
                let status = status.map_err(|error| Failure::usage(format!("{name}: {error}")))?;
                return Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)));
            }
            // The terminal sends Ctrl-C to the program too, which decides when it ends.
            _ = tokio::signal::ctrl_c() => {}
        }
    }
}
