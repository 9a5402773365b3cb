//! The commands that feed the catalogue: `cargo xtask fetch` and `cargo xtask add`.

mod add;
mod fetch;
mod house;
mod lock;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

/// The commands that feed the catalogue.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Adds endpoints to the catalogue: manifest entry, document and generated code.
    Add(add::Arguments),
    /// Writes documents to schemas/: fal's facts, the phrases of schemas/words.
    Fetch(fetch::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Add(arguments) => add::run(&arguments),
        Command::Fetch(arguments) => fetch::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The folder that holds the workspace.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map(PathBuf::from).unwrap_or(here)
}
