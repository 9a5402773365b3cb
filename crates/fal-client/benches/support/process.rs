//! The server of a bench, in another process, so that memory and time are those of the client.

use std::{
    io::{BufRead, BufReader, Error, Result, Write},
    process::{Child, Command, Stdio},
};

/// A process of this program with the argument `serve`, which is killed on drop.
pub(crate) struct Server {
    process: Child,
    pub(crate) url: String,
}

impl Server {
    pub(crate) fn start() -> Result<Self> {
        let program = std::env::current_exe()?;
        let mut process = Command::new(program).arg("serve").stdout(Stdio::piped()).spawn()?;
        let output = process.stdout.take().ok_or_else(|| Error::other("no output"))?;
        let mut url = String::new();
        BufReader::new(output).read_line(&mut url)?;
        Ok(Self { process, url: url.trim().to_owned() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// Prints the URL of the server, once it listens.
pub(crate) fn announce(url: &str) -> Result<()> {
    println!("{url}");
    std::io::stdout().flush()
}
