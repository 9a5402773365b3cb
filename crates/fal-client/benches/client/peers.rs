//! Other clients with the same server. Each is driven by a program that prints its figures.

use std::process::{Command, Stdio};

use crate::{Extent, row::Row};

/// A client and the program that drives it.
pub(crate) struct Peer {
    name: String,
    program: String,
    script: String,
}

/// Removes every `--peer NAME PROGRAM SCRIPT` from the arguments, and returns the peers.
pub(crate) fn take(arguments: &mut Vec<String>) -> Vec<Peer> {
    let mut peers = Vec::new();
    while let Some(at) = arguments.iter().position(|argument| argument == "--peer") {
        let mut words = arguments.drain(at..at + 4).skip(1);
        let mut word = || words.next().unwrap();
        peers.push(Peer { name: word(), program: word(), script: word() });
    }
    peers
}

impl Peer {
    /// Runs the program, and adds its figures to the rows of the same name.
    pub(crate) fn measure(&self, url: &str, extent: Extent, rows: &mut [Row]) {
        let output = Command::new(&self.program)
            .arg(&self.script)
            .arg(url)
            .arg(extent.select("1", "0.1"))
            .env("FAL_KEY", "id:secret")
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        if !output.status.success() {
            eprintln!("left out: {} failed ({})", self.name, output.status);
            return;
        }
        let figures: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&output.stdout).unwrap();
        for (name, figure) in figures {
            let row = rows.iter_mut().find(|row| row.name == name);
            if let Some(row) = row {
                *row = row.clone().peer(&self.name, figure.as_f64().unwrap());
            }
        }
    }
}
