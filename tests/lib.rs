//! What crosses crates: freshness, snapshots, compile-fail messages, end-to-end calls over the emulator.

use std::path::PathBuf;

/// The folder that holds the workspace.
#[must_use]
pub fn root() -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    tests.parent().map(PathBuf::from).unwrap_or(tests)
}

/// The README's code compiles.
#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
