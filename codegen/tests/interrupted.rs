//! Generating into a workspace that is damaged, or whose last run was killed.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use fal_codegen::workspace;
use serde_json::json;
use support::{record, walk};

const CRATES: usize = 6;

/// The number of runs that are killed, each at a later moment. If none of them was killed while it wrote, as happens on a busy
/// machine, more are killed.
const KILLS: u64 = 50;
const MOST_KILLS: u64 = 500;

const ROOT: &str = "[workspace]\nresolver = \"3\"\nmembers = [\"crates/models/*\"]\n\n\
    [workspace.package]\nversion = \"0.1.0\"\nedition = \"2024\"\nrust-version = \"1.90\"\nlicense = \"MIT\"\n\
    include = []\nkeywords = []\ncategories = []\n\n\
    [workspace.dependencies]\nbytes = \"1\"\nfal-client = \"0.1\"\nfal-core = \"0.1\"\nserde = \"1\"\nserde_json = \"1\"\n\
    schemars = \"1\"\ntokio = \"1\"\n\n[workspace.lints.rust]\nunsafe_code = \"forbid\"\n";

/// Writes the schemas of crates from `first` on, with two endpoints each.
fn write_schemas(root: &Path, first: usize, parameter: &str) {
    let mut manifest = String::new();
    for number in first..first + CRATES {
        let app = format!("acme/draw{number}");
        let ids = [app.clone(), format!("{app}/{parameter}")];
        manifest.push_str(&format!(
            "[crates.fal-draw{number}]\napp = {app:?}\ntitle = \"Drawings\"\nendpoints = {ids:?}\n\n"
        ));
        for id in &ids {
            let path = root.join(format!("schemas/{id}.json"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, record(id, json!({ parameter: { "type": "string" } })).to_string()).unwrap();
        }
    }
    fs::write(root.join("schemas/manifest.toml"), manifest).unwrap();
}

fn workspace() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("Cargo.toml"), ROOT).unwrap();
    write_schemas(folder.path(), 0, "colour");
    folder
}

fn generate(root: &Path) {
    workspace::plan(root, &[]).unwrap().write(root).unwrap();
}

/// Returns the paths and texts of the generated crates.
fn models(root: &Path) -> Vec<(String, Vec<u8>)> {
    let folder = root.join("crates/models");
    let mut found = Vec::new();
    walk(&folder, &mut found);
    found.iter().map(|path| (path.display().to_string(), fs::read(path).unwrap())).collect()
}

/// Loads the workspace as every cargo command does, and returns the problem.
fn load(root: &Path) -> Result<(), String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(root);
    let output = cargo.output().unwrap();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[test]
#[ignore = "runs as the other process of `a_run_that_was_killed_leaves_a_workspace_that_loads`"]
fn generates_for_another_process() {
    generate(Path::new(&std::env::var("GENERATE_ROOT").unwrap()));
}

#[test]
fn a_run_that_was_killed_leaves_a_workspace_that_loads_and_is_finished_by_the_next_one() {
    let folder = workspace();
    let root = folder.path();
    generate(root);
    load(root).unwrap();
    let (mut runs, mut interrupted) = (0, 0);
    while runs < KILLS || (interrupted == 0 && runs < MOST_KILLS) {
        let moment = runs % KILLS;
        runs += 1;
        // Some crates come, some go, and the others change.
        let (first, parameter) = if moment.is_multiple_of(2) { (CRATES / 2, "watts") } else { (0, "colour") };
        fs::remove_dir_all(root.join("schemas")).unwrap();
        write_schemas(root, first, parameter);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "generates_for_another_process", "--ignored", "--quiet"])
            .env("GENERATE_ROOT", root)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It has begun to write when it has a folder for unfinished files.
        let staging = root.join(".generated.tmp");
        while !staging.exists() && child.try_wait().unwrap().is_none() {}
        thread::sleep(Duration::from_micros(200 * moment));
        child.kill().unwrap();
        child.wait().unwrap();
        load(root).unwrap_or_else(|problem| panic!("moment {moment}: {problem}"));
        let plan = workspace::plan(root, &[]).unwrap();
        interrupted += usize::from(!plan.changes.is_empty() && staging.exists());
        plan.write(root).unwrap();
        assert_eq!(workspace::plan(root, &[]).unwrap().changes, [], "moment {moment}");
        assert!(!staging.exists());
    }
    load(root).unwrap();
    assert!(interrupted > 0, "no run was killed while it wrote");
    println!("{interrupted} of {runs} runs were killed while they wrote");
}

#[test]
fn files_that_nobody_generates_are_removed_and_named() {
    let folder = workspace();
    let root = folder.path();
    generate(root);
    let good = models(root);
    fs::write(root.join("crates/models/fal-draw3/NOTES.md"), "mine").unwrap();
    let plan = workspace::plan(root, &[]).unwrap();
    let named: Vec<String> = plan.changes.iter().map(ToString::to_string).collect();
    assert_eq!(named, ["removed  crates/models/fal-draw3/NOTES.md"]);
    plan.write(root).unwrap();
    assert!(models(root) == good);
}

#[test]
fn damaged_crates_are_generated_again() {
    let folder = workspace();
    let root = folder.path();
    generate(root);
    let good = models(root);
    let draw = root.join("crates/models/fal-draw3");
    type Damage = (&'static str, fn(&Path));
    let damages: [Damage; 8] = [
        ("a crate is gone", |draw| fs::remove_dir_all(draw).unwrap()),
        ("its manifest is gone", |draw| fs::remove_file(draw.join("Cargo.toml")).unwrap()),
        ("its code is gone", |draw| fs::remove_dir_all(draw.join("src")).unwrap()),
        ("conflict", |draw| {
            fs::write(draw.join("Cargo.toml"), "<<<<<<< HEAD\n=======\n>>>>>>> x\n").unwrap()
        }),
        ("no text", |draw| fs::write(draw.join("src/lib.rs"), [0xff, 0xfe, 0]).unwrap()),
        ("an empty folder", |draw| fs::create_dir_all(draw.join("../x/src")).unwrap()),
        ("a folder in place of a file", |draw| {
            fs::remove_file(draw.join("src/lib.rs")).unwrap();
            fs::create_dir_all(draw.join("src/lib.rs/x")).unwrap();
        }),
        ("a file in place of a folder", |draw| {
            fs::remove_dir_all(draw.join("src")).unwrap();
            fs::write(draw.join("src"), "").unwrap();
        }),
    ];
    for (name, damage) in damages {
        damage(&draw);
        generate(root);
        assert!(models(root) == good, "{name}");
        load(root).unwrap_or_else(|problem| panic!("{name}: {problem}"));
    }
}
