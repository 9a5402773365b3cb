//! `cargo xtask test`: runs every test.

use std::{env, fs, path::Path};

use crate::{root, run::cargo};

/// The model crates that hand-written code uses: each step compiles them, and no other model crate.
const SAMPLE: [&str; 3] = ["fal-flux", "fal-kling-video", "fal-whisper"];

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Part of the names of the tests to run, and further arguments of `cargo test`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    // Not `--all-features`: `native-tls` needs the headers of the system's TLS library.
    let features = "fal-client/axum,fal-client/blocking,fal-client/clap,fal-client/gzip,fal-client/image,fal-client/metrics,\
                    fal-client/platform,fal-client/realtime,fal-client/schemars,fal-client/tower,fal-core/pattern,fal-fleet/axum";
    let fixed = ["test", "--workspace", "--features", features].map(str::to_owned);
    let excluded = other_model_crates()?.into_iter().map(|name| format!("--exclude={name}"));
    cargo(fixed.into_iter().chain(excluded).chain(arguments.rest.iter().cloned()))?;
    if !has_database() {
        println!(
            "the tests of fal-fleet were skipped: install PostgreSQL 15 or later (`apt-get install postgresql`), or set \
             FAL_TEST_DATABASE_URL to a server on which databases may be created"
        );
    }
    Ok(())
}

/// Returns true if the tests of `fal-fleet` find a server, or its programs in the places in which those look for them.
fn has_database() -> bool {
    let has_programs = |folder: &Path| folder.join("initdb").exists() && folder.join("postgres").exists();
    let path = env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    env::var_os("FAL_TEST_DATABASE_URL").is_some()
        || env::split_paths(&path).any(|folder| has_programs(&folder))
        || versions.into_iter().any(|version| has_programs(&version.path().join("bin")))
}

/// Returns the model crates outside of the sample. They are compiled as dependencies of `fal-model-tests`, which makes the
/// calls of their pages. The examples in their documentation are alike, and compiling those of 400 crates takes half an
/// hour.
fn other_model_crates() -> Result<Vec<String>, String> {
    let folder = root().join("crates/models");
    let failed = |error| format!("{}: {error}", folder.display());
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        if folder.join(&name).join("src").is_dir()
            && name.starts_with("fal-")
            && !SAMPLE.contains(&name.as_str())
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
