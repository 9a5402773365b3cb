//! `cargo xtask`: starts `xtask`, also while cargo cannot load the generated crates.
//!
//! Cargo loads the manifests of all crates of a workspace before it compiles one, and an unfinished merge can damage
//! those of `crates/models`. Commands that generate the crates again therefore start from their committed state.

mod compile;

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
};

/// The commands that generate `crates/models`.
const GENERATING: [&str; 4] = ["add", "regen", "remove", "update"];

/// The folder of the generated crates.
const MODELS: &str = "crates/models";

/// The exit code of cargo for its own failures. Those of `xtask` have another one.
const CARGO_FAILED: u8 = 101;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().nth(2).map_or(here.clone(), Path::to_path_buf);
    match start(&root, &arguments) {
        Ok(code) => ExitCode::from(code),
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn start(root: &Path, arguments: &[String]) -> Result<u8, String> {
    let code = run(root, arguments)?;
    if code != CARGO_FAILED || is_loadable(root)? {
        return Ok(code);
    }
    let command = arguments.first().map(String::as_str).unwrap_or_default();
    if !GENERATING.contains(&command) {
        return Err("cargo cannot load the workspace; if the crates in crates/models are damaged, `cargo xtask regen` \
                    generates them again"
            .to_owned());
    }
    eprintln!("{MODELS} is damaged and gets its committed state back before it is generated again");
    restore(root)?;
    if !is_loadable(root)? {
        return Err(format!(
            "the committed state of {MODELS} does not help; mend the manifest that cargo names"
        ));
    }
    run(root, arguments)
}

/// Runs `xtask`, and returns its exit code.
fn run(root: &Path, arguments: &[String]) -> Result<u8, String> {
    let program = root.join("target/debug").join(format!("xtask{}", env::consts::EXE_SUFFIX));
    if env::var_os("CARGO_TARGET_DIR").is_none() && !program.exists() {
        eprintln!("compiling xtask, which takes a minute or two the first time");
    }
    let Some(program) = compile::compile(&cargo_path(), root, "xtask")? else { return Ok(CARGO_FAILED) };
    let status = Command::new(&program).args(arguments).status();
    let status = status.map_err(|error| format!("{}: {error}", program.display()))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(CARGO_FAILED))
}

/// Returns true if cargo can load every manifest of the workspace.
fn is_loadable(root: &Path) -> Result<bool, String> {
    let mut command = Command::new(cargo_path());
    command.args(["metadata", "--no-deps", "--offline", "--format-version", "1", "--manifest-path"]);
    let status = command.arg(root.join("Cargo.toml")).stdout(Stdio::null()).stderr(Stdio::null()).status();
    Ok(status.map_err(|error| format!("cargo: {error}"))?.success())
}

/// Returns the cargo that started this program.
fn cargo_path() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Gives the generated crates their committed state back, and the lock too if a merge has left its markers in it.
fn restore(root: &Path) -> Result<(), String> {
    git(root, &["rev-parse", "--verify", "--quiet", "HEAD"])?;
    let models = root.join(MODELS);
    if models.exists() {
        fs::remove_dir_all(&models).map_err(|error| format!("{MODELS}: {error}"))?;
    }
    git(root, &["checkout", "--quiet", "HEAD", "--", MODELS])?;
    let lock = fs::read_to_string(root.join("Cargo.lock")).unwrap_or_default();
    if lock.lines().any(|line| line.starts_with("<<<<<<<")) {
        git(root, &["checkout", "--quiet", "HEAD", "--", "Cargo.lock"])?;
    }
    Ok(())
}

fn git(root: &Path, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("git").args(arguments).current_dir(root).stdout(Stdio::null()).output();
    let output = output.map_err(|error| format!("git: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("git {}: {}", arguments[0], String::from_utf8_lossy(&output.stderr).trim())),
    }
}
