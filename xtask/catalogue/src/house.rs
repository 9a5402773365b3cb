//! The house form of a document: fal's facts in our words, with keys in a fixed order.
//!
//! Names, types, bounds, defaults, values, order and limits are kept as they are. Prose is not: every
//! description comes from the phrase book in `schemas/words`, and a name without a phrase is an error.
//! What every document says alike, such as how a queue is polled, is left out. The form of a document
//! that is in house form already is the same document, so that a new phrase needs no new fetch.

mod document;
mod limits;
mod schema;
mod words;

pub(crate) use document::form;
pub(crate) use words::Words;

use serde_json::Value;

/// The text of a document.
pub(crate) fn print(document: &Value) -> String {
    format!("{document:#}\n")
}

#[cfg(test)]
pub(crate) mod tests;
