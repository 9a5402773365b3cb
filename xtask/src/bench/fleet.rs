//! Measures the ledger of a fleet, and a worker of it.

use std::fs;

use serde::Deserialize;

use super::{
    Arguments, Profile,
    row::{Of, Row},
};
use crate::run::cargo_with;

/// The figures with a number of waiting requests, as the program prints them.
#[derive(Deserialize)]
struct Figures {
    waiting: u64,
    added_per_second: f64,
    bytes: f64,
    steps_per_second: f64,
    /// Measured with the largest number alone.
    worker: Option<Worker>,
}

#[derive(Deserialize)]
struct Worker {
    restart_seconds: Vec<f64>,
    mib: f64,
}

pub(super) fn measure(arguments: &Arguments) -> Result<Vec<Row>, String> {
    eprintln!("bench fleet");
    let folder = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let file = folder.path().join("figures.json");
    let test = ["test", "--quiet", "--package", "fal-fleet", "--lib"];
    let release = (arguments.profile == Profile::Release).then_some("--release");
    let name = ["--", "--ignored", "--exact", "ledger::postgres::rate::figures"];
    let (sizes, seconds) = if arguments.quick { ("1000 10000", "2") } else { ("10000 100000 1000000", "20") };
    let path = file.display().to_string();
    let environment = [("FAL_FIGURES", &*path), ("SIZES", sizes), ("SECONDS", seconds)];
    cargo_with(test.into_iter().chain(release).chain(name), &environment)?;
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let figures: Vec<Figures> =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(rows(&figures))
}

fn rows(figures: &[Figures]) -> Vec<Row> {
    let mut rows: Vec<Row> = figures
        .iter()
        .map(|figures| {
            let name = format!("fleet: steps with {} waiting", figures.waiting);
            Row::alone(&name, "steps/s", &[figures.steps_per_second]).at_least(Of::Ours, 2000.0)
        })
        .collect();
    let added: Vec<f64> = figures.iter().map(|figures| figures.added_per_second).collect();
    rows.push(Row::alone("fleet: requests added", "requests/s", &added));
    for Figures { waiting, bytes, worker, .. } in figures {
        let Some(worker) = worker else { continue };
        let name = format!("fleet: database, each of {waiting} waiting");
        rows.push(Row::alone(&name, "bytes", &[*bytes]));
        let name = format!("fleet: start of a worker to its first submit, {waiting} waiting");
        rows.push(Row::alone(&name, "s", &worker.restart_seconds).at_most(Of::Ours, 1.0));
        let name = format!("fleet: memory of a worker, {waiting} waiting");
        rows.push(Row::alone(&name, "MiB", &[worker.mib]).at_most(Of::Ours, 64.0));
    }
    rows
}
