//! `cargo xtask fleet-chaos`: a batch whose workers are killed, whose database crashes, and whose network breaks.

use crate::run::cargo;

/// Arguments of `cargo xtask fleet-chaos`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Number of requests
    #[arg(long, default_value_t = 20_000)]
    requests: usize,
    /// Number of workers, each a process
    #[arg(long, default_value_t = 4)]
    workers: usize,
    /// Number of requests that are under way at the same time
    #[arg(long, default_value_t = 40)]
    at_once: usize,
    /// Uses a server that only accepts requests, in place of the emulator: for a million of them
    #[arg(long)]
    light: bool,
    /// Compiles with optimizations
    #[arg(long)]
    release: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let numbers = [arguments.requests, arguments.workers, arguments.at_once];
    let [requests, workers, at_once] = numbers.map(|number| number.to_string());
    let test = ["test", "--package", "fal-fleet", "--features", "axum", "--test", "chaos"];
    let release = arguments.release.then_some("--release");
    let light = arguments.light.then_some("--light");
    let run = ["--", "--requests", &requests, "--workers", &workers, "--at-once", &at_once];
    cargo(test.into_iter().chain(release).chain(run).chain(light))
}
