//! `cargo xtask` while the generated crates are damaged, in a small repository.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Output, Stdio},
};

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn git(root: &Path, arguments: &[&str]) -> Output {
    let identity =
        ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
    Command::new("git").args(identity).args(arguments).current_dir(root).output().unwrap()
}

fn package(name: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n")
}

/// Runs the launcher of this repository in another one.
fn xtask(root: &Path, command: &str) -> Output {
    start(root, command).output().unwrap()
}

fn start(root: &Path, command: &str) -> Command {
    let launcher = root.join("xtask/launch/Cargo.toml");
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["run", "--quiet", "--offline", "--target-dir"])
        .arg(root.join("target/launch"))
        .arg("--manifest-path")
        .arg(launcher)
        .args(["--", command])
        .current_dir(root)
        .env_remove("CARGO_TARGET_DIR")
        // Cargo would print that it waits for another cargo with the same home, and stderr is compared.
        .env("CARGO_HOME", root.join("target/home"));
    cargo
}

#[test]
fn generating_starts_from_the_committed_state_if_cargo_cannot_load_the_crates() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    for file in ["Cargo.toml", "src/main.rs", "src/compile.rs"] {
        write(
            root,
            &format!("xtask/launch/{file}"),
            &fs::read_to_string(here.join("launch").join(file)).unwrap(),
        );
    }
    let members = "[workspace]\nresolver = \"3\"\nmembers = [\"xtask\", \"crates/models/*\"]\nexclude = [\"xtask/launch\"]\n";
    write(root, "Cargo.toml", members);
    write(root, ".gitignore", "/target/\n");
    write(root, "xtask/Cargo.toml", &package("xtask"));
    let main = "fn main() { println!(\"started\"); if std::env::args().any(|a| a == \"tidy\") { std::process::exit(1) } }";
    write(root, "xtask/src/main.rs", main);
    for name in ["fal-draw", "fal-film"] {
        write(root, &format!("crates/models/{name}/Cargo.toml"), &package(name));
        write(root, &format!("crates/models/{name}/src/lib.rs"), "");
    }
    assert!(git(root, &["init", "--quiet"]).status.success());
    git(root, &["add", "."]);
    assert!(git(root, &["commit", "--quiet", "--message", "Good"]).status.success());
    let good = xtask(root, "regen");
    assert_eq!(String::from_utf8_lossy(&good.stdout), "started\n", "{good:?}");
    // Minutes without a word look like a program that hangs.
    let shown = String::from_utf8_lossy(&good.stderr);
    for line in ["compiling xtask, which takes a minute or two the first time", "Compiling xtask v0.1.0"] {
        assert!(shown.contains(line), "{line}: {good:?}");
    }
    assert_eq!(String::from_utf8_lossy(&xtask(root, "regen").stderr), "");
    // Nor does one that waits for another cargo.
    let lock = fs::File::open(root.join("target/debug/.cargo-lock")).unwrap();
    lock.lock().unwrap();
    let mut waiting = start(root, "regen").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(waiting.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.next().unwrap().contains("Blocking waiting for file lock"));
    assert!(lines.next().unwrap().contains("another cargo is at work here"));
    lock.unlock().unwrap();
    assert!(waiting.wait_with_output().unwrap().status.success());
    assert_eq!(lines.next(), None);
    // A failure of a command is no failure of cargo.
    assert_eq!(xtask(root, "tidy").status.code(), Some(1));

    let damages: [fn(&Path); 4] = [
        |models| fs::write(models.join("fal-film/Cargo.toml"), "<<<<<<< HEAD\n").unwrap(),
        |models| fs::remove_dir_all(models.join("fal-film/src")).unwrap(),
        |models| fs::create_dir_all(models.join("fal-empty")).unwrap(),
        |models| {
            let lock = models.join("../../Cargo.lock");
            let text = fs::read_to_string(&lock).unwrap_or_default();
            fs::write(lock, format!("<<<<<<< HEAD\n{text}")).unwrap();
            fs::remove_file(models.join("fal-film/src/lib.rs")).unwrap();
        },
    ];
    git(root, &["add", "Cargo.lock"]);
    git(root, &["commit", "--quiet", "--message", "Lock"]);
    for (index, damage) in damages.into_iter().enumerate() {
        damage(&root.join("crates/models"));
        let other = xtask(root, "fetch");
        assert!(!other.status.success());
        let error = String::from_utf8_lossy(&other.stderr).into_owned();
        assert!(error.contains("`cargo xtask regen` generates them again"), "{index}: {error}");
        let regen = xtask(root, "regen");
        assert_eq!(String::from_utf8_lossy(&regen.stdout), "started\n", "{index}: {regen:?}");
        assert!(String::from_utf8_lossy(&regen.stderr).contains("gets its committed state back"));
    }
}
