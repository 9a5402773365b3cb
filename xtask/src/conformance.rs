//! `cargo xtask conformance`: runs fal's official clients and the client of this repository against the emulator, which
//! answers under fal's host names, and compares their requests. Then runs the client of this repository against an app
//! of fal's Python package, compares types generated for such apps with their models, and installs the packages of the
//! emulator.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::root;
use crate::run::cargo;

mod app;
mod captures;
mod differences;
mod driver;
mod emulator;
mod packages;
mod page;
mod shape;
mod table;
mod tools;

use captures::{Captures, Feed};
use differences::{Differences, Explanation};
use driver::{Driver, Watch};
use emulator::Emulator;
use table::{Defect, Table};

/// Arguments of `cargo xtask conformance`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Installs the clients in this folder and keeps them for later runs. A temporary folder by default
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,

    /// Succeeds with a message if the clients cannot be installed
    #[arg(long)]
    or_skip: bool,

    /// Tests the page of the emulator in a browser instead, and saves a screenshot of each view in the folder
    #[arg(long)]
    page: bool,

    /// Runs programs of other languages and libraries as commands of the emulator instead
    #[arg(long, conflicts_with = "page")]
    tools: bool,

    /// Runs only the client of this repository against an app of fal's Python package
    #[arg(long, conflicts_with_all = ["page", "tools"])]
    app: bool,

    /// Only compares types that are generated for apps of fal's Python package with the models of these apps
    #[arg(long, conflicts_with_all = ["page", "tools", "app"])]
    own_apps: bool,

    /// Only builds the Python and npm packages of the emulator, installs them and runs their tests
    #[arg(long, conflicts_with_all = ["page", "app", "own_apps"])]
    packages: bool,

    /// Operations to run, by their names in the table. All by default
    #[arg(value_name = "OPERATION")]
    operations: Vec<String>,
}

/// The client of this repository.
const OURS: &str = "Rust";
/// The official clients that it is compared with.
const OFFICIAL: [&str; 3] = ["Python sync", "Python async", "JavaScript"];

/// The parts of the run, each with the arguments of its emulator.
const PARTS: [(&str, &[&str]); 2] = [
    ("operations", &[]),
    // Requests stay in the queue, and direct calls wait for a runner, for longer than any timeout.
    ("timeouts", &["--queue-time", "60000", "--scenario", "late.toml"]),
];

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let temporary = tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?;
    let folder = arguments.keep.as_deref().unwrap_or(temporary.path());
    let sources = root().join("tests/conformance");
    if arguments.page {
        return page::run(folder, &sources, &arguments.operations, arguments.or_skip);
    }
    if arguments.tools {
        return tools::run(folder, &sources, &arguments.operations, arguments.or_skip);
    }
    if arguments.app {
        return with_package(folder, &sources, arguments.or_skip, app::run);
    }
    if arguments.own_apps {
        return with_package(folder, &sources, arguments.or_skip, |python, _| app::compare_types(python));
    }
    if arguments.packages {
        return packages::run(folder);
    }
    let mut drivers = match install(folder, &sources) {
        Err(reason) if arguments.or_skip => {
            println!("skipped: the official clients cannot be installed: {reason}");
            return Ok(());
        }
        installed => installed?,
    };

    cargo(["build", "--package", "fal-emulator", "--package", "fal-conformance"])?;
    drivers.push(Driver {
        client: OURS,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        program: emulator::built("fal-conformance"),
        script: None,
    });
    let authority = std::path::absolute(folder.join("authority.pem")).map_err(|error| error.to_string())?;
    let authority = authority.to_string_lossy();
    let requests = std::path::absolute(folder.join("requests.jsonl")).map_err(|error| error.to_string())?;
    let requests_out = requests.to_string_lossy();
    let common = [
        ["--schemas", "documents", "--require-key", "conformance:key"].as_slice(),
        &["--tls", "--ca-out", &authority, "--requests-out", &requests_out],
    ]
    .concat();

    let defects =
        read_list(&sources.join("defects.json"), Defect::read, "client, operation, error and reason")?;
    let explanations = read_list(
        &sources.join("differences.json"),
        Explanation::read,
        "differences and a reason, and may have client and operations",
    )?;
    let mut table = Table::new(defects);
    let cells = sources.join("cells.json");
    let text = std::fs::read_to_string(&cells).map_err(|error| format!("{}: {error}", cells.display()))?;
    table.expect(&serde_json::from_str(&text).map_err(|error| format!("{}: {error}", cells.display()))?)?;
    let mut captures = Captures::default();
    for (part, options) in PARTS {
        let emulator = Emulator::start(&sources, &[common.as_slice(), options].concat())?;
        let proxy = format!("http://{}", emulator.address()?);
        let mut watch = Watch { feed: Feed::open(&requests)?, captures: &mut captures };
        for driver in &drivers {
            eprintln!("{} {}, {part}", driver.client, driver.version);
            // An exception from the proxy would bypass the emulator.
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
            driver.run(&environment, &arguments.operations, &mut table, Some(&mut watch))?;
        }
    }
    let differences = Differences::new(&captures, OURS, &OFFICIAL, &explanations);
    println!("{table}\n\n{differences}");
    let all = arguments.operations.is_empty();
    table.verdict(all)?;
    captures.check_order_of_parts(OURS)?;
    differences.verdict(all)?;
    if !all {
        return Ok(());
    }
    with_package(folder, &sources, arguments.or_skip, |python, sources| {
        app::run(python, sources)?;
        app::compare_types(python)
    })?;
    packages::run(folder)
}

