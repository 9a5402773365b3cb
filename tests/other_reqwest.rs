//! The client changes nothing for other users of reqwest in the same program.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, process::Command};

use fal_tests::root;

#[test]
fn plain_client_of_reqwest_works_where_ours_is_not_built() {
    let (package, folder) = (root().join("tests/other_reqwest"), tempfile::tempdir().unwrap());
    fs::create_dir(folder.path().join("src")).unwrap();
    fs::copy(package.join("src/main.rs"), folder.path().join("src/main.rs")).unwrap();
    let manifest = fs::read_to_string(package.join("Cargo.toml")).unwrap();
    let client = root().join("crates/fal-client").display().to_string();
    let manifest = manifest.replace("../../crates/fal-client", &client);
    fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    // The versions in this repository's lock file are available without a network.
    fs::copy(root().join("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
    let run = Command::new(env!("CARGO"))
        .args(["run", "--offline", "--quiet"])
        .env("CARGO_TARGET_DIR", root().join("target/other_reqwest"))
        .current_dir(folder.path())
        .output()
        .unwrap();
    let messages = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{messages}");
    assert_eq!(String::from_utf8_lossy(&run.stdout), "ok beside the client\n");
}
