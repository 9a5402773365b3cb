//! `cargo check` of generated crates, after everything they depend on is built.

use std::{
    fs, io,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use fal_codegen::{FalCore, Layout, Options, Source, Tree, generate};
use serde_json::{Value, json};

use super::{cpu, derives, rounded};
use crate::root;

/// A crate without code that depends on what generated crates depend on.
const WARM: &str = "[package]\nname = \"warm\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
    [dependencies]\nfal-core.workspace = true\nserde.workspace = true\nserde_json.workspace = true\n";

pub(super) fn measure(sources: &[Source], folder: &Path) -> Result<Value, String> {
    let core = root().join("crates/fal-core").display().to_string();
    let layout = Layout::Standalone { fal_core: FalCore::Path(core) };
    let options = Options { layout, ..Options::default() };
    let generated = generate(sources, &options).map_err(|errors| errors.to_string())?;
    let endpoints = generated.report.endpoints.iter().filter(|entry| entry.krate.is_some()).count();

    let ours = check(&generated.tree, &folder.join("ours"))?;
    let swapped = check(&derives::swapped(&generated.tree), &folder.join("swapped"))?;
    let bare = check(&derives::bare(&generated.tree), &folder.join("bare"))?;
    let each = |seconds: f64| rounded(seconds * 1000.0 / endpoints as f64);
    Ok(json!({
        "endpoints": endpoints,
        "crates": generated.tree.iter().filter(|(path, _)| path.ends_with("src/lib.rs")).count(),
        "seconds": rounded(ours.seconds),
        "cpu_seconds": rounded(ours.cpu),
        "ms_an_endpoint": each(ours.seconds),
        "cpu_ms_an_endpoint": each(ours.cpu),
        // The same crates and the same wire, by derives in place of what reads and writes JSON. Ratios are of processor
        // time, since the three are measured one after the other.
        "with_derives_cpu_ms_an_endpoint": each(swapped.cpu),
        "ratio_to_derives": rounded(ours.cpu / swapped.cpu),
        // The types alone: no builders, checks, bounds, literals, and another wire.
        "bare_derives_cpu_ms_an_endpoint": each(bare.cpu),
        "ratio_to_bare_derives": rounded(ours.cpu / bare.cpu),
    }))
}

/// What `cargo check` of all crates of a workspace takes.
struct Cost {
    /// On the wall.
    seconds: f64,
    /// Of the processors, or again on the wall where the system does not say.
    cpu: f64,
}

fn check(tree: &Tree, folder: &Path) -> Result<Cost, String> {
    prepare(tree, folder).map_err(|error| error.to_string())?;
    run(folder, &["check", "--offline", "--quiet", "-p", "warm"])?;
    let (start, before) = (Instant::now(), cpu::seconds());
    run(folder, &["check", "--offline", "--quiet", "--workspace"])?;
    let seconds = start.elapsed().as_secs_f64();
    let cpu = cpu::seconds().zip(before).map_or(seconds, |(after, before)| after - before);
    Ok(Cost { seconds, cpu })
}

fn prepare(tree: &Tree, folder: &Path) -> io::Result<()> {
    tree.write(folder)?;
    fs::create_dir_all(folder.join("crates/warm/src"))?;
    fs::write(folder.join("crates/warm/Cargo.toml"), WARM)?;
    fs::write(folder.join("crates/warm/src/lib.rs"), "//! Nothing.\n")?;
    // The versions of this workspace, which are there without a network.
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).map(drop)
}

fn run(folder: &Path, arguments: &[&str]) -> Result<(), String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command.args(arguments).current_dir(folder).env("CARGO_TARGET_DIR", folder.join("target"));
    let output = command.stdout(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let start: String = said.lines().take(40).map(|line| format!("{line}\n")).collect();
    Err(format!("`cargo {}` failed:\n{start}", arguments.join(" ")))
}
