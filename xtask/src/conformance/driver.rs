//! Runs the script that calls a client, one operation after the other.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::captures::{Captures, Feed};
use super::table::{Cell, Table};

/// The longest time between two reports of a script.
const TIMEOUT: Duration = Duration::from_secs(300);

/// A program that calls a client and reports the result of each operation.
pub(super) struct Driver {
    pub(super) client: &'static str,
    pub(super) version: String,
    pub(super) program: PathBuf,
    /// The script that the program runs. `None` if the program is the driver itself.
    pub(super) script: Option<PathBuf>,
}

/// Collects the requests of a driver.
pub(super) struct Watch<'a> {
    pub(super) feed: Feed,
    pub(super) captures: &'a mut Captures,
}

impl Driver {
    /// Runs the driver, and adds the results that it reports to the table. An operation that it announces but does not report
    /// has failed.
    pub(super) fn run(
        &self,
        environment: &[(&str, &str)],
        operations: &[String],
        table: &mut Table,
        mut watch: Option<&mut Watch<'_>>,
    ) -> Result<(), String> {
        let failed =
            |error: std::io::Error| format!("the driver of {} could not be started: {error}", self.client);
        let mut process = Command::new(&self.program)
            .args(&self.script)
            .args(operations)
            .envs(environment.iter().copied())
            .env_remove("FAL_RUN_HOST")
            .env_remove("FAL_QUEUE_RUN_HOST")
            .env_remove("FAL_EMULATOR_URL")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let lines = process.stdout.take().map(|stdout| {
            let (send, lines) = std::sync::mpsc::channel();
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if send.send(line).is_err() {
                        break;
                    }
                }
            });
            lines
        });
        table.add_client(self.client, &self.version);
        while let Some(line) = lines.as_ref().and_then(|lines| lines.recv_timeout(TIMEOUT).ok()) {
            let Some(operation) = self.add_report(&line, table) else { continue };
            if let Some(Watch { feed, captures }) = &mut watch {
                captures.add(self.client, &operation, feed.read()?);
            }
            // The driver waits for this line before its next operation.
            process.stdin.as_mut().map(|stdin| stdin.write_all(b"\n"));
        }
        process.kill().and_then(|()| process.wait()).map_err(failed)?;
        Ok(())
    }

    /// Adds a line of a driver to the table. Returns the operation if the line reports a result.
    fn add_report(&self, line: &str, table: &mut Table) -> Option<String> {
        let Ok(report) = serde_json::from_str::<Value>(line) else {
            eprintln!("  {line}");
            return None;
        };
        if let Some(plan) = report.get("plan").and_then(Value::as_array) {
            for operation in plan.iter().filter_map(Value::as_str) {
                let missing = Cell::Failed("the driver ended before it reported this operation".to_owned());
                table.set(self.client, operation, missing);
            }
        }
        let operation = report.get("operation").and_then(Value::as_str)?;
        let error = report.get("error").and_then(Value::as_str).unwrap_or("no error message");
        let cell = match report.get("passed").and_then(Value::as_bool) {
            Some(true) => Cell::Passed,
            _ => Cell::Failed(error.to_owned()),
        };
        table.set(self.client, operation, cell);
        Some(operation.to_owned())
    }
}
