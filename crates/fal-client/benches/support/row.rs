//! A measured figure, in the form in which every bench gives it.

#![allow(dead_code, reason = "some write rows, and others read them")]

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::stats::{median, rounded, spread};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Row {
    /// The bench, and what of it: `client: run, one after the other`.
    pub(crate) name: String,
    /// More of what ends with `/s` is better, less of everything else.
    pub(crate) unit: String,
    /// Medians of all rounds.
    pub(crate) ours: f64,
    /// What the same takes without this project's code.
    pub(crate) floor: Option<f64>,
    /// `ours` by `floor`: the median of the ratios of the rounds, in each of which both took their turn.
    pub(crate) ratio: Option<f64>,
    pub(crate) rounds: usize,
    /// The middle half of the ratios; of `ours` where there is no floor.
    pub(crate) spread: Option<[f64; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) target: Option<Target>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) peers: BTreeMap<String, f64>,
}

/// What a figure should be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) of: Of,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at_least: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) at_most: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Of {
    Ours,
    Ratio,
    /// `ours` less `floor`.
    Difference,
}

impl Row {
    /// Figures of rounds in which both took their turn.
    pub(crate) fn against(name: &str, unit: &str, ours: &[f64], floor: &[f64]) -> Self {
        let ratios: Vec<f64> = ours.iter().zip(floor).map(|(ours, floor)| ours / floor).collect();
        Self {
            floor: Some(rounded(median(floor))),
            ratio: Some(rounded(median(&ratios))),
            spread: (ratios.len() > 1).then(|| spread(&ratios)),
            ..Self::alone(name, unit, ours)
        }
    }

    /// Figures that nothing compares with.
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

    /// The figure that the target is about, where it was measured.
    pub(crate) fn aimed(&self) -> Option<f64> {
        match self.target?.of {
            Of::Ours => Some(self.ours),
            Of::Ratio => self.ratio,
            Of::Difference => self.floor.map(|floor| rounded(self.ours - floor)),
        }
    }

    /// Whether the target is reached, where there is one. What was not measured reaches none.
    pub(crate) fn reached(&self) -> Option<bool> {
        let target = self.target?;
        let figure = self.aimed().unwrap_or(f64::NAN);
        Some(
            target.at_least.is_none_or(|bound| figure >= bound)
                && target.at_most.is_none_or(|bound| figure <= bound),
        )
    }
}

/// What a bench prints last, and `cargo xtask bench` reads.
pub(crate) fn print(rows: &[Row]) {
    if let Ok(text) = serde_json::to_string(rows) {
        println!("{text}");
    }
}
