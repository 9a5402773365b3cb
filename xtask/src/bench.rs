//! `cargo xtask bench`: every promised figure, as a ratio against what the same takes without this project's code,
//! measured in the same run. What is measured gives rows; here they become a table, JSON and `BENCHMARKS.md`.

mod chart;
mod check;
mod codegen;
mod compile;
mod cpu;
mod derives;
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
    /// What to measure, and to write to BENCHMARKS.md unless it is quick or a part only
    #[arg(value_enum, default_value = "all")]
    what: What,

    /// Only `run`, `subscribe`, `many` or `decode` of client; only `events`, `echo` or `memory` of stream
    part: Option<String>,

    /// Writes the rows and the facts of the machine to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// A look in two minutes: few rounds of little work, whose figures say little
    #[arg(long)]
    quick: bool,

    /// Measures others too: generators, derives, the crate `fal`, fal's official clients (needs a network, python3,
    /// node, npm)
    #[arg(long)]
    peers: bool,

    /// 1,000,000 events to the slow consumer of stream, in 10 minutes
    #[arg(long, conflicts_with = "quick")]
    long: bool,

    /// How programs are compiled. What is not optimised shows that it works, and no figure
    #[arg(long, value_enum, default_value = "release")]
    profile: Profile,
}

/// What to measure.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    /// Documents to files, and `cargo check` of the files. Takes all documents of ../shared/corpus, or of schemas/
    /// where that is not there or it must be quick
    Codegen,
    /// An app with one typed call against one by reqwest and serde: time to build, memory, size
    Compile,
    /// What the client costs beyond plain reqwest: run, subscribe, 10,000 jobs at once, large outputs
    Client,
    /// What streams and realtime connections cost beyond plain reqwest and tokio-tungstenite, and a slow consumer
    Stream,
    /// A large file from disk, many small ones, and the memory that they take
    Upload,
    /// The emulator's start, memory and latency: 10,000 queued requests, 1,000 connections
    Emulator,
    All,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Profile {
    Release,
    Dev,
}

/// The parts of `all`, in their order.
const PARTS: [What; 6] =
    [What::Codegen, What::Compile, What::Client, What::Stream, What::Upload, What::Emulator];

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    if arguments.part.is_some() && !matches!(arguments.what, What::Client | What::Stream) {
        return Err("only `client` and `stream` have parts".to_owned());
    }
    let generates = matches!(arguments.what, What::Codegen | What::All);
    if cfg!(debug_assertions) && generates && arguments.profile == Profile::Release {
        return again_in_release();
    }
    let machine = Machine::now();
    let is_kept = !arguments.quick && arguments.profile == Profile::Release && arguments.part.is_none();
    let (mut rows, mut failures) = (Vec::new(), Vec::new());
    for part in PARTS {
        if arguments.what == part || arguments.what == What::All {
            match measure(part, arguments) {
                Ok(mut measured) => {
                    if is_kept && let Err(error) = report::write(&machine, &measured) {
                        failures.push(error);
                    }
                    rows.append(&mut measured);
                }
                // What was measured before is worth its time.
                Err(error) => failures.push(error),
            }
        }
    }
    if arguments.quick || arguments.profile == Profile::Dev {
        // What is not measured well reaches nothing and misses nothing.
        rows.iter_mut().for_each(|row| row.target = None);
    }
    println!("{machine}\n\n{}", table::text(&rows).trim_end());
    if arguments.profile == Profile::Dev {
        println!("\nNothing was optimised: these figures show that it works, and mean nothing.");
    } else if arguments.quick {
        println!("\nFew rounds of little work: these figures say little.");
    }
    if let Some(file) = &arguments.json {
        let text = json!({ "machine": machine, "rows": rows });
        fs::write(file, format!("{text:#}\n")).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

fn measure(part: What, arguments: &Arguments) -> Result<Vec<Row>, String> {
    match part {
        What::Codegen => codegen::measure(arguments),
        What::Compile => compile::measure(arguments),
        What::Client => programs::client(arguments),
        What::Stream => programs::stream(arguments),
        What::Upload => programs::upload(arguments),
        What::Emulator => programs::emulator(arguments),
        What::All => Ok(Vec::new()),
    }
}

/// What others need may not be there; that is no reason to lose what was measured of ours.
fn left_out(why: &str) {
    eprintln!("left out: {why}");
}

/// Generating is measured in this process.
fn again_in_release() -> Result<(), String> {
    let given = std::env::args().skip(1);
    let fixed = ["run", "--quiet", "--release", "-p", "xtask", "--"].map(str::to_owned);
    cargo(fixed.into_iter().chain(given))
}
