//! `cargo xtask conformance`: fal's official clients, unmodified, against the emulator.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::root;
use crate::run::cargo;

mod driver;
mod emulator;
mod table;

use driver::Driver;
use emulator::Emulator;
use table::{Defect, Table};

/// Arguments of `cargo xtask conformance`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Installs the clients here and keeps them for the next time. Default: a temporary folder
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,

    /// Only these operations, by their names in the table
    #[arg(value_name = "OPERATION")]
    operations: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let temporary = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let folder = arguments.keep.as_deref().unwrap_or(temporary.path());
    let sources = root().join("tests/conformance");
    let drivers = install(folder, &sources)?;

    cargo(["build", "--quiet", "--package", "fal-emulator"])?;
    let common = ["--schemas", "documents", "--require-key", "conformance:key"];
    let fast = Emulator::start(&sources, &common)?;
    // Requests wait in its queue for longer than any timeout here.
    let slow = Emulator::start(&sources, &[common.as_slice(), &["--queue-time", "60000"]].concat())?;

    let mut table = Table::new(defects(&sources.join("defects.json"))?);
    for driver in &drivers {
        eprintln!("{} {}", driver.client, driver.version);
        driver.run(
            &[("CONFORMANCE_FAST", fast.urls()), ("CONFORMANCE_SLOW", slow.urls())],
            &arguments.operations,
            &mut table,
        )?;
    }
    println!("{table}");
    table.verdict(arguments.operations.is_empty())
}

/// Installs both clients below `folder`, which may hold them already.
fn install(folder: &Path, sources: &Path) -> Result<Vec<Driver>, String> {
    let folder = std::path::absolute(folder).map_err(|error| error.to_string())?;
    let (venv, node) = (folder.join("python"), folder.join("js"));
    let python = venv.join("bin/python");
    if !python.exists() {
        call(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    }
    let requirements = sources.join("python/requirements.txt");
    call(Command::new(&python).args(["-m", "pip", "install", "--quiet", "--requirement"]).arg(requirements))?;
    copy(&sources.join("js"), &node)?;
    call(Command::new("npm").args(["install", "--silent", "--no-audit", "--no-fund"]).current_dir(&node))?;

    let asked = "import importlib.metadata as m; print(m.version('fal-client'))";
    let fal_client = output(Command::new(&python).args(["-c", asked]))?;
    let asked = "const text = fs.readFileSync('node_modules/@fal-ai/client/package.json'); console.log(JSON.parse(text).version)";
    let fal_js = output(Command::new("node").args(["-e", asked]).current_dir(&node))?;
    let python = |client: &'static str, script: &str| Driver {
        client,
        version: fal_client.clone(),
        program: python.clone(),
        script: sources.join("python").join(script),
    };
    Ok(vec![
        python("Python sync", "sync_client.py"),
        python("Python async", "async_client.py"),
        Driver {
            client: "JavaScript",
            version: fal_js,
            program: "node".into(),
            script: node.join("client.cjs"),
        },
    ])
}

/// Node looks for packages beside the script, so the scripts go where the packages are.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let failed =
        |error: std::io::Error| format!("cannot copy {} to {}: {error}", from.display(), to.display());
    std::fs::create_dir_all(to).map_err(failed)?;
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        std::fs::copy(entry.path(), to.join(entry.file_name())).map_err(failed)?;
    }
    Ok(())
}

fn defects(path: &Path) -> Result<Vec<Defect>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let entries: Vec<serde_json::Value> =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    entries
        .iter()
        .map(Defect::read)
        .collect::<Option<_>>()
        .ok_or_else(|| format!("{}: each defect needs client, operation, error and reason", path.display()))
}

fn call(command: &mut Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?} failed ({status})")),
        Err(error) => Err(format!("{command:?} could not be started: {error}")),
    }
}

fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?} could not be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("{command:?} failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
