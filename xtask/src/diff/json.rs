//! Writes changes as JSON, for programs.

use serde_json::{Value, json};

use super::compare::{Change, CrateDiff};

pub(super) fn write(crates: &[CrateDiff], reference: &str) -> String {
    let crates: Vec<Value> = crates.iter().map(crate_json).collect();
    format!("{:#}\n", json!({ "since": reference, "crates": crates }))
}

fn crate_json(item: &CrateDiff) -> Value {
    json!({
        "name": item.name,
        "app": item.app,
        "bump": item.level.as_str(),
        "version": item.version.as_ref().map(ToString::to_string),
        "next": item.next.as_ref().map(ToString::to_string),
        "oddities": item.oddities.iter().map(change_json).collect::<Vec<_>>(),
        "changes": item.changes.iter().map(change_json).collect::<Vec<_>>(),
    })
}

fn change_json(Change { finding, endpoints }: &Change) -> Value {
    json!({
        "level": finding.level.as_str(),
        "kind": finding.kind.as_str(),
        "part": finding.part.as_str(),
        "path": finding.path,
        "message": finding.message,
        "reason": finding.reason,
        "from": finding.from,
        "to": finding.to,
        "endpoints": endpoints,
    })
}
