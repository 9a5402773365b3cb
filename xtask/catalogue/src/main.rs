//! The commands of `cargo xtask` that read and write the catalogue of models, and `cargo xtask protocol`.

mod add;
mod canonical;
mod fetch;
mod http;
mod lock;
mod protocol;
mod publish;
mod remove;
mod report;
mod upstream;
mod words;

use std::{
    env,
    path::PathBuf,
    process::{Command as Program, ExitCode},
};

use clap::{Parser, Subcommand};

/// Writes the catalogue of models, and compares it with fal.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Adds endpoints: their entries in the manifest, their documents and the generated code.
    Add(add::Arguments),
    /// Fetches documents from fal, replaces their prose by schemas/descriptions and writes them to schemas/.
    Fetch(fetch::Arguments),
    /// Compares fal's own documents of its wire protocol with those in schemas/inference.
    Protocol(protocol::Arguments),
    /// Uploads the crates whose version the registry does not have, within its limits.
    Publish(publish::Arguments),
    /// Lists the endpoints of schemas/manifest.toml that fal no longer has or has retired.
    Gone(upstream::Arguments),
    /// Lists the endpoints that fal has and schemas/manifest.toml lacks.
    New(upstream::Arguments),
    /// Removes endpoints: their entries in the manifest, their documents and their code.
    Remove(remove::Arguments),
    /// Fetches every endpoint of the manifest, and writes a report for `cargo xtask update`.
    #[command(hide = true)]
    Report(report::Arguments),
    /// Lists the descriptions that documents lack and the texts of fal that changed, and writes drafts to fill in.
    Words(words::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Add(arguments) => add::run(&arguments),
        Command::Fetch(arguments) => fetch::run(&arguments),
        Command::Protocol(arguments) => protocol::run(&arguments),
        Command::Gone(arguments) => upstream::run_gone(&arguments),
        Command::New(arguments) => upstream::run_new(&arguments),
        Command::Publish(arguments) => publish::run(&arguments),
        Command::Remove(arguments) => remove::run(&arguments),
        Command::Report(arguments) => report::run(&arguments),
        Command::Words(arguments) => words::run(&arguments),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the root of the workspace. `XTASK_ROOT` names another one, for tests.
fn root() -> PathBuf {
    if let Some(root) = env::var_os("XTASK_ROOT") {
        return root.into();
    }
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map(PathBuf::from).unwrap_or(here)
}

/// Returns the cargo that started this program.
fn cargo() -> Program {
    Program::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
