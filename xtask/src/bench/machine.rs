//! What figures depend on besides the code.

use std::{
    fmt, fs,
    process::Command,
    time::{SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Machine {
    pub(super) cpu: String,
    pub(super) cores: usize,
    /// In GiB, where Linux says it.
    pub(super) memory: Option<u64>,
    pub(super) os: String,
    pub(super) rustc: String,
    /// Year, month and day, UTC.
    pub(super) date: String,
    /// How many processes wanted to run when this one began, over a minute, where Linux says it.
    pub(super) load: Option<f64>,
}

impl Machine {
    pub(super) fn now() -> Self {
        let read = |file: &str| fs::read_to_string(file).unwrap_or_default();
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let rustc = Command::new("rustc").arg("--version").output();
        let rustc = rustc.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
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
            rustc: rustc.unwrap_or_default(),
            date: date(seconds / 86_400),
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

/// What follows `name` and the separator, in the first line that begins with both.
fn value<'a>(text: &'a str, name: &str, separator: char) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (found, value) = line.split_once(separator)?;
        (found.trim() == name).then_some(value.trim())
    })
}

/// The date of a day counted from 1970 on.
fn date(mut days: u64) -> String {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + u64::from(is_leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    format!("{year}-{month:02}-{:02}", days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_dates() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (58, "1970-02-28"),
            (59, "1970-03-01"),
            (789, "1972-02-29"),
            (11_016, "2000-02-29"),
            (20_453, "2025-12-31"),
            (20_454, "2026-01-01"),
        ] {
            assert_eq!(date(days), expected);
        }
    }

    #[test]
    fn values_are_those_of_the_whole_name() {
        let text = "NAME=other\nPRETTY_NAME=\"Debian 13\"\nmodel name\t: Fast: 3 GHz\n";
        assert_eq!(value(text, "PRETTY_NAME", '='), Some("\"Debian 13\""));
        assert_eq!(value(text, "model name", ':'), Some("Fast: 3 GHz"));
        assert_eq!(value(text, "model", ':'), None);
    }

    #[test]
    fn a_machine_says_what_it_knows_and_nothing_else() {
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
