//! The dependencies of generated crates stay few.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::BTreeSet, env, fs, process::Command};

/// The maximum number of packages in the dependency tree of a generated crate, itself included.
const MAX_PACKAGES: usize = 10;

#[test]
fn a_generated_crate_has_few_dependencies_and_no_procedural_macro() {
    let root = fal_tests::root();
    let folders = fs::read_dir(root.join("crates/models")).unwrap().map(|entry| entry.unwrap().path());
    let crates = folders.filter(|folder| folder.join("Cargo.toml").exists() && !folder.ends_with("examples"));
    let names = crates.map(|folder| folder.file_name().unwrap().to_string_lossy().into_owned());
    let names: BTreeSet<String> = names.collect();
    assert!(names.len() > 50, "{names:?}");

    // All crates have the same dependencies, so looking at one tree is enough.
    let mut trees = BTreeSet::new();
    for name in &names {
        let manifest = fs::read_to_string(root.join("crates/models").join(name).join("Cargo.toml")).unwrap();
        let dependencies = &manifest[manifest.find("[dependencies]").unwrap()..];
        // Crates whose parameters must match patterns have the feature for it, whose dependency is counted below.
        let with_patterns = "fal-core = { workspace = true, features = [\"pattern\"] }";
        trees.insert(dependencies.replace(with_patterns, "fal-core.workspace = true"));
    }
    assert_eq!(trees.len(), 1, "{trees:?}");

    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let tree = Command::new(cargo)
        .args([
            "tree",
            "--locked",
            "--offline",
            "--edges",
            "normal,build",
            "--prefix",
            "none",
            "-p",
            "fal-flux",
        ])
        .current_dir(&root)
        .output()
        .unwrap();
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8_lossy(&tree.stdout).into_owned();
    let packages: BTreeSet<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(packages.contains("serde_json") && packages.len() <= MAX_PACKAGES, "{packages:?}");
    assert!(!text.contains("proc-macro"), "{text}");
}
