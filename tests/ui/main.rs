//! Compiler messages for mistakes in calls: each `fail/<mistake>.rs` must fail with the messages in its `.stderr`.
//!
//! `fixture/poster.rs` is generated from a document written for these tests, with rules that no committed document has.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path, process::Command};

/// Runs only with the compiler of `rust-toolchain.toml`, because messages differ between compilers.
#[test]
fn mistakes_fail_with_the_expected_messages() {
    let pinned = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rust-toolchain.toml");
    let pinned = fs::read_to_string(pinned).unwrap();
    let rustc = Command::new("rustc").arg("--version").output().unwrap();
    let version = String::from_utf8_lossy(&rustc.stdout).split(' ').nth(1).unwrap_or_default().to_owned();
    if !pinned.contains(&format!("\"{version}\"")) {
        eprintln!(
            "skipped: the expected messages are those of the pinned toolchain, and this is rustc {version}"
        );
        return;
    }
    let cases = trybuild::TestCases::new();
    cases.compile_fail("fail/*.rs");
    cases.pass("pass/*.rs");
}
