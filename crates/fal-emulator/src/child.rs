//! The child process of `fal-emulator -- COMMAND`, which reaches the emulator in place of fal.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write as _};
use std::process::ExitStatus;

use fal_emulator::Emulator;
use tempfile::NamedTempFile;
use tokio::process::{Child, Command};

/// The variables that name a file of trusted certificates: for OpenSSL and rustls, Node, curl, and Python's requests.
const TRUST_VARIABLES: [&str; 4] =
    ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"];
/// The key of the command if the environment has none.
const DEFAULT_KEY: &str = "emulator:key";

/// A running command, and the file of the certificates that it trusts.
pub(crate) struct ChildCommand {
    process: Child,
    _certificates: NamedTempFile,
}

impl ChildCommand {
    /// Starts the command in an environment that directs its calls of fal to the emulator.
    pub(crate) fn start(command: &[OsString], emulator: &Emulator, key: Option<&str>) -> io::Result<Self> {
        let (program, arguments) =
            command.split_first().ok_or_else(|| io::Error::other("there is no command to run"))?;
        let certificates = write_certificates(emulator.ca_certificate().unwrap_or_default())?;
        let proxy = emulator.url().replacen("https", "http", 1);
        let mut process = Command::new(program);
        process.args(arguments).envs(TRUST_VARIABLES.map(|name| (name, certificates.path().as_os_str())));
        for name in ["HTTPS_PROXY", "https_proxy"] {
            process.env(name, &proxy);
        }
        // An inherited exception for fal's hosts would bypass the emulator.
        for name in ["NO_PROXY", "no_proxy"] {
            process.env(name, "localhost,127.0.0.1,::1");
        }
        // Node's fetch ignores the proxy variables unless this one is set.
        process.env("NODE_USE_ENV_PROXY", "1");
        let has_key = ["FAL_KEY", "FAL_KEY_ID"].iter().any(|name| std::env::var_os(name).is_some());
        match key {
            Some(key) => drop(process.env("FAL_KEY", key)),
            None if !has_key => drop(process.env("FAL_KEY", DEFAULT_KEY)),
            None => {}
        }
        let process = process.kill_on_drop(true).spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("cannot run {}: {error}", OsStr::to_string_lossy(program)))
        })?;
        Ok(Self { process, _certificates: certificates })
    }

    /// Waits for the end of the command.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.process.wait().await
    }
}

/// Writes a file of the emulator's certificate and those that the machine trusts, because the command may also call
/// other hosts.
fn write_certificates(own: &str) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("fal-emulator-").suffix(".pem").tempfile()?;
    let system = openssl_probe::probe().cert_file.map(fs::read).transpose().unwrap_or_default();
    file.write_all(&system.unwrap_or_default())?;
    file.write_all(b"\n")?;
    file.write_all(own.as_bytes())?;
    file.flush()?;
    Ok(file)
}

/// Returns the exit code for the end of a child: its own, or 1 if a signal ended it.
pub(crate) fn exit_code(status: ExitStatus) -> u8 {
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
