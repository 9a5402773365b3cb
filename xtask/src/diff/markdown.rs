//! For a pull request.

use super::{
    compare::{Change, CrateDiff},
    finding::Level,
    sentence, verdict,
};

/// So many endpoints are named; a longer list is counted.
const NAMED: usize = 8;

pub(super) fn write(crates: &[CrateDiff], reference: &str) -> String {
    if crates.is_empty() {
        return format!("Nothing has changed for users since `{reference}`.\n");
    }
    let mut text = format!(
        "## What changed for users since `{reference}`\n\n| crate | version | why |\n|---|---|---|\n"
    );
    for item in crates {
        let count = |level: Level| item.changes.iter().filter(|change| change.finding.level == level).count();
        let why: Vec<String> = [Level::Breaking, Level::Minor, Level::Patch]
            .into_iter()
            .filter_map(|level| match count(level) {
                0 => None,
                count => Some(format!("{count} {}", level.as_str())),
            })
            .collect();
        text.push_str(&format!("| `{}` | {} | {} |\n", item.name, verdict(item), why.join(", ")));
    }
    for item in crates {
        text.push_str(&format!("\n### `{}`\n\n", item.name));
        item.changes.iter().for_each(|change| text.push_str(&line(change)));
    }
    if let Some(next) = crates.iter().filter_map(|item| item.next.as_ref()).max() {
        text.push_str(&format!("\nThe version that all crates share must be {next} or higher.\n"));
    }
    text
}

fn line(change: &Change) -> String {
    let finding = &change.finding;
    let level = match finding.level {
        Level::Breaking => "**breaking**",
        level => level.as_str(),
    };
    let why = if finding.why.is_empty() { String::new() } else { format!(" {}", finding.why) };
    let what = sentence(&finding.what);
    let stop = if what.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("- {level}: {what}{stop}{why}{}\n", place(&change.endpoints))
}

/// The endpoints, as the end of a line.
pub(super) fn place(endpoints: &[String]) -> String {
    let named: Vec<String> = endpoints.iter().take(NAMED).map(|id| format!("`{id}`")).collect();
    match endpoints.len() {
        0 => String::new(),
        count if count > NAMED => format!(" ({}, and {} more)", named.join(", "), count - NAMED),
        _ => format!(" ({})", named.join(", ")),
    }
}
