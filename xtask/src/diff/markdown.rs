//! Writes changes as Markdown, for a pull request.

use super::{
    capitalized,
    compare::{Change, CrateDiff},
    finding::Level,
    migration::{After, Migration},
    summary,
};

/// Largest number of endpoints that are listed by name.
const MAX_NAMED: usize = 8;

pub(super) fn write(crates: &[CrateDiff], reference: &str) -> String {
    if crates.is_empty() {
        return format!("Nothing has changed for users since `{reference}`.\n");
    }
    let (new, changed): (Vec<&CrateDiff>, Vec<&CrateDiff>) =
        crates.iter().partition(|item| item.version.is_none());
    let mut text = format!("## Changes for users since `{reference}`\n");
    if !changed.is_empty() {
        text.push_str("\n| crate | version | changes |\n|---|---|---|\n");
    }
    for item in &changed {
        let count = |level: Level| item.changes.iter().filter(|change| change.finding.level == level).count();
        let counts: Vec<String> = [Level::Breaking, Level::Minor, Level::Patch]
            .into_iter()
            .filter_map(|level| match count(level) {
                0 => None,
                count => Some(format!("{count} {}", level.as_str())),
            })
            .collect();
        text.push_str(&format!("| `{}` | {} | {} |\n", item.name, summary(item), counts.join(", ")));
    }
    for item in changed {
        text.push_str(&format!("\n### `{}`\n\n", item.name));
        item.changes.iter().for_each(|change| text.push_str(&line(change)));
    }
    if !new.is_empty() {
        text.push_str("\n### New crates\n\n");
    }
    for item in new {
        item.changes.iter().for_each(|change| text.push_str(&line(change)));
    }
    text.push_str(&migrations(crates, 2));
    text.push_str(&oddities(crates));
    text
}

/// Writes a section about the documents that contradict themselves, which is for maintainers.
fn oddities(crates: &[CrateDiff]) -> String {
    let changes = crates.iter().flat_map(|item| &item.oddities);
    let items: String = changes
        .map(|change| format!("- {}{}\n", change.finding.message, endpoint_list(&change.endpoints)))
        .collect();
    if items.is_empty() {
        return items;
    }
    format!(
        "\n## Documents to check against fal\n\nThese contradict themselves, and the code follows them as far as it can.\n\n{items}"
    )
}

fn line(change: &Change) -> String {
    let finding = &change.finding;
    let level = match finding.level {
        Level::Breaking => "**breaking**",
        level => level.as_str(),
    };
    let reason = if finding.reason.is_empty() { String::new() } else { format!(" {}", finding.reason) };
    let message = capitalized(&finding.message);
    let stop = if message.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("- {level}: {message}{stop}{reason}{}\n", endpoint_list(&change.endpoints))
}

/// Returns the endpoints of a change in brackets, as the end of a line.
pub(super) fn endpoint_list(endpoints: &[String]) -> String {
    let named: Vec<String> = endpoints.iter().take(MAX_NAMED).map(|id| format!("`{id}`")).collect();
    match endpoints.len() {
        0 => String::new(),
        count if count > MAX_NAMED => format!(" ({}, and {} more)", named.join(", "), count - MAX_NAMED),
        _ => format!(" ({})", named.join(", ")),
    }
}

/// Largest number of values that are listed beside the first one.
const MAX_VALUES: usize = 5;

/// Returns the values that may be written in place of the first one, as the end of a sentence.
fn alternatives(others: &[String]) -> String {
    let listed: Vec<String> = others.iter().take(MAX_VALUES).map(|value| format!("`{value}`")).collect();
    match others.len() {
        0 => String::new(),
        1 => format!(", or {}", listed[0]),
        count if count > MAX_VALUES => {
            format!(", or one of {} and {} more", listed.join(", "), count - MAX_VALUES)
        }
        _ => format!(", or one of {}", listed.join(", ")),
    }
}

/// Writes a section with a table for each crate, or nothing if there is no migration.
pub(super) fn migrations(crates: &[CrateDiff], level: usize) -> String {
    let heading = "#".repeat(level);
    let mut text = String::new();
    for item in crates.iter().filter(|item| !item.migrations.is_empty()) {
        if text.is_empty() {
            text.push_str(&format!("\n{heading} Migrating\n"));
        }
        let version = item.next.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
        text.push_str(&format!("\n{heading}# `{}`{version}\n\n| before | after |\n|---|---|\n", item.name));
        for Migration { before, after } in &item.migrations {
            let after = match after {
                After::Nothing => "was removed".to_owned(),
                After::Type(ty) => format!("has the type `{ty}`"),
                After::Renamed(name) => {
                    format!("perhaps `{name}`, the only new name of its type")
                }
                After::Newer(name) => format!("`{name}` has the newer version"),
                After::Required(assignment, others) => {
                    format!("is required: add {assignment}{}", alternatives(others))
                }
                After::Narrower(change) => change.clone(),
                After::Number(new, old) => format!("write `{new}`, was `{old}`"),
            };
            text.push_str(&format!("| `{before}` | {after} |\n"));
        }
    }
    text
}
