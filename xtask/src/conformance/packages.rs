//! Builds the Python wheel and the npm packages of the emulator, installs them into empty environments, and runs what the
//! README tells a developer to run.
//!
//! The program in the packages is a debug build, which takes seconds where a release build takes minutes. The workflow
//! `release.yml` builds the same packages with a release build.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{call, output};
use crate::root;
use crate::run::cargo;

/// The sources of the packages.
const PACKAGES: &str = "crates/fal-emulator/packages";

/// Builds the packages in `folder`, installs them and runs their tests.
pub(super) fn run(folder: &Path) -> Result<(), String> {
    let folder = std::path::absolute(folder.join("packages")).map_err(|error| error.to_string())?;
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    python(&folder)?;
    javascript(&folder)
}

fn python(folder: &Path) -> Result<(), String> {
    let tools = folder.join("tools");
    if !tools.exists() {
        call(Command::new("python3").args(["-m", "venv"]).arg(&tools))?;
    }
    call(Command::new(tools.join("bin/pip")).args(["install", "--quiet", "maturin>=1.9,<2", "uv"]))?;
    let wheels = empty(folder.join("wheels"))?;
    let sources = root().join(PACKAGES).join("python");
    let mut build = Command::new(tools.join("bin/maturin"));
    call(build.args(["build", "--quiet", "--out"]).arg(&wheels).current_dir(&sources))?;
    let wheel = the_file(&wheels, "whl")?;

    let readme = Readme::read("python", "test_cat.py")?;
    let empty = empty(folder.join("python"))?;
    call(Command::new("python3").args(["-m", "venv", ".venv"]).current_dir(&empty))?;
    readme.write_test(&empty)?;
    let environment = Shell { folder: &empty, programs: Some(empty.join(".venv/bin")) };
    environment.run(&readme.install.replacen("fal-emulator", &wheel.to_string_lossy(), 1))?;
    environment.run(&readme.test)?;
    // The whole suite, with several workers on one emulator.
    let suite = sources.join("tests");
    environment.run("pip install --quiet pytest-xdist")?;
    environment.run(&format!("fal-emulator -- pytest -q -n 4 -p no:cacheprovider {}", suite.display()))?;
    environment.run("python -m fal_emulator --version")?;
    // The same without an installation.
    let uv = Shell { folder: &empty, programs: Some(tools.join("bin")) };
    uv.run(&readme.other("uvx")?.replacen("uvx", &format!("uvx --find-links {}", wheels.display()), 1))
}

