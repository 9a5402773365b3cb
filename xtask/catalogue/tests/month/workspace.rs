//! A workspace of its own with a catalogue, a remote repository, and programs in place of `cargo` and `gh`.

use std::{
    collections::BTreeMap,
    env, fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::OnceLock,
};

use serde_json::Value;
use tempfile::TempDir;
use toml_edit::DocumentMut;

/// The program in cargo's place. It runs the programs of this workspace, and nothing that needs more crates than the
/// workspace has.
const CARGO: &str = r#"#!/bin/sh
if [ "$1" = xtask ]; then shift; exec "$XTASK" "$@"; fi
case "$*" in
"build --package xtask-catalogue "*) echo "{\"executable\":\"$CATALOGUE\"}"; exit ;;
"build --package fal-codegen-platform "*) echo '{"executable":"true"}'; exit ;;
esac
echo "cargo $*" >> "$CALLS"
"#;

/// The program in place of GitHub's. It keeps the text of the pull request.
const GH: &str = r#"#!/bin/sh
echo "gh $1 $2" >> "$CALLS"
if [ "$2" = list ]; then if [ -e "$PULL_REQUEST" ]; then echo 1; else echo 0; fi; exit; fi
while [ "$1" != --body-file ]; do shift; done
cp "$2" "$PULL_REQUEST"
"#;

/// A workspace and its remote repository.
pub(crate) struct Workspace {
    folder: TempDir,
}

impl Workspace {
    /// Creates a workspace with some crates of this one, without the endpoints `left_out`.
    pub(crate) fn with_crates(names: &[&str], left_out: &[&str]) -> Self {
        let workspace = Self { folder: tempfile::tempdir().unwrap() };
        let (root, here) = (workspace.root(), here());
        let text = fs::read_to_string(here.join("schemas/manifest.toml")).unwrap();
        let mut manifest: DocumentMut = text[text.find("[crates").unwrap()..].parse().unwrap();
        let crates = manifest["crates"].as_table_mut().unwrap();
        crates.retain(|name, _| names.contains(&name));
        let mut documents = Vec::new();
        for (_, family) in crates.iter_mut() {
            let family = family.as_table_mut().unwrap();
            family.remove("superseded_by");
            let endpoints = family["endpoints"].as_array_mut().unwrap();
            endpoints.retain(|id| !left_out.contains(&id.as_str().unwrap()));
            documents.extend(endpoints.iter().map(|id| id.as_str().unwrap().to_owned()));
        }
        crates.retain(|_, family| !family["endpoints"].as_array().unwrap().is_empty());
        write(&root.join("schemas/manifest.toml"), &manifest.to_string());
        let lock = fs::read_to_string(here.join("schemas/lock.toml")).unwrap();
        let (head, entries) = lock.split_at(lock.find('[').unwrap());
        let mut entries: DocumentMut = entries.parse().unwrap();
        entries.retain(|id, _| documents.iter().any(|document| document == id));
        write(&root.join("schemas/lock.toml"), &format!("{head}{}", entries.to_string().trim_start()));
        for id in &documents {
            copy(&format!("schemas/{id}.json"), &root);
        }
        for file in fs::read_dir(here.join("schemas/descriptions")).unwrap() {
            copy(&format!("schemas/descriptions/{}", file.unwrap().file_name().display()), &root);
        }
        copy(".ci/update-schemas", &root);
        copy("Cargo.toml", &root);
        write(&root.join("Cargo.lock"), "");
        write(&root.join("tests/snapshots/one.snap"), "");
        write(&root.join(".gitignore"), "/target/\n");
        workspace.git(&["init", "--quiet", "--initial-branch=main"]);
        workspace.succeed(&["regen"]);
        // The lock has digests of fal's texts, and the documents, which the tests take for records, have this project's.
        let schemas = root.join("schemas").display().to_string();
        workspace.succeed(&["fetch", "--all", "--from", &schemas]);
        workspace.publish();
        workspace
    }

    /// Creates a copy of this workspace as it is committed, without the endpoints `left_out`.
    pub(crate) fn whole(left_out: &[String]) -> Self {
        let workspace = Self { folder: tempfile::tempdir().unwrap() };
        let source = here().display().to_string();
        let target = workspace.root().display().to_string();
        workspace.git_in(workspace.folder.path(), &["clone", "--quiet", &source, &target]);
        workspace.git(&["switch", "--quiet", "--force-create", "main"]);
        workspace.git(&["remote", "remove", "origin"]);
        let names: Vec<&str> = ["remove"].into_iter().chain(left_out.iter().map(String::as_str)).collect();
        workspace.succeed(&names);
        workspace.publish();
        workspace
    }

    /// Commits everything, and pushes it to a new remote repository.
    fn publish(&self) {
        for (name, text) in [("cargo", CARGO), ("gh", GH)] {
            self.program(name, text);
        }
        let origin = self.folder.path().join("origin.git").display().to_string();
        self.git_in(self.folder.path(), &["init", "--quiet", "--bare", "--initial-branch=main", &origin]);
        self.commit("Start");
        self.git(&["remote", "add", "origin", &origin]);
        self.git(&["push", "--quiet", "origin", "main"]);
    }

