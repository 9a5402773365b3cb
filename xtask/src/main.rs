//! The commands of this workspace: `cargo xtask <command>`.

mod attack;
mod bench;
mod catalogue;
mod conflicts;
mod conformance;
mod demo;
mod diff;
mod facts;
mod fleet_chaos;
mod fuzz;
mod package;
mod regen;
mod release;
mod run;
mod test;
mod tidy;
mod update;

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
    /// Adds endpoints: their entries in the manifest, their documents and the generated code.
    Add(catalogue::Arguments),
    /// Runs the tests that attack this project, and counts them for SECURITY.md by the part that they attack.
    Attack(attack::Arguments),
    /// Compares every promised figure with the same work without this project, and writes BENCHMARKS.md.
    Bench(bench::Arguments),
    /// Runs fal's official clients against the emulator and compares their requests with ours. Needs python3, node,
    /// npm and a network.
    Conformance(conformance::Arguments),
    /// Calls FLUX, a video model and Whisper, and saves the media in target/demo. Uses the embedded emulator unless
    /// FAL_KEY is set.
    Demo(demo::Arguments),
    /// Lists the changes of the schemas for users since a commit, and the version that each crate needs.
    Diff(diff::Arguments),
    /// Writes the facts of endpoints without a crate to schemas/catalogue.jsonl, from model records.
    Facts(facts::Arguments),
    /// Fetches documents from fal, replaces their prose by schemas/descriptions and writes them to schemas/.
    Fetch(catalogue::Arguments),
    /// Kills workers of a fleet and crashes its database, and checks that nothing is lost or paid twice. Needs PostgreSQL.
    FleetChaos(fleet_chaos::Arguments),
    /// Fuzzes the readers of documents, events and webhooks. Needs a C++ compiler.
    Fuzz(fuzz::Arguments),
    /// Lists the endpoints of schemas/manifest.toml that fal no longer has or has retired.
    Gone(catalogue::Arguments),
    /// Lists the endpoints that fal has and schemas/manifest.toml lacks.
    New(catalogue::Arguments),
    /// Packages every published crate, and checks the files and the size of each package.
    Package(package::Arguments),
    /// Compares fal's own documents of its wire protocol with those in schemas/inference.
    Protocol(catalogue::Arguments),
    /// Uploads the crates whose version the registry does not have, within its limits.
    Publish(catalogue::Arguments),
    /// Generates crates/models and crates/fal-platform from schemas/.
    Regen(regen::Arguments),
    /// Checks everything that a release needs, and makes its commit and its tag.
    Release(release::Arguments),
    /// Removes endpoints: their entries in the manifest, their documents and their code.
    Remove(catalogue::Arguments),
    /// Runs every test.
    Test(test::Arguments),
    /// Checks the rules of CONTRIBUTING.md that a program can check.
    Tidy(tidy::Arguments),
    /// Fetches every endpoint of schemas/manifest.toml, generates the code, and describes all changes for a pull request.
    Update(update::Arguments),
    /// Lists the descriptions that documents lack and the texts of fal that changed, and writes drafts to fill in.
    Words(catalogue::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().command {
        Command::Add(arguments) => catalogue::run("add", &arguments),
        Command::Attack(arguments) => attack::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Conformance(arguments) => conformance::run(&arguments),
        Command::Demo(arguments) => demo::run(&arguments),
        Command::Diff(arguments) => diff::run(&arguments),
        Command::Facts(arguments) => facts::run(&arguments),
        Command::Fetch(arguments) => catalogue::run("fetch", &arguments),
        Command::FleetChaos(arguments) => fleet_chaos::run(&arguments),
        Command::Fuzz(arguments) => fuzz::run(&arguments),
        Command::Gone(arguments) => catalogue::run("gone", &arguments),
        Command::New(arguments) => catalogue::run("new", &arguments),
        Command::Package(arguments) => package::run(&arguments),
        Command::Protocol(arguments) => catalogue::run("protocol", &arguments),
        Command::Publish(arguments) => catalogue::run("publish", &arguments),
        Command::Regen(arguments) => regen::run(&arguments),
        Command::Release(arguments) => release::run(&arguments),
        Command::Remove(arguments) => catalogue::run("remove", &arguments),
        Command::Test(arguments) => test::run(&arguments),
        Command::Tidy(arguments) => tidy::run(&arguments, &command_names()),
        Command::Update(arguments) => update::run(&arguments),
        Command::Words(arguments) => catalogue::run("words", &arguments),
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
    if let Some(root) = std::env::var_os("XTASK_ROOT") {
        return root.into();
    }
    let xtask = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().map(PathBuf::from).unwrap_or(xtask)
}

/// Returns the names of the commands.
fn command_names() -> Vec<String> {
    Arguments::command().get_subcommands().map(|command| command.get_name().to_owned()).collect()
}
