//! Tests that need several crates: freshness of generated code, snapshots, and calls to the emulator.
//!
//! This library holds the helpers that the test targets share.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use fal_codegen::{FalCore, Generated, Layout, Options};

/// Returns the root folder of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    tests.parent().map(PathBuf::from).unwrap_or(tests)
}

/// Returns options that generate a workspace of its own, whose crates depend on this repository's `fal-core`.
#[must_use]
pub fn standalone() -> Options {
    let fal_core = root().join("crates/fal-core").display().to_string();
    Options { layout: Layout::Standalone { fal_core: FalCore::Path(fal_core) }, ..Options::default() }
}

/// Compiles an app with these lines of `[dependencies]` and these files in `src`, and warnings as errors.
///
/// The inner `Err` holds the compiler's messages.
///
/// # Errors
///
/// If a temporary folder cannot be written or cargo cannot be started.
pub fn compile_app(dependencies: &str, files: &[(String, String)]) -> io::Result<Result<(), String>> {
    let folder = tempfile::tempdir()?;
    let source = folder.path().join("src");
    fs::create_dir(&source)?;
    for (name, text) in files {
        fs::write(source.join(name), text)?;
    }
    let manifest = format!(
        "[package]\nname = \"app\"\nedition = \"2024\"\n\n[dependencies]\n{dependencies}\n\n[workspace]\n"
    );
    fs::write(folder.path().join("Cargo.toml"), manifest)?;
    check(folder.path(), &[])
}

/// Writes generated crates to `folder` and compiles them with warnings as errors.
///
/// The inner `Err` holds the compiler's messages.
///
/// # Errors
///
/// If `folder` cannot be written or cargo cannot be started.
pub fn compile(generated: &Generated, folder: &Path) -> io::Result<Result<(), String>> {
    generated.tree.write(folder)?;
    check(folder, &["--all-features"])
}

fn check(folder: &Path, arguments: &[&str]) -> io::Result<Result<(), String>> {
    // The versions in this repository's lock file are available without a network.
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let checked = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet"])
        .args(arguments)
        .env("CARGO_TARGET_DIR", root().join("target/generated"))
        .env("RUSTFLAGS", "-Dwarnings")
        .current_dir(folder)
        .output()?;
    let messages = String::from_utf8_lossy(&checked.stderr).into_owned();
    Ok(if checked.status.success() { Ok(()) } else { Err(messages) })
}

/// Compiles the code of the README.
#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;

/// Compiles the code of the client's README.
#[doc = include_str!("../crates/fal-client/README.md")]
#[cfg(doctest)]
struct ClientReadme;

/// Compiles and runs the code of the emulator's README.
#[doc = include_str!("../crates/fal-emulator/README.md")]
#[cfg(doctest)]
struct EmulatorReadme;
