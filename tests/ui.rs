//! What the compiler says about mistakes is a contract: `ui/<mistake>.rs` and its `.stderr`.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use fal_codegen::{Options, Source, generate_module};

/// The bindings of a made-up endpoint, whose document has the rules that the committed ones lack.
#[test]
fn the_fixture_is_fresh() {
    let folder = fal_tests::root().join("tests/ui/fixture");
    let text = fs::read_to_string(folder.join("poster.json")).unwrap();
    let source = Source { file: "poster.json".to_owned(), text };
    let generated = generate_module(&[source], &Options::default()).unwrap();
    let path = folder.join("poster.rs");
    if std::env::var_os("TRYBUILD").is_some_and(|mode| mode == "overwrite") {
        fs::write(&path, &generated).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(committed, generated, "`TRYBUILD=overwrite cargo test -p fal-tests --test ui` writes it anew");
}

/// Messages differ between compilers; `rust-toolchain.toml` names the one that the contract is for.
#[test]
fn mistakes_do_not_compile() {
    let pinned = fs::read_to_string(fal_tests::root().join("rust-toolchain.toml")).unwrap();
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
