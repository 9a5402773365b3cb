//! The description beside a saved file.

use serde_json::{Value, json};

use super::name::NameFacts;
use crate::{MediaFile, ledger::usd_text};

/// Returns the description of a file as JSON text.
pub(super) fn describe(facts: &NameFacts<'_>, file: &MediaFile) -> String {
    let unsaved = facts.unsaved;
    let description = json!({
        "batch": unsaved.batch,
        "key": unsaved.key,
        "model": unsaved.endpoint,
        "request_id": unsaved.request_id,
        "field": file.field,
        "prompt": facts.input.get("prompt").unwrap_or(&Value::Null),
        "input": facts.input,
        "seed": facts.seed(),
        "cost_usd": unsaved.cost.map(usd_text),
        "billable_units": unsaved.units,
        "done_at": unsaved.done_at,
        "bytes": file.bytes,
        "content_type": file.content_type,
    });
    format!("{description:#}\n")
}
