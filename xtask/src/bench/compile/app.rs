//! Programs that make the same call, each a separate package in a temporary folder.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Instant,
};

use super::memory;
use crate::{root, run};

/// Release binaries are stripped, as users ship them.
const TAIL: &str = "\n[profile.release]\nstrip = true\n\n[workspace]\n";

pub(super) struct App {
    pub(super) name: &'static str,
    folder: PathBuf,
}

/// The cost of a command.
pub(super) struct Cost {
    pub(super) seconds: f64,
    /// Peak memory of the largest compiler process in MiB. `None` except on Linux.
    pub(super) memory: Option<f64>,
}

impl App {
    /// Writes a program, with the lock file of this workspace.
    pub(super) fn write(name: &'static str, folder: &Path, needs: &str, main: &str) -> Result<Self, String> {
        let folder = folder.join(name.replace(' ', "-"));
        let write = || -> io::Result<()> {
            fs::create_dir_all(folder.join("src"))?;
            let head =
                "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n";
            fs::write(folder.join("Cargo.toml"), format!("{head}{needs}{TAIL}"))?;
            fs::write(folder.join("src/main.rs"), main)?;
            fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).map(drop)
        };
        write().map_err(|error| format!("{name}: {error}"))?;
        let app = Self { name, folder };
        // Fetching is not measured. The dependencies of our app and of the floor are cached already.
        app.cargo(&["fetch", "--offline"]).or_else(|_| app.cargo(&["fetch"]))?;
        Ok(app)
    }

    /// Runs cargo in an empty target folder.
    pub(super) fn cold(&self, arguments: &[&str]) -> Result<Cost, String> {
        let target = self.folder.join("target");
        if target.exists() {
            fs::remove_dir_all(&target).map_err(|error| error.to_string())?;
        }
        self.cargo(arguments)
    }

    /// Runs cargo after a change of main.rs only.
    pub(super) fn warm(&self, arguments: &[&str]) -> Result<Cost, String> {
        let main = self.folder.join("src/main.rs");
        let text = fs::read_to_string(&main).map_err(|error| error.to_string())?;
        fs::write(&main, format!("{text}\n")).map_err(|error| error.to_string())?;
        self.cargo(arguments)
    }

    /// Returns the seconds in which a dependency is checked again, after everything else was.
    pub(super) fn check_alone(&self, dependency: &str) -> Result<f64, String> {
        let status = self.command(&["clean", "--offline", "--quiet", "-p", dependency]).status();
        match status {
            Ok(status) if status.success() => Ok(self.cargo(&["check"])?.seconds),
            Ok(_) => Err(format!("{}: `cargo clean -p {dependency}` failed", self.name)),
            Err(error) => Err(format!("cargo could not be started: {error}")),
        }
    }

    /// Returns the number of packages that are compiled, including this one.
    pub(super) fn packages(&self) -> Result<usize, String> {
        let arguments = ["tree", "--offline", "--edges", "normal,build", "--prefix", "none", "--no-dedupe"];
        let mut command = self.command(&arguments);
        let output = command.output().map_err(|error| error.to_string())?;
        let packages = count(&String::from_utf8_lossy(&output.stdout));
        if output.status.success() && packages > 0 {
            return Ok(packages);
        }
        Err(format!("{}: cargo tree failed: {}", self.name, String::from_utf8_lossy(&output.stderr)))
    }

    /// Returns the size of the stripped release binary in MiB.
    pub(super) fn binary(&self) -> Result<f64, String> {
        let file = format!("target/release/hello{}", std::env::consts::EXE_SUFFIX);
        let found = fs::metadata(self.folder.join(file));
        found.map(|file| file.len() as f64 / f64::from(1 << 20)).map_err(|error| error.to_string())
    }

    fn cargo(&self, arguments: &[&str]) -> Result<Cost, String> {
        let mut command = self.command(arguments);
        command.arg("--quiet").stdout(Stdio::null()).stderr(Stdio::piped());
        let start = Instant::now();
        let process = command.spawn().map_err(|error| format!("cargo could not be started: {error}"))?;
        let watch = memory::Watch::start(process.id());
        let output = process.wait_with_output();
        let seconds = start.elapsed().as_secs_f64();
        let memory = watch.stop();
        let output = output.map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(Cost { seconds, memory });
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        let start: Vec<&str> = stderr.lines().take(40).collect();
        Err(format!("{}: `cargo {}` failed:\n{}", self.name, arguments.join(" "), start.join("\n")))
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = run::cargo_command();
        command.args(arguments).current_dir(&self.folder);
        command.env("CARGO_TARGET_DIR", self.folder.join("target"));
        // Packages of a registry are never compiled incrementally, and users get ours from one.
        command.env("CARGO_INCREMENTAL", "0");
        // Everything else keeps its default.
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if text.starts_with("CARGO_PROFILE_") || text.ends_with("RUSTFLAGS") {
                command.env_remove(&name);
            }
        }
        command
    }
}

/// Counts the distinct packages of `cargo tree`, whose lines are `name v1.2.3 (more)`.
fn count(tree: &str) -> usize {
    let names = tree.lines().map(|line| line.split(' ').take(2).collect::<Vec<_>>());
    names.filter(|words| words.len() == 2).collect::<std::collections::BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_counted_once_for_each_version() {
        let tree = "hello v0.1.0 (/x)\nserde v1.0.0\nserde_derive v1.0.0 (proc-macro)\n\nserde v1.0.0\nserde v2.0.0\n";
        assert_eq!(count(tree), 4);
        assert_eq!(count(""), 0);
    }
}
