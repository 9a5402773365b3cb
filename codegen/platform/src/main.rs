//! Writes the generated files of the platform API, for `cargo xtask regen`.
//!
//! With `--check`, it writes nothing, and fails if a file is stale.

use std::{env, fs, path::Path, process::ExitCode};

use fal_codegen_platform::{DOCUMENT, FOLDER, generate};

fn main() -> ExitCode {
    match run(env::args().any(|argument| argument == "--check")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(check: bool) -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let document = fs::read_to_string(root.join(DOCUMENT)).map_err(|error| format!("{DOCUMENT}: {error}"))?;
    let tree = generate(&document)?;
    let folder = root.join(FOLDER);
    let changes = tree.changes(&folder, &[String::new()])?;
    match changes.len() {
        0 => println!("fal-platform: {} files, fresh", tree.iter().count()),
        stale => println!(
            "fal-platform: {} files, {stale} {}",
            tree.iter().count(),
            if check { "stale" } else { "changed" }
        ),
    }
    for change in &changes {
        println!("  {change}");
    }
    if check && !changes.is_empty() {
        return Err("generated files are stale; run `cargo xtask regen` and commit what it writes".into());
    }
    if !check {
        tree.write(&folder)?;
    }
    Ok(())
}
