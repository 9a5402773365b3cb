//! Measures `cargo check` of generated crates after their dependencies are built.

use std::{fs, io, path::Path, process::Stdio, time::Instant};

use fal_codegen::{FalCore, Generator, Layout, Options, Source, Tree};

use super::{
    cpu, derives,
    row::{Of, Row},
};
use crate::{root, run::cargo_command};

/// An empty crate with the dependencies of generated crates.
const WARM: &str = "[package]\nname = \"warm\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
    [dependencies]\nfal-core.workspace = true\nserde.workspace = true\nserde_json.workspace = true\n";

pub(super) fn measure(sources: &[Source], folder: &Path, peers: bool) -> Result<Vec<Row>, String> {
    let core = root().join("crates/fal-core").display().to_string();
    let layout = Layout::Standalone { fal_core: FalCore::Path(core) };
    let options = Options { layout, ..Options::default() };
    let generated = Generator::new(options).crates(sources).map_err(|errors| errors.to_string())?;
    let endpoints = generated.report.endpoints.iter().filter(|entry| entry.krate.is_some()).count();
    let each = |seconds: f64| seconds * 1000.0 / endpoints as f64;

    let ours = check(&generated.tree, &folder.join("ours"))?;
    let name = format!("codegen: cargo check of each of {endpoints} endpoints");
    let mut rows = vec![Row::alone(&name, "ms", &[each(ours.seconds)]).at_most(Of::Ours, 25.0)];
    if peers {
        // Processor time, because both are measured one after the other.
        let derived = check(&derives::with_derives(&generated.tree)?, &folder.join("derived"))?;
        rows.push(
            Row::against(
                &format!("{name}, compared with derives"),
                "ms of CPU",
                &[each(ours.cpu)],
                &[each(derived.cpu)],
            )
            .at_most(Of::Ratio, 0.4),
        );
    }
    Ok(rows)
}

/// The cost of `cargo check` of all crates of a workspace.
struct Cost {
    /// Elapsed time.
    seconds: f64,
    /// Processor time in seconds, or elapsed time except on Linux.
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
    fs::write(folder.join("crates/warm/src/lib.rs"), "//! Empty.\n")?;
    // The versions of this workspace, which are cached and need no network.
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).map(drop)
}

fn run(folder: &Path, arguments: &[&str]) -> Result<(), String> {
    let mut command = cargo_command();
    command.args(arguments).current_dir(folder).env("CARGO_TARGET_DIR", folder.join("target"));
    let output = command.stdout(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let errors = stderr.lines().skip_while(|line| !line.starts_with("error"));
    let errors: String = errors.take(40).map(|line| format!("{line}\n")).collect();
    Err(format!("`cargo {}` failed:\n{errors}", arguments.join(" ")))
}
