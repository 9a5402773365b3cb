//! What crosses crates: freshness, snapshots, compile-fail messages, end-to-end calls over the emulator.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use fal_codegen::{FalCore, Generated, Layout, Options};

/// The folder that holds the workspace.
#[must_use]
pub fn root() -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    tests.parent().map(PathBuf::from).unwrap_or(tests)
}

/// Options for crates in a workspace of their own, on the `fal-core` of this one.
#[must_use]
pub fn standalone() -> Options {
    let fal_core = root().join("crates/fal-core").display().to_string();
    Options { layout: Layout::Standalone { fal_core: FalCore::Path(fal_core) }, ..Options::default() }
}

/// Compiles what was generated, every warning an error. `Err` holds what the compiler said.
///
/// # Errors
///
/// When it does not compile, or `folder` cannot be written.
pub fn compile(generated: &Generated, folder: &Path) -> io::Result<Result<(), String>> {
    generated.tree.write(folder)?;
    // The versions that this repository is locked to are the ones that are at hand.
    fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock"))?;
    let checked = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet", "--all-features"])
        .env("CARGO_TARGET_DIR", root().join("target/generated"))
        .env("RUSTFLAGS", "-Dwarnings")
        .current_dir(folder)
        .output()?;
    let messages = String::from_utf8_lossy(&checked.stderr).into_owned();
    Ok(if checked.status.success() { Ok(()) } else { Err(messages) })
}

/// The README's code compiles.
#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;

/// And that of the client's own README.
#[doc = include_str!("../crates/fal-client/README.md")]
#[cfg(doctest)]
struct ClientReadme;
