//! The machine that figures were measured on.

use std::{fmt, fs, process::Command};

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Machine {
    pub(super) cpu: String,
    pub(super) cores: usize,
    /// GiB. `None` except on Linux.
    pub(super) memory: Option<u64>,
    pub(super) os: String,
    pub(super) rustc: String,
    /// Year, month and day in UTC.
    pub(super) date: String,
    /// Load average of the last minute at the start. `None` except on Linux.
    pub(super) load: Option<f64>,
}

impl Machine {
    /// Describes this machine.
    pub(super) fn detect() -> Self {
        let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
        let output = |program: &str, arguments: &[&str]| {
            let output = Command::new(program).args(arguments).output();
            output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
        };
        let (release, kernel) = (read("/etc/os-release"), read("/proc/sys/kernel/osrelease"));
        let name = value(&release, "PRETTY_NAME", '=').unwrap_or(std::env::consts::OS);
        let kib = value(&read("/proc/meminfo"), "MemTotal", ':')
            .and_then(|text| text.trim_end_matches(" kB").parse::<u64>().ok());
        Self {
            cpu: value(&read("/proc/cpuinfo"), "model name", ':')
                .unwrap_or(std::env::consts::ARCH)
                .to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: kib.map(|kib| (kib + (1 << 19)) >> 20),
            os: format!("{} {}", name.trim_matches('"'), kernel.trim()).trim().to_owned(),
            rustc: output("rustc", &["--version"]),
            date: output("date", &["-u", "+%F"]),
            load: read("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok()),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, {} cores", self.date, self.cpu, self.cores)?;
        if let Some(memory) = self.memory {
            write!(f, ", {memory} GiB")?;
        }
        write!(f, ", {}, {}", self.os, self.rustc)?;
        self.load.map_or(Ok(()), |load| write!(f, ", load {load} at the start"))
    }
}

/// Returns the value of the first line `name`, separator, value.
fn value<'a>(text: &'a str, name: &str, separator: char) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(separator)?;
        (found.trim() == name).then_some(value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_whole_name() {
        let text = "NAME=other\nPRETTY_NAME=\"Debian 13\"\nmodel name\t: Fast: 3 GHz\n";
        assert_eq!(value(text, "PRETTY_NAME", '='), Some("\"Debian 13\""));
        assert_eq!(value(text, "model name", ':'), Some("Fast: 3 GHz"));
        assert_eq!(value(text, "model", ':'), None);
    }

    #[test]
    fn unknown_properties_of_a_machine_are_left_out() {
        let machine = Machine {
            cpu: "Fast".to_owned(),
            cores: 2,
            memory: None,
            os: "linux".to_owned(),
            rustc: "rustc 1".to_owned(),
            date: "2026-01-01".to_owned(),
            load: None,
        };
        assert_eq!(machine.to_string(), "2026-01-01: Fast, 2 cores, linux, rustc 1");
        let known = Machine { memory: Some(23), load: Some(0.5), ..machine };
        assert_eq!(
            known.to_string(),
            "2026-01-01: Fast, 2 cores, 23 GiB, linux, rustc 1, load 0.5 at the start"
        );
    }
}
