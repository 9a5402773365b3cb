//! `cargo xtask publish`: uploads the crates whose version the registry does not have.

mod index;
mod limits;
mod schedule;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use limits::Limits;
use schedule::{Outcome, Package, Schedule};

use crate::{cargo, root};

/// Attempts per upload that fails for a reason that may pass, such as a lost connection.
const ATTEMPTS: u32 = 5;

/// Pause before another attempt.
const PAUSE: Duration = Duration::from_secs(30);

/// Arguments of `cargo xtask publish`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Lists the crates that would be uploaded and says how long it would take, and uploads nothing
    #[arg(long)]
    dry_run: bool,
    /// URL of the registry's index
    #[arg(long, value_name = "URL", default_value = index::CRATES_IO)]
    index: String,
    /// Further arguments of `cargo publish`, such as `--registry NAME`
    #[arg(last = true)]
    cargo: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let packages = packages()?;
    println!("looking up {} crates at {}", packages.len(), arguments.index);
    let known = index::versions(&arguments.index, packages.iter().map(|package| package.name.as_str()))?;
    let mut schedule = Schedule::new(packages, &known)?;
    print!("{}", schedule.describe());
    if arguments.dry_run || schedule.is_done() {
        return Ok(());
    }
    upload_all(&mut schedule, &mut SystemClock, |package| upload(package, &arguments.cargo))
}

/// The time, which tests simulate.
trait Clock {
    fn now(&self) -> SystemTime;
    fn wait(&mut self, pause: Duration);
}

struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn wait(&mut self, pause: Duration) {
        thread::sleep(pause);
    }
}

/// Uploads everything that is left. While one limit of the registry is reached, uploads under the other go on.
fn upload_all(
    schedule: &mut Schedule,
    clock: &mut impl Clock,
    mut upload: impl FnMut(&Package) -> Result<Outcome, String>,
) -> Result<(), String> {
    let mut limits = Limits::default();
    while let Some((package, limit)) = schedule.next(&limits, clock.now()) {
        let package = package.clone();
        if let Some(pause) = limits.pause(limit, clock.now()) {
            println!("{}", schedule.describe_pause(limit, pause));
            clock.wait(pause);
        }
        let outcome = upload(&package)?;
        match &outcome {
            Outcome::Uploaded => println!("{} {}: uploaded", package.name, package.version),
            Outcome::AlreadyThere => println!("{} {}: is there already", package.name, package.version),
            Outcome::Limited(_) => {}
        }
        limits.note(limit, &outcome, clock.now());
        schedule.note(&package.name, &outcome);
    }
    Ok(())
}

/// Uploads a package by `cargo publish`, which waits until the index has it.
fn upload(package: &Package, options: &[String]) -> Result<Outcome, String> {
    let mut attempt = 1;
    loop {
        let mut command = cargo();
        // `cargo xtask package --verify` compiles the packages of all crates.
        command.args(["publish", "--no-verify", "--locked", "--package", &package.name]).args(options);
        let output = command.current_dir(root()).output().map_err(|error| format!("cargo: {error}"))?;
        let text = String::from_utf8_lossy(&output.stderr);
        match schedule::read_outcome(output.status.success(), &text) {
            Ok(outcome) => return Ok(outcome),
            Err(failure) if failure.may_pass && attempt < ATTEMPTS => {
                eprintln!("{}; trying again in {} s", failure.message, PAUSE.as_secs());
                thread::sleep(PAUSE);
                attempt += 1;
            }
            Err(failure) => {
                return Err(format!(
                    "{} was not uploaded: {}\nRun the command again to go on; nothing is uploaded twice.",
                    package.name, failure.message
                ));
            }
        }
    }
}

/// Reads the packages that are published, with those of this workspace that each depends on.
fn packages() -> Result<Vec<Package>, String> {
    let mut command = cargo();
    command.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(root());
    let output = command.output().map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    Ok(published(&metadata))
}

/// Returns the members of the workspace without `publish = false`, which is an empty list of registries.
fn published(metadata: &Value) -> Vec<Package> {
    let members = metadata["packages"].as_array().into_iter().flatten();
    let published = members.filter(|package| !package["publish"].as_array().is_some_and(Vec::is_empty));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let packages: Vec<(Package, &Value)> = published
        .map(|package| {
            let (name, version) = (text(&package["name"]), text(&package["version"]));
            (Package { name, version, needs: Vec::new() }, &package["dependencies"])
        })
        .collect();
    let versions: BTreeMap<String, String> =
        packages.iter().map(|(package, _)| (package.name.clone(), package.version.clone())).collect();
    let with_needs = packages.into_iter().map(|(package, dependencies)| {
        // Cargo leaves dependencies of tests without a version out of a package, so they are not needed.
        let dependencies = dependencies.as_array().into_iter().flatten();
        let needs = dependencies.filter(|dependency| dependency["req"] != "*" || dependency["kind"] != "dev");
        let names = needs.filter_map(|dependency| dependency["name"].as_str());
        let needs = names.filter(|name| versions.contains_key(*name)).map(str::to_owned).collect();
        Package { needs, ..package }
    });
    with_needs.collect()
}
