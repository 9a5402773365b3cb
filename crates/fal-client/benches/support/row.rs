//! Measured figures, as every bench prints them.

#![allow(dead_code, reason = "benches write rows, and xtask reads them")]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::stats::{median, rounded, spread};

/// A measured figure, its comparison, and its target.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The name of the bench and of the figure, such as `client: run, one after the other`.
    pub(crate) name: String,
    /// The unit, which says whether a larger figure is better; see [`Row::larger_is_better`].
    pub(crate) unit: String,
    /// The median of all rounds.
    pub(crate) ours: f64,
    /// The median of the same work without this project's code.
    pub(crate) floor: Option<f64>,
    /// The median of the ratios of both in each round.
    pub(crate) ratio: Option<f64>,
    pub(crate) rounds: usize,
    /// The bounds of the middle half of the ratios; of `ours` without a floor.
    pub(crate) spread: Option<[f64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<Target>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) peers: BTreeMap<String, f64>,
}

/// The target of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) of: Of,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at_least: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at_most: Option<f64>,
}

/// The figure that a target limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Of {
    Ours,
    Ratio,
    /// `ours` minus `floor`.
    Difference,
}

impl Row {
    /// Creates a row from the figures of rounds that measured both.
    pub(crate) fn against(name: &str, unit: &str, ours: &[f64], floor: &[f64]) -> Self {
        let ratios: Vec<f64> = ours.iter().zip(floor).map(|(ours, floor)| ours / floor).collect();
        Self {
            floor: Some(rounded(median(floor))),
            ratio: Some(rounded(median(&ratios))),
            spread: (ratios.len() > 1).then(|| spread(&ratios)),
            ..Self::alone(name, unit, ours)
        }
    }

    /// Creates a row without a comparison.
    pub(crate) fn alone(name: &str, unit: &str, ours: &[f64]) -> Self {
        Self {
            name: name.to_owned(),
            unit: unit.to_owned(),
            ours: rounded(median(ours)),
            floor: None,
            ratio: None,
            rounds: ours.len(),
            spread: (ours.len() > 1).then(|| spread(ours)),
            target: None,
            peers: BTreeMap::new(),
        }
    }

    pub(crate) fn at_least(mut self, of: Of, bound: f64) -> Self {
        self.target = Some(Target { of, at_least: Some(bound), at_most: None });
        self
    }

    pub(crate) fn at_most(mut self, of: Of, bound: f64) -> Self {
        self.target = Some(Target { of, at_least: None, at_most: Some(bound) });
        self
    }

    pub(crate) fn peer(mut self, name: &str, figure: f64) -> Self {
        self.peers.insert(name.to_owned(), rounded(figure));
        self
    }

    /// Returns true if a larger figure is better than a smaller one.
    pub(crate) fn larger_is_better(&self) -> bool {
        self.unit.ends_with("/s") || ["documents", "times"].contains(&self.unit.as_str())
    }

    /// Returns the figure that the target limits, if it was measured.
    pub(crate) fn aimed(&self) -> Option<f64> {
        match self.target?.of {
            Of::Ours => Some(self.ours),
            Of::Ratio => self.ratio,
            Of::Difference => self.floor.map(|floor| rounded(self.ours - floor)),
        }
    }

    /// Returns true if the target is reached, `None` without a target. A figure that was not measured reaches no target.
    pub(crate) fn reached(&self) -> Option<bool> {
        let target = self.target?;
        let figure = self.aimed().unwrap_or(f64::NAN);
        Some(
            target.at_least.is_none_or(|bound| figure >= bound)
                && target.at_most.is_none_or(|bound| figure <= bound),
        )
    }
}

/// Prints the rows as JSON, which `cargo xtask bench` reads. A bench calls this last.
pub(crate) fn print(rows: &[Row]) {
    if let Ok(text) = serde_json::to_string(rows) {
        println!("{text}");
    }
}
