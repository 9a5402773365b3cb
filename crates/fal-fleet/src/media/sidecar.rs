//! The description beside a saved file.

use serde_json::{Value, json};

use super::name::NameFacts;
use crate::{MediaFile, ledger::usd_text};

/// Returns the description of a file as JSON text.
pub(super) fn describe(facts: &NameFacts<'_>, file: &MediaFile) -> String {
    let collected = &facts.unsaved.collected;
    let description = json!({
        "batch": collected.batch,
        "key": collected.key,
        "model": collected.endpoint,
        "request_id": collected.request_id,
        "field": file.field,
        "prompt": facts.input.get("prompt").unwrap_or(&Value::Null),
        "input": facts.input,
        "seed": facts.seed(),
        "cost_usd": collected.cost.map(usd_text),
        "billable_units": collected.units,
        "done_at": facts.unsaved.done_at,
        "bytes": file.bytes,
        "content_type": file.content_type,
    });
    format!("{description:#}\n")
}
