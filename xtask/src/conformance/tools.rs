//! Runs programs of other languages and libraries, unmodified, as commands of the emulator.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::emulator::built;
use super::{call, copy};
use crate::run::{cargo, cargo_command};

/// The time limit of a program.
const TIMEOUT: Duration = Duration::from_secs(120);

/// A program that calls fal.
struct Tool {
    name: &'static str,
    /// The name of the program that runs it, and its arguments.
    command: &'static [&'static str],
    origin: Origin,
}

/// The origin of what a program needs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// The system, which may lack it.
    System,
    /// npm. The command is one of its packages.
    Npm,
    /// npm, for a program that Node runs.
    NodeModule,
    /// PyPI.
    Python,
    /// crates.io. It runs only if it is named: with its libraries for pictures it compiles for minutes.
    Cargo,
}

const TOOLS: [Tool; 17] = [
    Tool { name: "Java, both HTTP clients", command: &["java", "Main.java"], origin: Origin::System },
    Tool { name: "Ruby, Net::HTTP", command: &["ruby", "app.rb"], origin: Origin::System },
    Tool { name: "PHP, curl", command: &["php", "app.php"], origin: Origin::System },
    Tool { name: "Go, net/http", command: &["go", "run", "app.go"], origin: Origin::System },
    Tool { name: "curl", command: &["sh", "app.sh"], origin: Origin::System },
    Tool { name: "Python, four HTTP clients", command: &["python", "app.py"], origin: Origin::Python },
    Tool { name: "Node, @fal-ai/client", command: &["node", "client.mjs"], origin: Origin::NodeModule },
    Tool { name: "Bun, @fal-ai/client", command: &["bun", "client.mjs"], origin: Origin::Npm },
    Tool { name: "Deno, @fal-ai/client", command: &["deno", "run", "-A", "client.mjs"], origin: Origin::Npm },
    Tool { name: "Node, ws", command: &["node", "ws.mjs"], origin: Origin::NodeModule },
    Tool { name: "AI SDK, @ai-sdk/fal", command: &["node", "ai_sdk.mjs"], origin: Origin::NodeModule },
    Tool { name: "TanStack AI, ai-fal", command: &["node", "tanstack.mjs"], origin: Origin::NodeModule },
    Tool { name: "LiteLLM", command: &["python", "litellm_app.py"], origin: Origin::Python },
    Tool { name: "OpenAI, of OpenRouter", command: &["python", "openai_app.py"], origin: Origin::Python },
    Tool { name: "huggingface_hub", command: &["python", "hub_app.py"], origin: Origin::Python },
    Tool { name: "MCP, Python, of fal-cli", command: &["python", "mcp_app.py"], origin: Origin::Python },
    Tool { name: "crate fal", command: &["calls-fal"], origin: Origin::Cargo },
];

/// Runs each program. One whose language or packages cannot be installed is skipped with a message, or fails the run
/// without `or_skip` unless it is a language of the system.
pub(super) fn run(folder: &Path, sources: &Path, chosen: &[String], or_skip: bool) -> Result<(), String> {
    let folder = std::path::absolute(folder).map_err(|error| error.to_string())?.join("tools");
    copy_files(&sources.join("tools"), &folder)?;
    cargo(["build", "--package", "fal-emulator", "--package", "fal-cli"])?;
    let mut failed = Vec::new();
    let mut installed: Vec<(Origin, Result<(), String>)> = Vec::new();
    let is_chosen = |tool: &&Tool| match chosen {
        [] => tool.origin != Origin::Cargo,
        _ => chosen.iter().any(|name| name == tool.name),
    };
    for tool in TOOLS.iter().filter(is_chosen) {
        let origin = if tool.origin == Origin::NodeModule { Origin::Npm } else { tool.origin };
        if !installed.iter().any(|(known, _)| *known == origin) {
            installed.push((origin, install(origin, &folder)));
        }
        let ready = installed.iter().find(|(known, _)| *known == origin).map(|(_, result)| result.clone());
        let outcome = match ready.unwrap_or(Ok(())).and_then(|()| locate(tool, &folder)) {
            Err(reason) if or_skip || tool.origin == Origin::System => format!("skipped: {reason}"),
            Err(reason) => {
                failed.push(tool.name);
                format!("FAIL: {reason}")
            }
            Ok(program) => match run_tool(&program, tool, &folder) {
                Ok(time) => format!("pass, {:.1} s", time.as_secs_f64()),
                Err(reason) => {
                    failed.push(tool.name);
                    format!("FAIL: {reason}")
                }
            },
        };
        println!("{:<28}{outcome}", tool.name);
    }
    if chosen.is_empty() {
        println!("not run: `crate fal`, which compiles for minutes; name it to run it");
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("programs failed: {}", failed.join(", "))) }
}

