//! `cargo xtask bench`: what generating and compiling the result costs, and what the client costs. `bench emulator` is
//! its own.

mod compile;
mod cpu;
mod derives;
mod emulator;
mod generate;
mod peers;
mod upload;

use std::{fs, path::Path};

use fal_codegen::Source;
use serde_json::{Value, json};

use crate::{root, run::cargo};

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    what: What,
}

/// What to measure.
#[derive(clap::Subcommand)]
enum What {
    /// Documents to files, beside other generators, and `cargo check` of the files. Takes all documents of
    /// ../shared/corpus, or of schemas/ where that is not there.
    Codegen {
        /// Prints one JSON object.
        #[arg(long)]
        json: bool,
        /// Leaves out what takes minutes: compiling.
        #[arg(long)]
        no_check: bool,
        /// Leaves out other generators, whose crates are fetched and built at the first time.
        #[arg(long)]
        no_peers: bool,
    },
    /// Uploads against raw reqwest: a large file from disk, many small ones, and the memory that they take.
    Upload {
        /// Prints one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// The emulator's start, memory and latency: 10,000 queued requests, 1,000 connections.
    Emulator {
        /// Prints one JSON object.
        #[arg(long)]
        json: bool,
    },
    /// What the client costs beyond plain reqwest: run, subscribe, 10,000 jobs at once, large outputs.
    Client {
        /// Prints one JSON object.
        #[arg(long)]
        json: bool,
        /// Only `run`, `subscribe`, `many` or `decode`.
        only: Option<String>,
    },
    /// What streams and realtime connections cost beyond plain reqwest and tokio-tungstenite, and the memory that a
    /// slow consumer of a long stream takes.
    Stream {
        /// Prints one JSON object.
        #[arg(long)]
        json: bool,
        /// A few rounds only, to see that it works.
        #[arg(long, conflicts_with = "long")]
        quick: bool,
        /// 1,000,000 events to the slow consumer, in 10 minutes.
        #[arg(long)]
        long: bool,
        /// Only `events`, `echo` or `memory`.
        only: Option<String>,
    },
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let (json, no_check, no_peers) = match &arguments.what {
        What::Codegen { json, no_check, no_peers } => (*json, *no_check, *no_peers),
        What::Emulator { json } => return emulator::run(*json),
        What::Upload { json } => return upload::run(*json),
        // A bench of the client, because nothing generated may be needed to build xtask.
        What::Client { json, only } => {
            let fixed = ["bench", "--quiet", "-p", "fal-client", "--bench", "client", "--"];
            let given = only.as_deref().into_iter().chain(json.then_some("--json"));
            return cargo(fixed.into_iter().chain(given));
        }
        What::Stream { json, quick, long, only } => {
            let fixed =
                ["bench", "--quiet", "-p", "fal-client", "--features", "realtime", "--bench", "stream", "--"];
            let flags = [(*json, "--json"), (*quick, "--quick"), (*long, "--long")];
            let flags = flags.into_iter().filter_map(|(given, flag)| given.then_some(flag));
            return cargo(fixed.into_iter().chain(only.as_deref()).chain(flags));
        }
    };
    if cfg!(debug_assertions) {
        let flags = [(json, "--json"), (no_check, "--no-check"), (no_peers, "--no-peers")];
        let flags = flags.into_iter().filter_map(|(given, flag)| given.then_some(flag));
        let fixed = ["run", "--quiet", "--release", "-p", "xtask", "--", "bench", "codegen"];
        return cargo(fixed.into_iter().chain(flags));
    }
    let (from, sources) = sources()?;
    let folder = std::env::temp_dir().join(format!("fal-codegen-bench-{}", std::process::id()));
    let measured = measure(&sources, &folder, no_check, no_peers);
    // Measurements are what counts; a folder that stays behind does not.
    let _ = fs::remove_dir_all(&folder);
    let mut result = measured?;
    result["documents"] = json!({ "from": from, "files": sources.len() });
    if json {
        println!("{result:#}")
    } else {
        print(&result)
    }
    Ok(())
}

fn measure(sources: &[Source], folder: &Path, no_check: bool, no_peers: bool) -> Result<Value, String> {
    let generate = generate::measure(sources, &folder.join("written"))?;
    let peers = if no_peers { Value::Null } else { peers::measure(sources, &folder.join("peers"))? };
    let compile = if no_check { Value::Null } else { compile::measure(sources, folder)? };
    Ok(json!({ "generate": generate, "peers": peers, "check": compile }))
}

/// The documents to measure with, and where they come from.
fn sources() -> Result<(String, Vec<Source>), String> {
    let corpus = root().join("../shared/corpus/schemas");
    let own = root().join("schemas");
    let (name, folder) = if corpus.is_dir() { ("corpus", corpus) } else { ("schemas", own) };
    let mut sources = Vec::new();
    read(&folder, &folder, &mut sources).map_err(|error| format!("{name}: {error}"))?;
    Ok((name.to_owned(), sources))
}

fn read(folder: &Path, base: &Path, sources: &mut Vec<Source>) -> std::io::Result<()> {
    let mut entries = fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for path in entries.iter().map(fs::DirEntry::path) {
        if path.is_dir() {
            read(&path, base, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            let file = path.strip_prefix(base).unwrap_or(&path).display().to_string();
            let text = fs::read_to_string(&path)?;
            // The document of the platform API describes no model.
            if text.contains("\"endpoint_id\"") {
                sources.push(Source { file, text });
            }
        }
    }
    Ok(())
}

fn print(result: &Value) {
    println!("{} documents of {}", result["documents"]["files"], result["documents"]["from"]);
    for part in ["generate", "peers", "check"] {
        let Value::Object(figures) = &result[part] else { continue };
        println!("\n{part}");
        for (name, figure) in figures {
            if let Value::Object(figures) = figure {
                println!("  {name}");
                figures.iter().for_each(|(name, figure)| println!("    {name:<30} {figure}"));
                continue;
            }
            let target = match (part, name.as_str()) {
                ("generate", "ratio") => "  (target 15 at most)",
                ("check", "ms_an_endpoint") => "  (target 25 at most)",
                ("check", "ratio_to_derives") => "  (target 0.4 at most)",
                _ => "",
            };
            println!("  {name:<32} {figure}{target}");
        }
    }
}

/// Three digits after the point.
fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
