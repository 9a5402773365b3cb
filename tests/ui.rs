//! What the compiler says about mistakes is a contract: `ui/<mistake>.rs` and its `.stderr`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

/// Messages differ between compilers; `rust-toolchain.toml` names the one that the contract is for.
#[test]
fn mistakes_do_not_compile() {
    let pinned = std::fs::read_to_string(fal_tests::root().join("rust-toolchain.toml")).unwrap();
    let rustc = std::process::Command::new("rustc").arg("--version").output().unwrap();
    let version = String::from_utf8_lossy(&rustc.stdout).split(' ').nth(1).unwrap_or_default().to_owned();
    if !pinned.contains(&format!("\"{version}\"")) {
        eprintln!("skipped: the messages are those of the pinned toolchain, and this is rustc {version}");
        return;
    }
    let cases = trybuild::TestCases::new();
    cases.compile_fail("ui/*.rs");
    cases.pass("ui/pass/*.rs");
}