/// Installs fal's Python package and calls `run` with its interpreter.
fn with_package(
    folder: &Path,
    sources: &Path,
    or_skip: bool,
    run: impl FnOnce(&Path, &Path) -> Result<(), String>,
) -> Result<(), String> {
    match app::install(folder, sources) {
        Err(reason) if or_skip => {
            println!("skipped: fal's Python package cannot be installed: {reason}");
            Ok(())
        }
        python => run(&python?, sources),
    }
}

/// Installs fal's official clients in `folder`. Returns the name, the program and the script of each; the scripts are
/// those of the folder `scripts`.
pub(crate) fn peers(folder: &Path, scripts: &Path) -> Result<Vec<(String, PathBuf, PathBuf)>, String> {
    let drivers = install(folder, &root().join("tests/conformance"))?;
    copy(scripts, &folder.join("js"))?;
    let peers = drivers.into_iter().filter_map(|driver| {
        let script = folder.join("js").join(driver.script?.file_name()?);
        Some((format!("{} {}", driver.client, driver.version), driver.program, script))
    });
    Ok(peers.collect())
}

/// Installs the clients in `folder`, unless they are there already.
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

    let code = "import importlib.metadata as m; print(m.version('fal-client'))";
    let fal_client = output(Command::new(&python).args(["-c", code]))?;
    let code = "const text = fs.readFileSync('node_modules/@fal-ai/client/package.json'); console.log(JSON.parse(text).version)";
    let fal_js = output(Command::new("node").args(["-e", code]).current_dir(&node))?;
    let python = |client: &'static str, script: &str| Driver {
        client,
        version: fal_client.clone(),
        program: python.clone(),
        script: Some(sources.join("python").join(script)),
    };
    Ok(vec![
        python(OFFICIAL[0], "sync_client.py"),
        python(OFFICIAL[1], "async_client.py"),
        Driver {
            client: OFFICIAL[2],
            version: fal_js,
            program: "node".into(),
            script: Some(node.join("client.cjs")),
        },
    ])
}

/// Copies the files of a folder, without folders in it. Node finds packages next to a script, so the scripts go to the folder of the packages.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let failed =
        |error: std::io::Error| format!("cannot copy {} to {}: {error}", from.display(), to.display());
    std::fs::create_dir_all(to).map_err(failed)?;
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.path().is_dir() {
            continue;
        }
        std::fs::copy(entry.path(), to.join(entry.file_name())).map_err(failed)?;
    }
    Ok(())
}

/// Reads a JSON file that holds a list.
fn read_list<T>(path: &Path, read: impl Fn(&Value) -> Option<T>, needs: &str) -> Result<Vec<T>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let entries: Vec<Value> =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    entries
        .iter()
        .enumerate()
        .map(|(index, entry)| {
            read(entry).ok_or_else(|| format!("{}: entry {} needs {needs}", path.display(), index + 1))
        })
        .collect()
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
