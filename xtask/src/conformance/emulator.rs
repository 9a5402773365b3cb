//! A running `fal-emulator`.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::root;

/// Returns the path of a binary of this workspace, as built by cargo.
pub(super) fn built(name: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    target.join("debug").join(name)
}

/// A running emulator, which is killed on drop.
pub(super) struct Emulator {
    process: Child,
    urls: String,
}

impl Emulator {
    /// Starts the binary. Its arguments are relative to `folder`.
    pub(super) fn start(folder: &Path, arguments: &[&str]) -> Result<Self, String> {
        let binary = built("fal-emulator");
        let failed = |error: std::io::Error| format!("{} could not be started: {error}", binary.display());
        let mut process = Command::new(&binary)
            .args(arguments)
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(failed)?;
        let mut urls = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout).read_line(&mut urls).map_err(failed)?;
        }
        let emulator = Self { process, urls: urls.trim().to_owned() };
        if emulator.urls.is_empty() {
            return Err(format!("{} {} ended right after its start", binary.display(), arguments.join(" ")));
        }
        Ok(emulator)
    }

    /// Returns the address that it listens on.
    pub(super) fn address(&self) -> Result<SocketAddr, String> {
        let urls: serde_json::Value = serde_json::from_str(&self.urls).unwrap_or_default();
        let run = urls.get("run").and_then(serde_json::Value::as_str).unwrap_or_default();
        let address = run
            .trim_start_matches("https://")
            .trim_start_matches("http://")
            .split('/')
            .next()
            .unwrap_or_default();
        address.parse().map_err(|_| format!("fal-emulator printed no address, but {}", self.urls))
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        self.process.kill().and_then(|()| self.process.wait()).ok();
    }
}
