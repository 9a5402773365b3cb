//! Writes changes as text, for a terminal.

use super::{capitalized, compare::CrateDiff, summary};

pub(super) fn write(crates: &[CrateDiff], reference: &str) -> String {
    if crates.is_empty() {
        return format!("Nothing has changed for users since {reference}.\n");
    }
    let mut text = String::new();
    for item in crates {
        text.push_str(&format!("{}: {}\n", item.name, summary(item)));
        for change in &item.changes {
            let finding = &change.finding;
            text.push_str(&format!("  {:<8}  {}\n", finding.level.as_str(), capitalized(&finding.message)));
            if !finding.reason.is_empty() {
                text.push_str(&format!("            {}\n", finding.reason));
            }
            if !change.endpoints.is_empty() {
                text.push_str(&format!("            in {}\n", change.endpoints.join(", ")));
            }
        }
        for change in &item.oddities {
            text.push_str(&format!("  to check  {}\n", change.finding.message));
            text.push_str(&format!("            in {}\n", change.endpoints.join(", ")));
        }
        text.push('\n');
    }
    text
}
