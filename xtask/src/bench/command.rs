//! The start and the size of `fal-cli`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::row::{Of, Row};
use super::stats::median;
use super::{Arguments, Profile, warn_skipped};
use crate::{root, run::cargo};

/// The longest start, in milliseconds.
const MAX_START: f64 = 50.0;
/// The largest programs with and without the emulator, in MiB.
const MAX_SIZES: [f64; 2] = [25.0, 12.0];

pub(super) fn measure(arguments: &Arguments) -> Result<Vec<Row>, String> {
    eprintln!("bench cli");
    let program = build(arguments, &[])?;
    let rounds = if arguments.quick { 3 } else { 50 };
    let mut rows = Vec::new();
    for (name, line) in [("start", &["--version"][..]), ("start, show a model", &["show", "fal-ai/flux/dev"])]
    {
        // Rounds alternate, because the load of a machine changes.
        let (mut ours, mut floor, mut node) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..rounds {
            ours.push(start(&program, line)?);
            floor.push(start(Path::new("true"), &[])?);
            node.extend(start(Path::new("node"), &["--eval", "0"]).ok());
        }
        let mut row = Row::against(&format!("cli: {name}"), "ms", &ours, &floor).at_most(Of::Ours, MAX_START);
        if !node.is_empty() {
            row = row.peer("Node without a script", median(&node));
        }
        rows.push(row);
    }
    let sizes = [("program", &[][..]), ("program without features", &["--no-default-features"])];
    for ((name, options), most) in sizes.into_iter().zip(MAX_SIZES) {
        match stripped_size(&build(arguments, options)?) {
            Ok(size) => {
                rows.push(Row::alone(&format!("cli: {name}"), "MiB", &[size]).at_most(Of::Ours, most))
            }
            Err(reason) => warn_skipped(&reason),
        }
    }
    Ok(rows)
}

/// Builds the program as its archives are built, and returns its path.
fn build(arguments: &Arguments, options: &[&str]) -> Result<PathBuf, String> {
    let (profile, folder) = match arguments.profile {
        Profile::Release => ("distribution", "distribution"),
        Profile::Dev => ("dev", "debug"),
    };
    let build = ["build", "--quiet", "--package", "fal-cli", "--profile", profile];
    cargo(build.iter().chain(options))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    Ok(target.join(folder).join("fal-cli"))
}

/// Returns the time of a process from its start to its end, in milliseconds.
fn start(program: &Path, line: &[&str]) -> Result<f64, String> {
    let begin = Instant::now();
    let mut command = Command::new(program);
    let status = command.args(line).stdin(Stdio::null()).stdout(Stdio::null()).env_remove("FAL_KEY").status();
    match status {
        Ok(status) if status.success() => Ok(begin.elapsed().as_secs_f64() * 1000.0),
        Ok(status) => Err(format!("{}: {status}", program.display())),
        Err(error) => Err(format!("{}: {error}", program.display())),
    }
}

/// Returns the size of a program without its symbols, in MiB.
fn stripped_size(program: &Path) -> Result<f64, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let stripped = folder.path().join("stripped");
    let status = Command::new("strip").arg("-o").arg(&stripped).arg(program).status();
    match status {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(format!("strip: {status}")),
        Err(error) => return Err(format!("strip: {error}")),
    }
    let size = std::fs::metadata(&stripped).map_err(|error| error.to_string())?.len();
    Ok(size as f64 / f64::from(1 << 20))
}
