//! `fal-emulator -- COMMAND`: a command for which the emulator is fal, whatever language it is written in.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write as _};
use std::process::ExitStatus;

use fal_emulator::Emulator;
use tempfile::NamedTempFile;
use tokio::process::{Child, Command};

/// The variables that name a file of trusted certificates to OpenSSL and rustls, Node, curl, and Python's requests.
const TRUST: [&str; 4] = ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"];
/// What the command is given for a key where the environment has none.
const KEY: &str = "emulator:key";

/// A command that runs, and the file that it trusts.
pub(crate) struct Guest {
    process: Child,
    _authorities: NamedTempFile,
}

impl Guest {
    /// Starts the command in an environment that leads it here.
    pub(crate) fn start(command: &[OsString], emulator: &Emulator, key: Option<&str>) -> io::Result<Self> {
        let (program, arguments) =
            command.split_first().ok_or_else(|| io::Error::other("there is no command to run"))?;
        let authorities = authorities(emulator.ca().unwrap_or_default())?;
        let proxy = emulator.url().replacen("https", "http", 1);
        let mut process = Command::new(program);
        process.args(arguments).envs(TRUST.map(|name| (name, authorities.path().as_os_str())));
        for name in ["HTTPS_PROXY", "https_proxy"] {
            process.env(name, &proxy);
        }
        // An exception for fal's names would lead past the emulator.
        for name in ["NO_PROXY", "no_proxy"] {
            process.env(name, "localhost,127.0.0.1,::1");
        }
        // Node's own fetch heeds the proxy only if told to.
        process.env("NODE_USE_ENV_PROXY", "1");
        let has_key = ["FAL_KEY", "FAL_KEY_ID"].iter().any(|name| std::env::var_os(name).is_some());
        match key {
            Some(key) => drop(process.env("FAL_KEY", key)),
            None if !has_key => drop(process.env("FAL_KEY", KEY)),
            None => {}
        }
        let process = process.kill_on_drop(true).spawn().map_err(|error| {
            io::Error::new(error.kind(), format!("cannot run {}: {error}", OsStr::to_string_lossy(program)))
        })?;
        Ok(Self { process, _authorities: authorities })
    }

    /// How the command ended.
    pub(crate) async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.process.wait().await
    }
}

/// The emulator's certificate, and those that the machine trusts: the command may call others too.
fn authorities(own: &str) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix("fal-emulator-").suffix(".pem").tempfile()?;
    let system = openssl_probe::probe().cert_file.map(fs::read).transpose().unwrap_or_default();
    file.write_all(&system.unwrap_or_default())?;
    file.write_all(b"\n")?;
    file.write_all(own.as_bytes())?;
    file.flush()?;
    Ok(file)
}

/// The code with which to end as the command did.
pub(crate) fn code(status: ExitStatus) -> u8 {
    // Ended by a signal: what shells say of it does not matter here, only that it is no success.
    status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
