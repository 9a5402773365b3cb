//! Tests the page of the emulator in a browser.

use std::path::Path;
use std::process::Command;

use super::driver::Driver;
use super::emulator::Emulator;
use super::table::Table;
use super::{call, copy};
use crate::run::cargo;

/// Installs Chromium in `folder`, and clicks through the page. If it cannot be installed and `or_skip` is set, says so and
/// succeeds.
pub(super) fn run(folder: &Path, sources: &Path, operations: &[String], or_skip: bool) -> Result<(), String> {
    let folder = std::path::absolute(folder).map_err(|error| error.to_string())?;
    let node = folder.join("page");
    copy(&sources.join("page"), &node)?;
    let report = std::fs::copy(sources.join("js/report.cjs"), node.join("report.cjs"));
    report.map_err(|error| format!("cannot copy report.cjs: {error}"))?;
    let install = ["install", "--silent", "--no-audit", "--no-fund"];
    match call(Command::new("npm").args(install).current_dir(&node)) {
        Err(reason) if or_skip => {
            println!("skipped: the browser cannot be installed: {reason}");
            return Ok(());
        }
        installed => installed?,
    }

    cargo(["build", "--package", "fal-emulator"])?;
    let emulator = Emulator::start(sources, &[])?;
    let url = format!("http://{}", emulator.address()?);
    let shots = folder.join("shots").to_string_lossy().into_owned();
    let driver = Driver {
        client: "Chromium",
        version: String::new(),
        program: "node".into(),
        script: Some(node.join("page.cjs")),
    };
    let mut table = Table::new(Vec::new());
    let environment =
        [("PAGE_URL", url.as_str()), ("PAGE_SHOTS", &shots), ("CONFORMANCE_PART", "operations")];
    driver.run(&environment, operations, &mut table, None)?;
    println!("{table}\nscreenshots: {shots}");
    table.verdict(operations.is_empty())
}