    fn program(&self, name: &str, text: &str) {
        let path = self.folder.path().join("bin").join(name);
        write(&path, text);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("main")
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        write(&self.root().join(path), text);
    }

    /// Returns the documents, which are records too, by the ids of their endpoints.
    pub(crate) fn documents(&self) -> BTreeMap<String, Value> {
        ids(&self.read("schemas/manifest.toml")).map(|id| (id.clone(), document(&self.root(), &id))).collect()
    }

    /// Runs a command of `cargo xtask`, which must succeed.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.command(xtask(), arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {text}", arguments[0]);
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the weekly job.
    pub(crate) fn update(&self, arguments: &[&str]) -> Output {
        self.command(&self.root().join(".ci/update-schemas"), arguments)
    }

    fn command(&self, program: &Path, arguments: &[&str]) -> Output {
        let bin = self.folder.path().join("bin");
        if !bin.exists() {
            self.program("cargo", CARGO);
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([bin.clone()].into_iter().chain(env::split_paths(&path))).unwrap();
        Command::new(program)
            .args(arguments)
            .current_dir(self.root())
            .env("PATH", path)
            .env("CARGO", bin.join("cargo"))
            .env("XTASK", xtask())
            .env("XTASK_ROOT", self.root())
            .env("CATALOGUE", env!("CARGO_BIN_EXE_xtask-catalogue"))
            .env("CALLS", self.folder.path().join("calls"))
            .env("PULL_REQUEST", self.pull_request_file())
            .envs(IDENTITY)
            .env_remove("FAL_KEY")
            .output()
            .unwrap()
    }

    fn pull_request_file(&self) -> PathBuf {
        self.folder.path().join("pull-request.md")
    }

    /// Returns the text of the pull request, if there is one.
    pub(crate) fn pull_request(&self) -> Option<String> {
        fs::read_to_string(self.pull_request_file()).ok()
    }

    /// Returns the calls of `gh` and of what `cargo` did not run.
    pub(crate) fn calls(&self) -> String {
        fs::read_to_string(self.folder.path().join("calls")).unwrap_or_default()
    }

    /// Returns the subjects of the commits that a branch of the remote repository has and `main` does not.
    pub(crate) fn pushed(&self, branch: &str) -> String {
        self.git(&["fetch", "--quiet", "origin"]);
        self.git(&["log", "--format=%s", &format!("origin/main..origin/{branch}")])
    }

    fn commit(&self, subject: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", subject]);
    }

    /// Runs git in the workspace, and returns its output.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        fs::create_dir_all(self.root()).unwrap();
        self.git_in(&self.root(), arguments)
    }

    fn git_in(&self, folder: &Path, arguments: &[&str]) -> String {
        let output = Command::new("git").args(arguments).current_dir(folder).envs(IDENTITY).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// The author of commits, and no signature.
const IDENTITY: [(&str, &str); 7] = [
    ("GIT_AUTHOR_NAME", "Test"),
    ("GIT_AUTHOR_EMAIL", "test@example.com"),
    ("GIT_COMMITTER_NAME", "Test"),
    ("GIT_COMMITTER_EMAIL", "test@example.com"),
    ("GIT_CONFIG_COUNT", "1"),
    ("GIT_CONFIG_KEY_0", "commit.gpgsign"),
    ("GIT_CONFIG_VALUE_0", "false"),
];

/// Returns the root of this workspace.
pub(crate) fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Returns the document of an endpoint.
fn document(root: &Path, id: &str) -> Value {
    let text = fs::read_to_string(root.join(format!("schemas/{id}.json"))).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Returns the endpoints of a manifest.
fn ids(manifest: &str) -> impl Iterator<Item = String> {
    let manifest: DocumentMut = manifest.parse().unwrap();
    let crates = manifest["crates"].as_table().unwrap().clone();
    let endpoints =
        crates.into_iter().flat_map(|(_, family)| family["endpoints"].as_array().unwrap().clone());
    endpoints.map(|id| id.as_str().unwrap().to_owned())
}

/// Compiles `xtask` once, and returns the program. `cargo xtask test` has compiled it already.
fn xtask() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = env::current_exe().unwrap();
        let target = program.ancestors().nth(3).unwrap();
        let output = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "xtask", "--message-format", "json", "--target-dir"])
            .arg(target)
            .current_dir(here())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let messages = String::from_utf8(output.stdout).unwrap();
        let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut programs = messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from));
        programs.next_back().unwrap()
    })
}

fn copy(path: &str, root: &Path) {
    let target = root.join(path);
    fs::create_dir_all(target.parent().unwrap()).unwrap();
    fs::copy(here().join(path), target).unwrap_or_else(|error| panic!("{path}: {error}"));
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
