//! Writes entries for CHANGELOG.md under its usual headings.

use super::{
    compare::CrateDiff,
    finding::{Kind, Level},
    markdown::{endpoint_list, migrations},
};

pub(super) fn write(crates: &[CrateDiff]) -> String {
    let mut text = String::new();
    for heading in ["Added", "Changed", "Deprecated", "Removed"] {
        let mut entries = String::new();
        for item in crates {
            for change in
                item.changes.iter().filter(|change| heading_of(change.finding.kind) == Some(heading))
            {
                let finding = &change.finding;
                let breaking = if finding.level == Level::Breaking { "**Breaking:** " } else { "" };
                // A change of the crate itself names it.
                let message = match finding.message.strip_prefix("the crate ") {
                    Some(message) => message.to_owned(),
                    None => format!("`{}`: {}", item.name, finding.message),
                };
                entries.push_str(&format!("- {breaking}{message}{}.\n", endpoint_list(&change.endpoints)));
            }
        }
        if !entries.is_empty() {
            text.push_str(&format!("{}### {heading}\n\n{entries}", if text.is_empty() { "" } else { "\n" }));
        }
    }
    text.push_str(&migrations(crates, 3));
    text
}

/// Returns the heading of a kind of change. Changed descriptions are left out of the changelog.
fn heading_of(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::CrateAdded
        | Kind::EndpointAdded
        | Kind::StreamAdded
        | Kind::RealtimeAdded
        | Kind::Added
        | Kind::ValueAdded => Some("Added"),
        Kind::CrateRemoved
        | Kind::EndpointRemoved
        | Kind::StreamRemoved
        | Kind::RealtimeRemoved
        | Kind::Removed
        | Kind::ValueRemoved => Some("Removed"),
        Kind::Deprecated => Some("Deprecated"),
        Kind::BecameRequired
        | Kind::BecameOptional
        | Kind::NullAllowed
        | Kind::NullRefused
        | Kind::TypeChanged
        | Kind::Narrowed
        | Kind::Widened
        | Kind::DefaultChanged
        | Kind::Restored
        | Kind::NameChanged
        | Kind::DependencyChanged => Some("Changed"),
        Kind::Odd | Kind::NotComparable | Kind::DescriptionChanged => None,
    }
}
