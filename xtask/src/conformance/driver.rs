//! A script that calls a client operation by operation.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::table::{Cell, Table};

/// How long a script may take in all.
const PATIENCE: Duration = Duration::from_secs(300);

pub(super) struct Driver {
    pub(super) client: &'static str,
    pub(super) version: String,
    pub(super) program: PathBuf,
    pub(super) script: PathBuf,
}

impl Driver {
    /// Runs the script and puts what it reports into the table. What it planned and did not report has failed.
    pub(super) fn run(
        &self,
        environment: &[(&str, &str)],
        operations: &[String],
        table: &mut Table,
    ) -> Result<(), String> {
        let failed =
            |error: std::io::Error| format!("{} could not be started: {error}", self.script.display());
        let mut process = Command::new(&self.program)
            .arg(&self.script)
            .args(operations)
            .envs(environment.iter().copied())
            .env_remove("FAL_RUN_HOST")
            .env_remove("FAL_QUEUE_RUN_HOST")
            .env("PYTHONDONTWRITEBYTECODE", "1")
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
        let end = std::time::Instant::now() + PATIENCE;
        table.column(self.client, &self.version);
        while let Some(line) = lines.as_ref().and_then(|lines| {
            lines.recv_timeout(end.saturating_duration_since(std::time::Instant::now())).ok()
        }) {
            self.take(&line, table);
        }
        process.kill().and_then(|()| process.wait()).map_err(failed)?;
        Ok(())
    }

    fn take(&self, line: &str, table: &mut Table) {
        let Ok(report) = serde_json::from_str::<Value>(line) else {
            eprintln!("  {line}");
            return;
        };
        if let Some(plan) = report.get("plan").and_then(Value::as_array) {
            for operation in plan.iter().filter_map(Value::as_str) {
                let died = Cell::Failed("the driver ended before it said how this went".to_owned());
                table.set(self.client, operation, died);
            }
        }
        let Some(operation) = report.get("operation").and_then(Value::as_str) else {
            return;
        };
        let error = report.get("error").and_then(Value::as_str).unwrap_or("no reason was given");
        let cell = match report.get("passed").and_then(Value::as_bool) {
            Some(true) => Cell::Passed,
            _ => Cell::Failed(error.to_owned()),
        };
        table.set(self.client, operation, cell);
    }
}