fn javascript(folder: &Path) -> Result<(), String> {
    cargo(["build", "--package", "fal-emulator"])?;
    let built = empty(folder.join("npm"))?;
    let target = output(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let sources = root().join(PACKAGES).join("npm");
    let program = format!("{target}={}", super::emulator::built("fal-emulator").display());
    let mut pack = Command::new("node");
    pack.arg("pack.mjs").args(["--version", env!("CARGO_PKG_VERSION"), "--program", &program, "--out"]);
    call(pack.arg(&built).current_dir(&sources))?;
    let mut archives = Vec::new();
    for package in entries(&built)? {
        let name = output(
            Command::new("npm")
                .args(["pack", "--silent"])
                .arg("--pack-destination")
                .arg(&built)
                .arg(&package),
        )?;
        archives.push(built.join(name).display().to_string());
    }

    let readme = Readme::read("npm", "cat.test.mjs")?;
    let empty = empty(folder.join("javascript"))?;
    std::fs::write(empty.join("package.json"), "{}").map_err(|error| error.to_string())?;
    readme.write_test(&empty)?;
    let environment = Shell { folder: &empty, programs: None };
    environment.run(&readme.install.replacen("fal-emulator", &archives.join(" "), 1))?;
    environment.run(&readme.test)?;
    std::fs::copy(sources.join("test/scopes.test.mjs"), empty.join("scopes.test.mjs"))
        .map_err(|error| format!("scopes.test.mjs: {error}"))?;
    environment.run("npx fal-emulator -- npx vitest run --testTimeout 60000")?;
    // The exit code of the command is that of npx.
    let ended = environment.command("npx fal-emulator -- node -e 'process.exit(7)'").status();
    match ended.map(|status| status.code()) {
        Ok(Some(7)) => Ok(()),
        other => Err(format!("npx fal-emulator must end with the code 7 of its command, but: {other:?}")),
    }
}

/// The commands and the test that the README of the emulator tells a developer of one language.
struct Readme {
    install: String,
    test: String,
    /// All commands of the language.
    text: String,
    file: &'static str,
    source: String,
}

impl Readme {
    /// Reads the section that contains the test `file`. The README of the package has the same commands and the same test.
    fn read(package: &str, file: &'static str) -> Result<Self, String> {
        let read = |path: PathBuf| {
            std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let text = read(root().join("crates/fal-emulator/README.md"))?;
        let of_package = read(root().join(PACKAGES).join(package).join("README.md"))?;
        let missing = || format!("crates/fal-emulator/README.md has no section with two commands and {file}");
        let text = text.split("\n## ").find(|section| section.contains(file)).ok_or_else(missing)?;
        let source = text.split("```").find(|block| block.contains(file)).ok_or_else(missing)?;
        let source = source.split_once('\n').ok_or_else(missing)?.1;
        let mut commands = text.lines().filter_map(|line| line.strip_prefix("$ "));
        let (Some(install), Some(test)) = (commands.next(), commands.next()) else {
            return Err(missing());
        };
        for part in [install, test, source] {
            if !of_package.contains(part) {
                return Err(format!(
                    "the README of the {package} package lacks this part of the emulator's:\n{part}"
                ));
            }
        }
        Ok(Self {
            install: install.to_owned(),
            test: test.to_owned(),
            text: text.to_owned(),
            file,
            source: source.to_owned(),
        })
    }

    /// Returns the command that begins with a word, from the text.
    fn other(&self, word: &str) -> Result<String, String> {
        let start = format!("`{word} ");
        let command = self.text.split_once(&start).and_then(|(_, rest)| rest.split_once('`'));
        let command = command.ok_or_else(|| format!("the README has no command {word}"))?.0;
        Ok(format!("{word} {}", command.replace('\n', " ")))
    }

    fn write_test(&self, folder: &Path) -> Result<(), String> {
        let path = folder.join(self.file);
        std::fs::write(&path, &self.source).map_err(|error| format!("{}: {error}", path.display()))
    }
}

/// Runs commands as a developer does, in a folder and with a folder of programs that comes first.
struct Shell<'a> {
    folder: &'a Path,
    programs: Option<PathBuf>,
}

impl Shell<'_> {
    fn command(&self, text: &str) -> Command {
        let inherited = std::env::var_os("PATH").unwrap_or_default();
        let mut path = self.programs.as_ref().map(OsString::from).unwrap_or_default();
        if !path.is_empty() {
            path.push(":");
        }
        path.push(inherited);
        let mut command = Command::new("sh");
        command.arg("-ec").arg(text).current_dir(self.folder).env("PATH", path);
        // The caller's packages and an emulator around this program are not part of an empty environment.
        for name in ["PYTHONPATH", "NODE_PATH", "VIRTUAL_ENV", "FAL_KEY", "FAL_EMULATOR_URL"] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, text: &str) -> Result<(), String> {
        eprintln!("$ {text}");
        call(&mut self.command(text))
    }
}

/// Creates a folder without content.
fn empty(folder: PathBuf) -> Result<PathBuf, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(failed)?;
    }
    std::fs::create_dir_all(&folder).map_err(failed)?;
    Ok(folder)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    let mut paths: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<Result<_, _>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

/// Returns the only file with this extension in a folder.
fn the_file(folder: &Path, extension: &str) -> Result<PathBuf, String> {
    let mut files: Vec<PathBuf> = entries(folder)?;
    files.retain(|path| path.extension().is_some_and(|own| own == extension));
    match files.as_slice() {
        [file] => Ok(file.clone()),
        others => {
            Err(format!("expected one .{extension} file in {}, found {}", folder.display(), others.len()))
        }
    }
}
