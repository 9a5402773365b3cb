//! The order of uploads.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};

use super::limits::{Limit, Limits};

/// A crate that is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// The crates of this workspace that have to be uploaded before.
    pub(super) needs: Vec<String>,
}

/// The result of an upload.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Uploaded,
    /// An earlier upload whose answer was lost, or another person, was first.
    AlreadyThere,
    /// The registry takes no upload before that time, if it names one.
    Limited(Option<SystemTime>),
}

/// The reason why an upload failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) message: String,
    /// `true` if the same upload may succeed later.
    pub(super) may_pass: bool,
}

/// The uploads that are left, each after those that it needs.
#[derive(Debug)]
pub(super) struct Schedule {
    left: Vec<(Package, Limit)>,
    /// The number of crates whose version is there.
    there: usize,
}

/// The versions of crates that the registry has. A crate that it does not know is absent.
pub(super) type Known = BTreeMap<String, BTreeSet<String>>;

impl Schedule {
    /// Creates the schedule of the packages whose version is not `known`.
    pub(super) fn new(packages: Vec<Package>, known: &Known) -> Result<Self, String> {
        let total = packages.len();
        let (mut rest, mut left) = (packages, Vec::new());
        rest.retain(|package| {
            known.get(&package.name).is_none_or(|versions| !versions.contains(&package.version))
        });
        let there = total - rest.len();
        while !rest.is_empty() {
            let names: BTreeSet<String> = rest.iter().map(|package| package.name.clone()).collect();
            let (ready, blocked): (Vec<Package>, Vec<Package>) =
                rest.into_iter().partition(|package| !package.needs.iter().any(|name| names.contains(name)));
            if ready.is_empty() {
                let names: Vec<&str> = blocked.iter().map(|package| package.name.as_str()).collect();
                return Err(format!(
                    "these crates need one another, so none can be first: {}",
                    names.join(", ")
                ));
            }
            left.extend(ready.into_iter().map(|package| {
                let limit =
                    if known.contains_key(&package.name) { Limit::NewVersion } else { Limit::NewCrate };
                (package, limit)
            }));
            rest = blocked;
        }
        Ok(Self { left, there })
    }

    pub(super) fn is_done(&self) -> bool {
        self.left.is_empty()
    }

    /// Returns the next upload: the first one that is allowed now, or else the one that is allowed first.
    pub(super) fn next(&self, limits: &Limits, now: SystemTime) -> Option<(&Package, Limit)> {
        let is_ready = |package: &Package| {
            !package.needs.iter().any(|name| self.left.iter().any(|(other, _)| other.name == *name))
        };
        let ready = self.left.iter().filter(|(package, _)| is_ready(package));
        let next = ready.min_by_key(|(_, limit)| limits.pause(*limit, now).unwrap_or_default())?;
        Some((&next.0, next.1))
    }

    /// Removes a package that is there now.
    pub(super) fn note(&mut self, name: &str, outcome: &Outcome) {
        if !matches!(outcome, Outcome::Limited(_)) {
            self.left.retain(|(package, _)| package.name != name);
            self.there += 1;
        }
    }

    fn count(&self, limit: Limit) -> usize {
        self.left.iter().filter(|(_, other)| *other == limit).count()
    }

    /// Returns the time that the limits of the registry take.
    pub(super) fn time(&self) -> Duration {
        // Both limits count at the same time.
        [Limit::NewCrate, Limit::NewVersion]
            .map(|limit| limit.time_of(self.count(limit)))
            .into_iter()
            .max()
            .unwrap_or_default()
    }

    pub(super) fn describe(&self) -> String {
        let mut text = String::new();
        for (package, limit) in &self.left {
            let kind = if *limit == Limit::NewCrate { "new crate" } else { "new version" };
            text.push_str(&format!("  {} {} ({kind})\n", package.name, package.version));
        }
        text.push_str(&format!(
            "{} crates are there already, {} are left to upload",
            self.there,
            self.left.len()
        ));
        match self.time() {
            time if time.is_zero() => text.push('\n'),
            time => {
                text.push_str(&format!(", which the limits of the registry stretch to {}\n", rounded(time)))
            }
        }
        text
    }

    pub(super) fn describe_pause(&self, limit: Limit, pause: Duration) -> String {
        let (_, step) = limit.figures();
        let count = self.count(limit);
        let rest = pause + step * u32::try_from(count.saturating_sub(1)).unwrap_or(u32::MAX);
        format!(
            "waiting {} for the limit of {}: {count} are left, about {}",
            rounded(pause),
            limit.as_str(),
            rounded(rest)
        )
    }
}

/// Returns a duration in the units that a person reads it in.
fn rounded(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..=90 => format!("{seconds} s"),
        seconds if seconds < 5400 => format!("{} min", seconds.div_ceil(60)),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Reads the result of an upload from the messages of cargo.
pub(super) fn read_outcome(is_success: bool, messages: &str) -> Result<Outcome, Failure> {
    let lower = messages.to_lowercase();
    let has = |text: &str| lower.contains(text);
    if is_success {
        return Ok(Outcome::Uploaded);
    }
    if has("already exists on") || has("is already uploaded") {
        return Ok(Outcome::AlreadyThere);
    }
    if has("status 429") || has("too many requests") {
        return Ok(Outcome::Limited(read_time(messages)));
    }
    // A crate that was uploaded a moment ago may not be in the index yet.
    let passing = [
        "status 5",
        "timed out",
        "timeout",
        "failed to send",
        "connect",
        "dns",
        "spurious",
        "no matching package",
        "failed to select a version",
    ];
    let may_pass = passing.iter().any(|sign| has(sign));
    Err(Failure { message: messages.trim().to_owned(), may_pass })
}

/// Reads the time after which another upload is allowed: `Please try again after Tue, 20 Feb 2024 12:00:00 GMT and ..`.
fn read_time(messages: &str) -> Option<SystemTime> {
    let (_, rest) = messages.split_once("try again after ")?;
    let end = rest.find("GMT")? + "GMT".len();
    // Cargo breaks long lines.
    let date = rest[..end].split_whitespace().collect::<Vec<_>>().join(" ");
    httpdate::parse_http_date(&date).ok()
}
