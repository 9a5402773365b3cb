//! `cargo xtask fuzz`: feeds what reads the world outside with whatever finds a new way through it.

use std::fs;

use crate::{root, run::cargo_with};

/// Arguments of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only this one.
    target: Option<Target>,
    /// How long each runs.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// What is fuzzed.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Target {
    /// OpenAPI documents, by the generator.
    Documents,
    /// Server-sent events.
    Events,
    /// Webhook deliveries.
    Webhook,
}

/// What tells libFuzzer which code has run. Without the sanitizers, which need a nightly compiler: there is no unsafe
/// code here for them to look at.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 -Cdebug-assertions";

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let all = [Target::Documents, Target::Events, Target::Webhook];
    let targets = arguments.target.map_or(all.to_vec(), |target| vec![target]);
    for target in targets {
        let name = match target {
            Target::Documents => "documents",
            Target::Events => "events",
            Target::Webhook => "webhook",
        };
        let folder = root().join("target/fuzz");
        // What was found, for the next time, and what failed.
        let (corpus, artifacts) = (folder.join("corpus").join(name), folder.join("artifacts").join(name));
        for folder in [&corpus, &artifacts] {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        let (manifest, seeds) = (root().join("fuzz/Cargo.toml"), root().join("fuzz/seeds").join(name));
        let built = folder.join("build");
        let (time, found) =
            (format!("-max_total_time={}", arguments.seconds), artifacts.display().to_string());
        let found = format!("-artifact_prefix={found}/");
        let paths = [manifest, built, corpus, seeds].map(|path| path.display().to_string());
        let [manifest, built, corpus, seeds] = paths.each_ref().map(String::as_str);
        let host = host()?;
        let cargo =
            ["run", "--release", "--manifest-path", manifest, "--target-dir", built, "--target", &host];
        let fuzz = ["--bin", name, "--", corpus, seeds, &time, &found, "-timeout=10", "-rss_limit_mb=2048"];
        cargo_with(cargo.iter().chain(&fuzz), &[("RUSTFLAGS", FLAGS)])?;
    }
    Ok(())
}

/// The triple of this machine. Naming it keeps the flags from build scripts and macros, which are not fuzzed.
fn host() -> Result<String, String> {
    let output = std::process::Command::new("rustc").arg("-vV").output();
    let output = output.map_err(|error| format!("rustc could not be started: {error}"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = said.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned);
    host.ok_or_else(|| "rustc does not say what it runs on".to_owned())
}
