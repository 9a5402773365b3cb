//! `cargo xtask test`: runs every test.

use std::fs;

use crate::{
    attack, root,
    run::{cargo_command, cargo_with},
};

/// Arguments of `cargo xtask test`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Counts the attacks on this project among the tests, as `cargo xtask attack` does
    #[arg(long, conflicts_with = "rest")]
    attacks: bool,

    /// Part of the names of the tests to run, and further arguments of `cargo test`
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let skipped = root().join("target/skipped-tests.txt");
    let file = skipped.display().to_string();
    // The reason of an earlier run.
    let _ = fs::remove_file(&skipped);
    let test = ["test".to_owned()].into_iter().chain(selection()?);
    if arguments.attacks {
        let mut command = cargo_command();
        command.args(test).args(["--", attack::SHOW_OUTPUT]).current_dir(root());
        attack::run_among_all(command.env("FAL_SKIPPED_TESTS", &file))?;
    } else {
        cargo_with(test.chain(arguments.rest.iter().cloned()), &[("FAL_SKIPPED_TESTS", &file)])?;
    }
    print!("{}", fs::read_to_string(&skipped).unwrap_or_default());
    Ok(())
}

/// Returns the arguments of cargo that select the packages that are tested, and their features.
pub(crate) fn selection() -> Result<Vec<String>, String> {
    let features = read(".ci/features")?;
    let fixed = ["--workspace", "--features", features.trim()].map(str::to_owned);
    let excluded = other_model_crates()?.into_iter().map(|name| format!("--exclude={name}"));
    Ok(fixed.into_iter().chain(excluded).collect())
}

fn read(file: &str) -> Result<String, String> {
    fs::read_to_string(root().join(file)).map_err(|error| format!("{file}: {error}"))
}

/// Returns the model crates outside of the sample. They are compiled as dependencies of `fal-model-tests`, which makes the
/// calls of their pages. The examples in their documentation are alike, and compiling those of 400 crates takes half an
/// hour.
fn other_model_crates() -> Result<Vec<String>, String> {
    let folder = root().join("crates/models");
    let failed = |error| format!("{}: {error}", folder.display());
    let sample = read(".ci/sample")?;
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        if folder.join(&name).join("src").is_dir()
            && name.starts_with("fal-")
            && !sample.lines().any(|line| line == name)
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}
