//! `cargo xtask fuzz`: fuzzes the readers of foreign data with libFuzzer.

use std::fs;

use crate::{root, run::cargo_with};

/// Arguments of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Fuzzes only this target
    target: Option<Target>,
    /// Seconds per target
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

/// A reader of foreign data.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Target {
    /// The generator, with OpenAPI documents.
    Documents,
    /// The parser of server-sent events.
    Events,
    /// The verifier of webhook deliveries.
    Webhook,
}

/// Compiler flags for the coverage that libFuzzer needs. The sanitizers are left out: they need a nightly compiler, and
/// there is no unsafe code for them to check.
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
        // Inputs that reached new code are kept for the next run, and inputs that failed for the developer.
        let (corpus, artifacts) = (folder.join("corpus").join(name), folder.join("artifacts").join(name));
        for folder in [&corpus, &artifacts] {
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        let (manifest, seeds) = (root().join("fuzz/Cargo.toml"), root().join("fuzz/seeds").join(name));
        let built = folder.join("build");
        let time = format!("-max_total_time={}", arguments.seconds);
        let prefix = format!("-artifact_prefix={}/", artifacts.display());
        let paths = [manifest, built, corpus, seeds].map(|path| path.display().to_string());
        let [manifest, built, corpus, seeds] = paths.each_ref().map(String::as_str);
        let host = host()?;
        let cargo =
            ["run", "--release", "--manifest-path", manifest, "--target-dir", built, "--target", &host];
        let fuzz = ["--bin", name, "--", corpus, seeds, &time, &prefix, "-timeout=10", "-rss_limit_mb=2048"];
        cargo_with(cargo.iter().chain(&fuzz), &[("RUSTFLAGS", FLAGS)])?;
    }
    Ok(())
}

/// Returns the target triple of this machine. With `--target`, the flags do not apply to build scripts and macros.
fn host() -> Result<String, String> {
    let output = std::process::Command::new("rustc").arg("-vV").output();
    let output = output.map_err(|error| format!("rustc could not be started: {error}"))?;
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).map(str::to_owned);
    host.ok_or_else(|| "`rustc -vV` names no host".to_owned())
}
