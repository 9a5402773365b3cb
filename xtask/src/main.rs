//! The commands of this workspace: `cargo xtask <command>`.

mod bench;
mod catalogue;
mod conformance;
mod demo;
mod diff;
mod fuzz;
mod publish;
mod regen;
mod run;
mod test;
mod tidy;

use std::{path::PathBuf, process::ExitCode};

use clap::{CommandFactory, Parser, Subcommand};

/// The commands of this workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Adds endpoints to the catalogue: manifest entry, document and generated code.
    Add(catalogue::Arguments),
    /// Measures what this project promises against what the same takes without it, and writes BENCHMARKS.md.
    Bench(bench::Arguments),
    /// Drives fal's official clients, unmodified, through every operation against the emulator. Needs python3,
    /// node, npm and a network.
    Conformance(conformance::Arguments),
    /// Calls FLUX, a video model and Whisper, and saves the media under target/demo. Uses the embedded
    /// emulator unless FAL_KEY is set.
    Demo(demo::Arguments),
    /// Tells what the schemas changed for users since a commit, and the version that each crate needs for it.
    Diff(diff::Arguments),
    /// Writes documents to schemas/: fal's facts, the phrases of schemas/descriptions.
    Fetch(catalogue::Arguments),
    /// Feeds what reads documents, events and webhooks with bytes that find new ways through it. Needs a C++ compiler.
    Fuzz(fuzz::Arguments),
    /// Packages every crate, or says in which order they are uploaded.
    Publish(publish::Arguments),
    /// Writes crates/models from schemas/.
    Regen(regen::Arguments),
    /// Runs every test.
    Test(test::Arguments),
    /// Checks the house rules, as far as a program can hold them.
    Tidy(tidy::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Add(arguments) => catalogue::run("add", &arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Conformance(arguments) => conformance::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Fetch(arguments) => catalogue::run("fetch", &arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Publish(arguments) => publish::run(&arguments),
        Command::Regen(arguments) => regen::run(&arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Tidy(arguments) => tidy::run(&arguments, &names()),
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
    let xtask = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().map(PathBuf::from).unwrap_or(xtask)
}

/// The names of the commands.
fn names() -> Vec<String> {
    Arguments::command().get_subcommands().map(|command| command.get_name().to_owned()).collect()
}
