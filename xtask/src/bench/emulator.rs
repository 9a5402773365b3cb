//! `cargo xtask bench emulator`: start, memory and latency under load.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{root, run::cargo};

/// What is measured is a process of its own, and so is what measures it: nothing generated may be needed to build
/// xtask.
pub(super) fn run(json: bool) -> Result<(), String> {
    let package = ["--quiet", "--release", "--package", "fal-emulator"];
    cargo(["build"].iter().chain(&package))?;
    cargo(["build", "--example", "load"].iter().chain(&package))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    let release = target.join("release");
    let output = Command::new(release.join("examples/load"))
        .arg(release.join("fal-emulator"))
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("the load could not be started: {error}"))?;
    if !output.status.success() {
        return Err("the emulator did not bear the load".to_owned());
    }
    let figures: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    if json {
        println!("{figures:#}");
    } else {
        print(&figures);
    }
    Ok(())
}

fn print(figures: &Value) {
    let Value::Object(figures) = figures else { return };
    for (name, figure) in figures {
        let target = if name == "start_ms" { "  (target: 100 at most)" } else { "" };
        println!("{name:<16} {figure}{target}");
    }
}