/// Installs what the programs of one origin need.
fn install(origin: Origin, folder: &Path) -> Result<(), String> {
    match origin {
        Origin::System => Ok(()),
        Origin::Npm | Origin::NodeModule => call(
            Command::new("npm").args(["install", "--silent", "--no-audit", "--no-fund"]).current_dir(folder),
        ),
        Origin::Python => {
            let venv = folder.join("python");
            if !venv.join("bin/python").exists() {
                call(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
            }
            let pip = ["-m", "pip", "install", "--quiet", "--requirement", "requirements.txt"];
            call(Command::new(venv.join("bin/python")).args(pip).current_dir(folder))
        }
        Origin::Cargo => {
            let mut command = cargo_command();
            command.args(["build", "--quiet"]).current_dir(folder.join("fal-crate"));
            let target = folder.join("fal-crate/target");
            call(command.env("CARGO_TARGET_DIR", target).env("CARGO_PROFILE_DEV_DEBUG", "0"))
                .map_err(|error| format!("{error}; its TLS needs the headers of OpenSSL"))
        }
    }
}

/// Returns the path of the program that runs a tool.
fn locate(tool: &Tool, folder: &Path) -> Result<PathBuf, String> {
    let name = tool.command.first().copied().unwrap_or_default();
    let path = match tool.origin {
        Origin::Npm => folder.join("node_modules/.bin").join(name),
        Origin::Python => folder.join("python/bin").join(name),
        Origin::Cargo => folder.join("fal-crate/target/debug").join(name),
        Origin::System | Origin::NodeModule => {
            let found = std::env::var_os("PATH").and_then(|path| {
                std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.exists())
            });
            return found.ok_or_else(|| format!("{name} is not installed"));
        }
    };
    if path.exists() { Ok(path) } else { Err(format!("{} does not exist", path.display())) }
}

/// Runs a program under the emulator. Returns the time that it took.
fn run_tool(program: &Path, tool: &Tool, folder: &Path) -> Result<Duration, String> {
    let started = Instant::now();
    let log = folder.join("output.txt");
    let output = std::fs::File::create(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    let errors = output.try_clone().map_err(|error| error.to_string())?;
    let mut command = Command::new(built("fal-emulator"));
    command.arg("--").arg(program).args(tool.command.iter().skip(1)).current_dir(folder);
    // The program that the client of MCP starts.
    command.env("FAL_CLI", built("fal-cli"));
    let mut process = command.stdout(output).stderr(errors).spawn().map_err(|error| error.to_string())?;
    let status = loop {
        match process.try_wait().map_err(|error| error.to_string())? {
            Some(status) => break Some(status),
            None if started.elapsed() > TIMEOUT => break None,
            None => std::thread::sleep(Duration::from_millis(20)),
        }
    };
    process.kill().and_then(|()| process.wait()).ok();
    let text = std::fs::read_to_string(&log).unwrap_or_default();
    match status {
        Some(status) if status.success() && !text.contains("no request came") => Ok(started.elapsed()),
        Some(status) => Err(format!("{status}\n{text}")),
        None => Err(format!("still running after {} s\n{text}", TIMEOUT.as_secs())),
    }
}

/// Copies the programs, and the sources of the crate among them.
fn copy_files(from: &Path, to: &Path) -> Result<(), String> {
    for folder in ["fal-crate/src", "fal-crate", ""] {
        copy(&from.join(folder), &to.join(folder))?;
    }
    Ok(())
}
