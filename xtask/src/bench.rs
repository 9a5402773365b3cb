//! `cargo xtask bench`: measures every promised figure, as a ratio to the same work without this project's code in the
//! same run. The rows become a table, JSON and `BENCHMARKS.md`.

mod check;
mod codegen;
mod command;
mod compile;
mod cpu;
mod derives;
mod fleet;
mod generate;
mod machine;
mod peers;
mod programs;
mod report;
#[path = "../../crates/fal-client/benches/support/row.rs"]
mod row;
#[path = "../../crates/fal-client/benches/support/stats.rs"]
mod stats;
mod table;

use std::{fs, path::PathBuf};

use serde_json::json;

use crate::run::cargo;
use machine::Machine;
use row::Row;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The section to measure, and to write to BENCHMARKS.md unless `--quick` or a part is given
    #[arg(value_enum, default_value = "all")]
    section: Section,

    /// A part of the section: `run`, `subscribe`, `many`, `decode`, `journal` or `observed` of client; `events`, `echo` or `memory` of stream
    part: Option<String>,

    /// Writes the rows and a description of the machine to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Checks in two minutes that everything runs: few rounds of little work, with meaningless figures
    #[arg(long)]
    quick: bool,

    /// Also measures other generators, derives, the crate `fal` and fal's official clients (needs a network, python3,
    /// node, npm)
    #[arg(long)]
    peers: bool,

    /// Sends 1,000,000 events to the slow consumer of stream, which takes 10 minutes
    #[arg(long, conflicts_with = "quick")]
    long: bool,

    /// Measures nothing, and writes BENCHMARKS.md from the last figures of each section, after a change of its texts
    #[arg(long, conflicts_with_all = ["section", "part", "json", "quick", "peers", "long", "profile"])]
    page: bool,

    /// The profile to compile with. With `dev`, figures are meaningless
    #[arg(long, value_enum, default_value = "release")]
    profile: Profile,
}

/// A section of BENCHMARKS.md.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Section {
    /// Generating code, and `cargo check` of it. Reads the documents of ../shared/corpus, or those of schemas/ with
    /// `--quick` or without a corpus
    Codegen,
    /// Compiling an app with one typed call, compared with reqwest and serde: time, memory, size
    Compile,
    /// Checking an app with one typed call of a large family, and the crate of that family alone
    Families,
    /// The client compared with plain reqwest: run, subscribe, 10,000 concurrent jobs, large outputs
    Client,
    /// Streams and realtime connections compared with plain reqwest and tokio-tungstenite, and a slow consumer
    Stream,
    /// Uploads of a large file and of many small ones, and their memory
    Upload,
    /// Start, memory and latency of the emulator with 10,000 queued requests and 1,000 connections
    Emulator,
    /// Start and size of `fal-cli`, compared with an empty process and with Node
    Cli,
    /// The ledger of a fleet with up to 1,000,000 waiting requests, and a worker of it (needs PostgreSQL, takes some minutes)
    Fleet,
    /// Every section
    All,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Profile {
    Release,
    Dev,
}

/// The sections of `all` in their order.
const SECTIONS: [Section; 9] = [
    Section::Codegen,
    Section::Compile,
    Section::Families,
    Section::Client,
    Section::Stream,
    Section::Upload,
    Section::Emulator,
    Section::Cli,
    Section::Fleet,
];

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    if arguments.part.is_some() && !matches!(arguments.section, Section::Client | Section::Stream) {
        return Err("only `client` and `stream` have parts".to_owned());
    }
    if arguments.page {
        return report::write_page();
    }
    let generates = matches!(arguments.section, Section::Codegen | Section::All);
    if cfg!(debug_assertions) && generates && arguments.profile == Profile::Release {
        return rerun_in_release();
    }
    let machine = Machine::detect();
    let is_kept = !arguments.quick && arguments.profile == Profile::Release && arguments.part.is_none();
    let (mut rows, mut failures) = (Vec::new(), Vec::new());
    for section in SECTIONS {
        if arguments.section == section || arguments.section == Section::All {
            match measure(section, arguments) {
                Ok(mut measured) => {
                    if is_kept && let Err(error) = report::write(&machine, &measured) {
                        failures.push(error);
                    }
                    rows.append(&mut measured);
                }
                // The figures measured so far are kept.
                Err(error) => failures.push(error),
            }
        }
    }
    if arguments.quick || arguments.profile == Profile::Dev {
        // A meaningless figure neither reaches nor misses its target.
        rows.iter_mut().for_each(|row| row.target = None);
    }
    println!("{machine}\n\n{}", table::text(&rows).trim_end());
    if arguments.profile == Profile::Dev {
        println!("\nCompiled without optimization: these figures are meaningless.");
    } else if arguments.quick {
        println!("\nFew rounds of little work: these figures are meaningless.");
    }
    if let Some(file) = &arguments.json {
        let text = json!({ "machine": machine, "rows": rows });
        fs::write(file, format!("{text:#}\n")).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

fn measure(section: Section, arguments: &Arguments) -> Result<Vec<Row>, String> {
    match section {
        Section::Codegen => codegen::measure(arguments),
        Section::Compile => compile::measure(arguments),
        Section::Families => compile::measure_families(arguments),
        Section::Client => programs::client(arguments),
        Section::Stream => programs::stream(arguments),
        Section::Upload => programs::upload(arguments),
        Section::Emulator => programs::emulator(arguments),
        Section::Cli => command::measure(arguments),
        Section::Fleet => fleet::measure(arguments),
        Section::All => Ok(Vec::new()),
    }
}

/// Reports that a comparison was skipped. A missing program or network must not discard the other figures.
fn warn_skipped(reason: &str) {
    eprintln!("skipped: {reason}");
}

/// Runs the same command as a release build, because generating is measured in this process.
fn rerun_in_release() -> Result<(), String> {
    let arguments = std::env::args().skip(1);
    let fixed = ["run", "--quiet", "--release", "-p", "xtask", "--"].map(str::to_owned);
    cargo(fixed.into_iter().chain(arguments))
}
