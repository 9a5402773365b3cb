//! The canonical form of a document: fal's facts, this project's descriptions, and keys in a fixed order.
//!
//! Names, types, bounds, defaults, values, order and limits are kept unchanged. Prose is dropped: every description
//! comes from `schemas/descriptions`, and a property without one is documented by its facts. Parts that are alike in every document,
//! such as the paths of the queue, are dropped too. A document in canonical form is its own canonical form, so a
//! changed description needs no new fetch.

mod descriptions;
mod document;
mod findings;
mod limits;
mod prose;
mod rules;
mod schema;
mod undecided;

pub(crate) use descriptions::Descriptions;
pub(crate) use document::{canonicalize, canonicalize_update};
pub(crate) use findings::{Findings, Missing, Subject};
pub(crate) use prose::{Prose, single_line};

use serde_json::Value;

/// Returns the text of a document as it is stored in `schemas/`.
pub(crate) fn to_text(document: &Value) -> String {
    format!("{document:#}\n")
}

#[cfg(test)]
pub(crate) mod tests;
