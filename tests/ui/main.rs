//! What the compiler says about mistakes is a contract: `fail/<mistake>.rs` and its `.stderr`.
//!
//! `fixture/poster.rs` is generated from a made-up document, for the rules that no committed one has.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path, process::Command};

/// Messages differ between compilers; `rust-toolchain.toml` names the one that the contract is for.
#[test]
fn mistakes_do_not_compile() {
    let pinned = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../rust-toolchain.toml");
    let pinned = fs::read_to_string(pinned).unwrap();
    let rustc = Command::new("rustc").arg("--version").output().unwrap();
    let version = String::from_utf8_lossy(&rustc.stdout).split(' ').nth(1).unwrap_or_default().to_owned();
    if !pinned.contains(&format!("\"{version}\"")) {
        eprintln!("skipped: the messages are those of the pinned toolchain, and this is rustc {version}");
        return;
    }
    let cases = trybuild::TestCases::new();
    cases.compile_fail("fail/*.rs");
    cases.pass("pass/*.rs");
}
