//! `cargo xtask conformance`: fal's official clients, unmodified, against the emulator under fal's host names, and
//! the client of this repository against an app of fal's own Python package.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::root;
use crate::run::cargo;

mod app;
mod driver;
mod emulator;
mod page;
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

    /// Ends well, saying why, where the clients cannot be installed
    #[arg(long)]
    or_skip: bool,

    /// Uses the emulator's page in a browser instead, and saves a picture of each view below the folder
    #[arg(long)]
    page: bool,

    /// Only the client of this repository against an app of fal's Python package
    #[arg(long, conflicts_with = "page")]
    app: bool,

    /// Only these operations, by their names in the table
    #[arg(value_name = "OPERATION")]
    operations: Vec<String>,
}

/// The parts of the run, and what the emulator of each is started with.
const PARTS: [(&str, &[&str]); 2] = [
    ("operations", &[]),
    // Requests wait in the queue for longer than any timeout.
    ("timeouts", &["--queue-time", "60000"]),
];

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let temporary = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let folder = arguments.keep.as_deref().unwrap_or(temporary.path());
    let sources = root().join("tests/conformance");
    if arguments.page {
        return page::run(folder, &sources, &arguments.operations);
    }
    if arguments.app {
        return against_app(folder, &sources, arguments.or_skip);
    }
    let drivers = match install(folder, &sources) {
        Err(why) if arguments.or_skip => {
            println!("skipped: the official clients cannot be installed: {why}");
            return Ok(());
        }
        installed => installed?,
    };

    cargo(["build", "--quiet", "--package", "fal-emulator"])?;
    let authority = std::path::absolute(folder.join("authority.pem")).map_err(|error| error.to_string())?;
    let authority = authority.to_string_lossy();
    let common =
        ["--schemas", "documents", "--require-key", "conformance:key", "--tls", "--ca-out", &authority];
    // One after the other: an authority of its own is written by each.
    let mut table = Table::new(defects(&sources.join("defects.json"))?);
    for (part, options) in PARTS {
        let emulator = Emulator::start(&sources, &[common.as_slice(), options].concat())?;
        let proxy = format!("http://{}", emulator.address()?);
        for driver in &drivers {
            eprintln!("{} {}, {part}", driver.client, driver.version);
            // An exception of a proxy would lead past the emulator.
            let environment = [
                ("CONFORMANCE_PART", part),
                ("FAL_KEY", "conformance:key"),
                ("HTTPS_PROXY", &proxy),
                ("https_proxy", &proxy),
                ("NO_PROXY", ""),
                ("no_proxy", ""),
                ("SSL_CERT_FILE", &authority),
                ("NODE_EXTRA_CA_CERTS", &authority),
            ];
            driver.run(&environment, &arguments.operations, &mut table)?;
        }
    }
    println!("{table}");
    table.verdict(arguments.operations.is_empty())?;
    if arguments.operations.is_empty() { against_app(folder, &sources, arguments.or_skip) } else { Ok(()) }
}

fn against_app(folder: &Path, sources: &Path, or_skip: bool) -> Result<(), String> {
    match app::install(folder, sources) {
        Err(why) if or_skip => {
            println!("skipped: fal's Python package cannot be installed: {why}");
            Ok(())
        }
        python => app::run(&python?, sources),
    }
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
