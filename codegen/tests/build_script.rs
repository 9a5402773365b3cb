//! Tests that the example of a build script compiles and runs outside of the workspace.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const EXPECTED: &str = r#"{"greeting":"Wish you were here","copies":3,"paper":"matte","stamp":{"country":"NL","cents":109}}
{"image_url":"https://example.com/beach.png","note":"less rain"}
{"greeting":"Wish"}
acme/postcards streams
acme/postcards/realtime is realtime
"#;

/// Copies the example to `to`, so that the build leaves no files in the repository.
fn copy_example(to: &Path) {
    let codegen = Path::new(env!("CARGO_MANIFEST_DIR"));
    let example = codegen.join("examples/build-script");
    let mut files = Vec::new();
    support::walk(&example, &mut files);
    for file in files {
        let name = file.strip_prefix(&example).unwrap();
        if name.starts_with("target") || name == Path::new("Cargo.lock") {
            continue;
        }
        fs::create_dir_all(to.join(name).parent().unwrap()).unwrap();
        fs::copy(&file, to.join(name)).unwrap();
    }
    let absolute = |path: PathBuf| format!("{:?}", fs::canonicalize(path).unwrap().display().to_string());
    let manifest = fs::read_to_string(to.join("Cargo.toml")).unwrap();
    let manifest = manifest
        .replace("\"../../../crates/fal-core\"", &absolute(codegen.join("../crates/fal-core")))
        .replace("\"../..\"", &absolute(codegen.to_owned()));
    fs::write(to.join("Cargo.toml"), manifest).unwrap();
    // The versions of this workspace are available without a network.
    fs::copy(codegen.join("../Cargo.lock"), to.join("Cargo.lock")).unwrap();
}

#[test]
fn the_example_compiles_and_prints_its_inputs() {
    let folder = support::Folder::new();
    copy_example(folder.path());
    let cargo = || {
        let mut cargo = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()));
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("build-script");
        cargo.current_dir(folder.path()).env("CARGO_TARGET_DIR", target);
        cargo
    };
    let resolved = cargo().args(["metadata", "--offline", "--format-version", "1"]).output().unwrap();
    if !resolved.status.success() {
        eprintln!("skipped: {}", String::from_utf8_lossy(&resolved.stderr));
        return;
    }
    let run = cargo().args(["run", "--offline", "--quiet"]).output().unwrap();
    let messages = String::from_utf8(run.stderr).unwrap();
    assert!(run.status.success(), "{messages}");
    assert_eq!(String::from_utf8(run.stdout).unwrap(), EXPECTED);
    assert!(!messages.contains("warning"), "generated code warns: {messages}");
}
