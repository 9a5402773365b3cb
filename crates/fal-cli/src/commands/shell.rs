//! `fal-cli completions` and `fal-cli man`.

use std::io::Write as _;
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::env::Shells;

use crate::arguments::Arguments;
use crate::failure::{Failure, Result};

/// The variable by which the script of a shell asks this program for words.
pub(crate) const COMPLETION_VARIABLE: &str = "FAL_CLI_COMPLETE";

/// Prints the script that a shell evaluates.
pub(super) fn completions(shell: &str) -> Result<ExitCode> {
    let shells = Shells::builtins();
    let Some(completer) = shells.completer(shell) else {
        let names: Vec<&str> = shells.names().collect();
        return Err(Failure::usage(format!(
            "there are no completions for `{shell}`; there are {}",
            names.join(", ")
        )));
    };
    let mut script = Vec::new();
    let written =
        completer.write_registration(COMPLETION_VARIABLE, "fal-cli", "fal-cli", "fal-cli", &mut script);
    print_all(written.map(|()| script))
}

/// Prints the man page of the program or of one of its commands.
pub(super) fn man(command: Option<&str>) -> Result<ExitCode> {
    let mut root = Arguments::command();
    root.build();
    let page = match command {
        None => root,
        Some(name) => match root.find_subcommand(name) {
            Some(command) => command.clone().name(format!("fal-cli-{name}")),
            None => return Err(Failure::usage(format!("there is no command `{name}`"))),
        },
    };
    let mut text = Vec::new();
    let written = clap_mangen::Man::new(page).render(&mut text);
    print_all(written.map(|()| text))
}

fn print_all(text: std::io::Result<Vec<u8>>) -> Result<ExitCode> {
    let text = text.map_err(|error| Failure::usage(error.to_string()))?;
    // A reader that has gone is no failure.
    std::io::stdout().lock().write_all(&text).ok();
    Ok(ExitCode::SUCCESS)
}
