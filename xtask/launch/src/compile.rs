//! Compiles a program of this workspace, and shows what cargo does meanwhile. `xtask` has this file too.

use std::{
    env,
    ffi::OsStr,
    io::{self, BufRead, BufReader, IsTerminal, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

/// The words with which cargo says that it waits for another cargo. Those before them may have a colour.
const BLOCKED: &str = " waiting for file lock";

/// Compiles the program of a package of the workspace at `root`. Returns its path, or `None` if cargo failed, which has said
/// why.
///
/// Shows nothing if the program is there already, and otherwise each line of cargo. `cargo run --quiet` would be silent while
/// it compiles for minutes or waits for another cargo, and without `--quiet` it prints two lines about a program that is there.
pub(crate) fn compile(cargo: &OsStr, root: &Path, package: &str) -> Result<Option<PathBuf>, String> {
    let failed = |error: io::Error| format!("cargo: {error}");
    let mut command = Command::new(cargo);
    command.args(["build", "--package", package, "--message-format", "json-render-diagnostics"]);
    command.arg("--manifest-path").arg(root.join("Cargo.toml"));
    let is_plain = ["CARGO_TERM_COLOR", "NO_COLOR"].iter().any(|name| env::var_os(name).is_some());
    if io::stderr().is_terminal() && !is_plain {
        command.args(["--color", "always"]);
    }
    let mut cargo = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(failed)?;
    let stderr = cargo.stderr.take();
    let shown = thread::spawn(move || stderr.map(show));
    let mut program = None;
    for line in cargo.stdout.take().into_iter().flat_map(|output| BufReader::new(output).lines()) {
        program = find_program(&line.map_err(failed)?).or(program);
    }
    let status = cargo.wait().map_err(failed)?;
    // The thread ends with the output of cargo, and has nothing to return.
    let _ = shown.join();
    match (status.success(), program) {
        (false, _) => Ok(None),
        (true, Some(program)) => Ok(Some(program)),
        (true, None) => Err(format!("cargo has compiled no program of `{package}`")),
    }
}

/// Shows the lines of cargo, without the one that says that it has finished.
fn show(output: impl Read) {
    for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line);
        if line.contains("Finished") && line.contains(" profile [") {
            continue;
        }
        eprintln!("{}", line.trim_end());
        if line.contains(BLOCKED) {
            eprintln!(
                "another cargo is at work here, maybe that of an editor; this goes on when it has finished"
            );
        }
    }
}

/// Returns the path of the program that a message of cargo is about.
fn find_program(message: &str) -> Option<PathBuf> {
    let (_, rest) = message.split_once("\"executable\":\"")?;
    let mut path = String::new();
    let mut letters = rest.chars();
    loop {
        match letters.next()? {
            '"' => return Some(path.into()),
            // Paths have no other letter that JSON escapes.
            '\\' => path.push(letters.next()?),
            letter => path.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn program_is_read_from_the_messages_of_cargo() {
        let message = r#"{"reason":"compiler-artifact","executable":"C:\\target\\xtask.exe","fresh":true}"#;
        assert_eq!(find_program(message), Some(PathBuf::from(r"C:\target\xtask.exe")));
        for other in [r#"{"executable":null}"#, r#"{"executable":"/target"#, r#"{"reason":"build-finished"}"#]
        {
            assert_eq!(find_program(other), None, "{other}");
        }
    }
}
