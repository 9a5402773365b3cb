//! Runs the client of this repository against a server of fal's Python package, and compares generated types with the
//! models of its apps.

use std::io::{BufRead as _, BufReader, copy, sink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::{call, output};
use crate::run::cargo_with;

/// Runs `crates/fal-client/tests/official_app.rs`.
pub(super) fn run(python: &Path, sources: &Path) -> Result<(), String> {
    let server = Server::start(python, &sources.join("app"))?;
    let test = ["test", "-p", "fal-client", "--features", "realtime", "--test", "official_app"];
    cargo_with(test.into_iter().chain(["--", "--ignored"]), &[("FAL_CONFORMANCE_APP", &server.url)])
}

/// Runs `tests/laws/own_apps.rs`.
pub(super) fn compare_types(python: &Path) -> Result<(), String> {
    let test = ["test", "-p", "fal-tests", "--test", "laws", "own_apps"];
    let python = python.to_string_lossy();
    cargo_with(
        test.into_iter().chain(["--", "--ignored", "--nocapture"]),
        &[("FAL_CONFORMANCE_PYTHON", &python)],
    )
}

/// Installs the package in `folder`, unless it is there already, and returns the path of the interpreter. It has its own
/// environment, because it needs other versions of shared dependencies than the clients.
pub(super) fn install(folder: &Path, sources: &Path) -> Result<PathBuf, String> {
    let folder = std::path::absolute(folder).map_err(|error| error.to_string())?;
    let python = folder.join("python-app/bin/python");
    if !python.exists() {
        call(Command::new("python3").args(["-m", "venv"]).arg(folder.join("python-app")))?;
    }
    let requirements = sources.join("app/requirements.txt");
    call(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(requirements))?;
    let code = "import importlib.metadata as m; print(m.version('fal'))";
    eprintln!("Rust, against an app of fal {}", output(Command::new(&python).args(["-c", code]))?);
    Ok(python)
}

/// A running server, which is killed on drop.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start(python: &Path, folder: &Path) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("the app could not be started: {error}");
        let mut process = Command::new(python)
            .arg("serve.py")
            .current_dir(folder)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let stdout = process.stdout.take();
        let mut server = Self { process, url: String::new() };
        if let Some(stdout) = stdout {
            let mut lines = BufReader::new(stdout);
            lines.read_line(&mut server.url).map_err(failed)?;
            // The package prints more lines later, and must not find the pipe closed.
            std::thread::spawn(move || copy(&mut lines, &mut sink()));
        }
        server.url = server.url.trim().to_owned();
        if server.url.is_empty() { Err("the app ended right after its start".to_owned()) } else { Ok(server) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().and_then(|()| self.process.wait()).ok();
    }
}
