//! Runs cargo from a program that cargo runs.

#[path = "../launch/src/compile.rs"]
mod compile;

use std::{
    env,
    ffi::OsString,
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    process::Command,
};

use crate::root;

/// Runs `cargo` at the root of the workspace, with the output of this process.
///
/// # Errors
///
/// If cargo fails or cannot be started.
pub(crate) fn cargo<I: AsRef<str>>(arguments: impl IntoIterator<Item = I>) -> Result<(), String> {
    cargo_with(arguments, &[])
}

/// Runs `cargo` like [`cargo`], with further environment variables.
pub(crate) fn cargo_with<I: AsRef<str>>(
    arguments: impl IntoIterator<Item = I>,
    environment: &[(&str, &str)],
) -> Result<(), String> {
    let arguments: Vec<String> = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
    let line = shown(&arguments);
    if arguments.iter().any(|argument| argument == "--quiet") {
        say_if_locked(&arguments);
    }
    let mut command = cargo_command();
    let status = command.args(&arguments).envs(environment.iter().copied()).current_dir(root()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` failed ({status})")),
        Err(error) => Err(format!("`{line}` could not be started: {error}")),
    }
}

/// Returns a command line for people: the packages that are named or left out are hundreds.
fn shown(arguments: &[String]) -> String {
    let (mut shown, mut packages, mut excluded) = (vec!["cargo"], 0, 0);
    let mut arguments = arguments.iter().map(String::as_str);
    while let Some(argument) = arguments.next() {
        match argument {
            "--package" | "-p" => {
                packages += 1;
                let name = arguments.next();
                if packages == 1 {
                    shown.push(argument);
                    shown.extend(name);
                }
            }
            argument if argument.starts_with("--exclude=") => excluded += 1,
            argument => shown.push(argument),
        }
    }
    let mut line = shown.join(" ");
    if packages > 1 {
        line.push_str(&format!(" and {} more", packages - 1));
    }
    if excluded > 0 {
        line.push_str(&format!(" and {excluded} times --exclude"));
    }
    line
}

/// Returns the cargo that started this program.
pub(crate) fn cargo_command() -> Command {
    Command::new(cargo_path())
}

fn cargo_path() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Says that a quiet cargo with some arguments has to wait for another one, because it will not say so itself.
fn say_if_locked(arguments: &[String]) {
    let after = |option: &str| {
        let place = arguments.iter().position(|argument| argument == option)?;
        arguments.get(place + 1)
    };
    let target = after("--target-dir").map_or_else(target_folder, PathBuf::from);
    let is_release = arguments.iter().any(|argument| argument == "--release" || argument == "bench");
    let profile = match after("--profile").map(String::as_str) {
        None if is_release => "release",
        None | Some("dev" | "test") => "debug",
        Some("bench") => "release",
        Some(profile) => profile,
    };
    let folder = target.join(profile);
    if is_locked(&folder) {
        eprintln!(
            "waiting for another cargo, which is at work in {}; this goes on when it has finished",
            folder.display()
        );
    }
}

/// Returns the folder that cargo writes to.
fn target_folder() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Returns true if a cargo holds the lock of a folder. One that was never written to has none.
fn is_locked(folder: &Path) -> bool {
    let lock = File::open(folder.join(".cargo-lock"));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

/// Returns true if a program was compiled before, in the folder that this one is in.
pub(crate) fn is_compiled(program: &str) -> bool {
    let file = format!("{program}{}", env::consts::EXE_SUFFIX);
    env::current_exe().is_ok_and(|this| this.with_file_name(file).exists())
}

/// Returns the command that runs another program of this workspace, once it is compiled. If it never was, says that this
/// takes a while.
pub(crate) fn program(package: &str) -> Result<Command, String> {
    if !is_compiled(package) {
        eprintln!("compiling {package}, which takes a minute or two the first time");
    }
    let program = compile::compile(&cargo_path(), &root(), package)?;
    program.map(Command::new).ok_or_else(|| format!("`{package}` could not be compiled"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn packages_after_the_first_and_excluded_ones_are_counted() {
        let line =
            |arguments: &[&str]| shown(&arguments.iter().map(|&text| text.to_owned()).collect::<Vec<_>>());
        assert_eq!(line(&["fmt", "--all"]), "cargo fmt --all");
        assert_eq!(line(&["test", "-p", "a"]), "cargo test -p a");
        let packages = ["package", "--quiet", "--package", "a", "--package", "b", "--package", "c"];
        assert_eq!(line(&packages), "cargo package --quiet --package a and 2 more");
        assert_eq!(line(&["test", "--exclude=a", "--exclude=b", "x"]), "cargo test x and 2 times --exclude");
    }

    #[test]
    fn folder_that_another_cargo_writes_to_is_locked() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!is_locked(folder.path()));
        let lock = File::create(folder.path().join(".cargo-lock")).unwrap();
        assert!(!is_locked(folder.path()));
        lock.lock().unwrap();
        assert!(is_locked(folder.path()));
        lock.unlock().unwrap();
        assert!(!is_locked(folder.path()));
    }
}
