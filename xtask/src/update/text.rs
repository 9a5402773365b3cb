//! The text of the pull request.

use std::collections::{BTreeMap, BTreeSet};

use super::Report;

/// Largest number of names without a description that are listed.
const MAX_NAMES: usize = 20;

/// Largest number of endpoints with changed texts that are listed. GitHub refuses a text of more than 65,536 characters.
const MAX_ENDPOINTS: usize = 100;

/// Writes the text. `changes` are those for users since the commit `since`, as Markdown.
pub(super) fn write(changes: &str, report: &Report, since: &str) -> String {
    let mut text = changes.to_owned();
    let mut section = |title: &str, explanation: &str, items: Vec<String>| {
        if !items.is_empty() {
            let items: String = items.iter().map(|item| format!("- {item}\n")).collect();
            text.push_str(&format!("\n## {title}\n\n{explanation}\n\n{items}"));
        }
    };
    section(
        "Not updated",
        "These documents are as they were, because the new ones could not be taken.",
        report.problems.iter().map(|problem| code_block(problem)).collect(),
    );
    section(
        "Gone",
        "fal no longer has these endpoints, or has retired them. `cargo xtask remove ID..` removes some of them.",
        report.gone.iter().map(|(id, reason)| format!("`{id}`: {reason}")).collect(),
    );
    section(
        "Undecided",
        "These facts were not taken, until somebody decides about them.",
        report.notes.iter().collect::<BTreeSet<_>>().into_iter().map(|note| code_block(note)).collect(),
    );
    section(
        "Texts of fal that changed",
        &format!(
            "fal's texts about these have changed or are new. The documents here have descriptions of their own, \
             which may no longer be right. `cargo xtask words --changed --since {since}` lists fal's text about each, \
             with the description here below it."
        ),
        rephrased(&report.rephrased),
    );
    let total: usize = report.missing.values().sum();
    section(
        "Descriptions to write",
        &format!(
            "{total} descriptions of {} names are missing. `cargo xtask words --missing` lists them with the text of \
             fal, and `cargo xtask words --draft` writes files to fill in. Then run `cargo xtask fetch --reword --all`, \
             with `--force` for documents that were written or edited by hand too, and `cargo xtask regen`.",
            report.missing.len()
        ),
        names(&report.missing),
    );
    section(
        "Large crates",
        "Programs wait too long for such a crate. Give versions of the model crates of their own, by tables in \
         `schemas/manifest.toml` whose `app` is longer, such as `owner/app/v2`.",
        report.large.iter().map(|(name, lines)| format!("`{name}`: {lines} lines")).collect(),
    );
    let unknown: usize = report.unknown.values().sum();
    let categories = report.unknown.iter().map(|(category, count)| format!("{category}: {count}"));
    section(
        "Not in the catalogue",
        &format!(
            "fal has {unknown} more endpoints. `cargo xtask new` lists them, and `cargo xtask add ID..` adds some."
        ),
        categories.collect(),
    );
    section(
        "New, without a document",
        "fal lists these endpoints and serves no document of them, so there is nothing to generate a crate from. The \
         next run asks again.",
        report.undocumented.iter().map(|(id, message)| format!("`{id}`: {message}")).collect(),
    );
    text
}

/// Returns the endpoints with the subjects of their changed texts, and the number of further endpoints.
fn rephrased(subjects: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let rest = subjects.len().saturating_sub(MAX_ENDPOINTS);
    let listed = subjects.iter().take(MAX_ENDPOINTS);
    let listed = listed.map(|(id, subjects)| format!("`{id}`: {}", subjects.join(", ")));
    listed.chain((rest > 0).then(|| format!("{rest} more endpoints"))).collect()
}

/// Returns the most frequent names, and the number of the others.
fn names(missing: &BTreeMap<String, usize>) -> Vec<String> {
    let mut names: Vec<_> = missing.iter().collect();
    names.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let rest = names.len().saturating_sub(MAX_NAMES);
    let listed = names.into_iter().take(MAX_NAMES).map(|(name, count)| format!("{name}: {count}"));
    listed.chain((rest > 0).then(|| format!("{rest} more names"))).collect()
}

/// Returns a message as a list item, with the lines after the first as a block of code.
fn code_block(message: &str) -> String {
    let lines: Vec<&str> = message.lines().map(str::trim_end).collect();
    match lines.as_slice() {
        [line] => (*line).to_owned(),
        // The first line says which document it is. A bullet without text would be shown as an empty one.
        [first, rest @ ..] => format!("{first}\n\n  ```text\n  {}\n  ```", rest.join("\n  ")),
        [] => String::new(),
    }
}
