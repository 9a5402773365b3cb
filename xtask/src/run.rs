//! Runs cargo from a program that cargo runs.

use std::process::Command;

use crate::root;

/// Runs `cargo` at the root of the workspace, with the output of this process.
///
/// # Errors
///
/// If cargo fails or cannot be started.
pub(crate) fn cargo<I: AsRef<str>>(arguments: impl IntoIterator<Item = I>) -> Result<(), String> {
    cargo_with(arguments, &[])
}

/// Runs `cargo` like [`cargo`], with further environment variables.
pub(crate) fn cargo_with<I: AsRef<str>>(
    arguments: impl IntoIterator<Item = I>,
    environment: &[(&str, &str)],
) -> Result<(), String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let arguments: Vec<String> = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
    let line = format!("cargo {}", arguments.join(" "));
    let mut command = Command::new(cargo);
    let status = command.args(&arguments).envs(environment.iter().copied()).current_dir(root()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` failed ({status})")),
        Err(error) => Err(format!("`{line}` could not be started: {error}")),
    }
}
