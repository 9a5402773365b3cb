//! A terminal of its own for each test: folders, an emulator, and processes.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use fal_emulator::{Emulator, RequestKind};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

/// The surroundings of `fal-cli`: an empty home, and an emulator if the test needs one.
pub(crate) struct Terminal {
    pub(crate) home: TempDir,
    pub(crate) emulator: Option<Emulator>,
}

/// The exit code and the texts of a command.
pub(crate) struct Outcome {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Terminal {
    /// Opens a terminal without an emulator and without a key.
    pub(crate) fn offline() -> Self {
        Self { home: tempfile::tempdir().unwrap(), emulator: None }
    }

    /// Opens a terminal whose commands call an emulator.
    pub(crate) async fn with_emulator() -> Self {
        Self { emulator: Some(Emulator::start().await.unwrap()), ..Self::offline() }
    }

    /// Returns the inputs that the emulator has received for an endpoint.
    pub(crate) fn submitted(&self, endpoint: &str) -> Vec<Value> {
        let requests = self.emulator.as_ref().unwrap().requests().into_iter();
        let own = requests.filter(|request| {
            request.kind == RequestKind::Submit && request.endpoint.as_deref() == Some(endpoint)
        });
        own.map(|request| request.json()).collect()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Writes a file, and returns its path.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Returns a command in the home folder, with nothing of the real environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fal-cli"));
        command.args(arguments).current_dir(self.home.path()).env_clear();
        command.env("HOME", self.home.path()).env("APPDATA", self.home.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        if let Some(emulator) = &self.emulator {
            command.env("FAL_EMULATOR_URL", emulator.url());
        }
        command
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Outcome {
        Outcome::wait(self.command(arguments).spawn().unwrap()).await
    }

    /// Runs a command that reads `input`.
    pub(crate) async fn run_with_stdin(&self, arguments: &[&str], input: impl AsRef<[u8]>) -> Outcome {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        // A command that fails early reads nothing.
        stdin.write_all(input.as_ref()).await.ok();
        drop(stdin);
        Outcome::wait(child).await
    }

    /// Runs a command that must succeed, and returns its stdout.
    pub(crate) async fn stdout(&self, arguments: &[&str]) -> String {
        let outcome = self.run(arguments).await;
        assert_eq!(outcome.code, 0, "{arguments:?}: {}", outcome.stderr);
        outcome.stdout
    }

    /// Runs a command that must succeed with `--json`, and returns its object.
    pub(crate) async fn json(&self, arguments: &[&str]) -> Value {
        let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
        serde_json::from_str(&self.stdout(&arguments).await).unwrap()
    }
}

impl Outcome {
    pub(crate) async fn wait(child: Child) -> Self {
        let output = child.wait_with_output().await.unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

/// Reads lines of JSON.
pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A picture of one pixel.
pub(crate) const PIXEL: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0,
    0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0d, b'I', b'D', b'A', b'T', 0x78, 0x9c, 0x63,
    0xf8, 0xcf, 0xc0, 0xf0, 0x1f, 0, 5, 0, 1, 0xff, 0x56, 0xc7, 0x2f, 0x0d, 0, 0, 0, 0, b'I', b'E', b'N',
    b'D', 0xae, 0x42, 0x60, 0x82,
];
