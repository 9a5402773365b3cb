//! Runs benches that are separate programs, because they measure their own memory and depend on generated code.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{Arguments, Profile, row::Row, warn_skipped};
use crate::{
    conformance, root,
    run::{cargo, cargo_command},
};

/// The part of the bench `client` that needs a client with more features, which cost something in the other parts.
const OBSERVED: &str = "observed";

pub(super) fn client(arguments: &Arguments) -> Result<Vec<Row>, String> {
    let part = arguments.part.as_deref();
    let mut rows = match part {
        Some(OBSERVED) => Vec::new(),
        _ => bench_client(arguments)?,
    };
    if part.is_none_or(|part| part == OBSERVED) {
        let features = "metrics,opentelemetry,realtime";
        rows.append(&mut bench_with("client", features, arguments, &[OBSERVED.to_owned()])?);
    }
    Ok(rows)
}

fn bench_client(arguments: &Arguments) -> Result<Vec<Row>, String> {
    if !arguments.peers {
        return bench("client", arguments, &[]);
    }
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let peers = conformance::peers(folder.path(), &root().join("crates/fal-client/benches/peers"));
    let peers: Vec<String> = peers
        .inspect_err(|error| warn_skipped(error))
        .unwrap_or_default()
        .into_iter()
        .flat_map(|(name, program, script)| {
            ["--peer".to_owned(), name, program.display().to_string(), script.display().to_string()]
        })
        .collect();
    bench("client", arguments, &peers)
}

pub(super) fn stream(arguments: &Arguments) -> Result<Vec<Row>, String> {
    bench("stream", arguments, &[])
}

pub(super) fn upload(arguments: &Arguments) -> Result<Vec<Row>, String> {
    bench("upload", arguments, &[])
}

/// Runs a bench of fal-client, or the part of it that is asked for. All have the same features, so that cargo compiles the
/// client once.
fn bench(name: &str, arguments: &Arguments, more: &[String]) -> Result<Vec<Row>, String> {
    let part = arguments.part.iter();
    let more: Vec<_> = part.chain(more).cloned().collect();
    bench_with(name, "realtime", arguments, &more)
}

fn bench_with(
    name: &str,
    features: &str,
    arguments: &Arguments,
    more: &[String],
) -> Result<Vec<Row>, String> {
    eprintln!("bench {name}");
    let mut command = cargo_command();
    command.args(["bench", "--quiet", "-p", "fal-client", "--features", features, "--bench", name]);
    if arguments.profile == Profile::Dev {
        command.args(["--profile", "dev"]);
    }
    command.arg("--").args(more);
    command.args(arguments.quick.then_some("--quick")).args(arguments.long.then_some("--long"));
    rows(command.current_dir(root()))
}

pub(super) fn emulator(arguments: &Arguments) -> Result<Vec<Row>, String> {
    eprintln!("bench emulator");
    let target: PathBuf =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    // In one command, so that no dependency is compiled twice with other features.
    let targets = ["--package", "fal-emulator", "--bin", "fal-emulator", "--example", "load"];
    let build = |profile: &str, folder: &str| {
        cargo(["build", "--quiet", "--profile", profile].iter().chain(&targets))?;
        Ok::<_, String>(target.join(folder))
    };
    // Tests run the emulator without optimizations.
    let debug = build("dev", "debug")?;
    let built = match arguments.profile {
        Profile::Release => build("release", "release")?,
        Profile::Dev => debug.clone(),
    };
    let load = |emulator: &Path, flags: &[&str]| {
        let mut command = Command::new(built.join("examples/load"));
        command.arg(emulator.join("fal-emulator")).args(flags);
        rows(command.args(arguments.quick.then_some("--quick")))
    };
    let mut rows = load(&built, &[])?;
    rows.append(&mut load(&debug, &["--debug"])?);
    Ok(rows)
}

/// Runs a program and parses the rows that it prints.
fn rows(command: &mut Command) -> Result<Vec<Row>, String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{command:?} could not be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?} failed ({})", output.status));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| format!("{command:?} printed no rows: {error}"))
}
