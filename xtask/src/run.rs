//! Runs cargo from a program that cargo runs.

use std::{env, process::Command};

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
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Returns the command that runs another program of this workspace. If it was never compiled, says that it will be.
pub(crate) fn program(package: &str) -> Command {
    let file = format!("{package}{}", env::consts::EXE_SUFFIX);
    let is_there = env::current_exe().is_ok_and(|this| this.with_file_name(file).exists());
    if !is_there {
        eprintln!("compiling {package}, which takes a minute or two the first time");
    }
    let mut command = cargo_command();
    let manifest = root().join("Cargo.toml");
    command.args(["run", "--quiet", "--package", package, "--manifest-path"]).arg(manifest).arg("--");
    command
}

#[cfg(test)]
mod tests {
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
}
