//! The commands that read and write the catalogue of models. They run as a separate program because HTTP is slow to compile.

use std::path::Path;

use crate::{conflicts, root, run};

/// Arguments of these commands.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// Arguments of the command; `--help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(command: &str, arguments: &Arguments) -> Result<(), String> {
    run_with(&root(), command, &arguments.arguments)
}

/// Runs a command with its arguments, unless a merge at `root` has conflicts.
pub(crate) fn run_with(root: &Path, command: &str, arguments: &[String]) -> Result<(), String> {
    conflicts::refuse(root)?;
    let status = run::program("xtask-catalogue")?.arg(command).args(arguments).status();
    let status = status.map_err(|error| format!("xtask-catalogue: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{command}` failed")) }
}
