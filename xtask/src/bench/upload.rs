//! `cargo xtask bench upload`: uploads against raw reqwest that sends the same bytes.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::root;

/// What is measured is a process of its own, because its memory counts.
pub(super) fn run(json: bool) -> Result<(), String> {
    let output = Command::new(env!("CARGO"))
        .args(["bench", "--quiet", "--package", "fal-client", "--bench", "upload"])
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    if !output.status.success() {
        return Err("the measurement failed".to_owned());
    }
    let figures: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    if json {
        println!("{figures:#}");
        return Ok(());
    }
    for part in ["large", "small"] {
        let Value::Object(figures) = &figures[part] else { continue };
        println!("{part}");
        for (name, figure) in figures {
            let target = match (part, name.as_str()) {
                (_, "ratio") => "  (target: 0.9 at least)",
                ("large", "peak_growth_mib") => "  (target: 64 at most)",
                _ => "",
            };
            println!("  {name:<22} {figure}{target}");
        }
    }
    Ok(())
}
