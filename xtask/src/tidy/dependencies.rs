//! Every dependency: its reason in ARCHITECTURE.md, and a package that uses it.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::files::{Files, Problem};

const ROOT: &str = "Cargo.toml";
const REASONS: &str = "ARCHITECTURE.md";

pub(super) fn check(files: &Files, problems: &mut Vec<Problem>) {
    let root = files.get(ROOT).and_then(|text| text.parse::<Table>().ok()).unwrap_or_default();
    let known = root.get("workspace").and_then(|workspace| workspace.get("dependencies")?.as_table());
    let foreign: Vec<(&str, &str)> = known
        .into_iter()
        .flatten()
        .filter(|(_, dependency)| dependency.get("path").is_none())
        .map(|(name, dependency)| {
            (name.as_str(), dependency.get("package").and_then(Value::as_str).unwrap_or(name))
        })
        .collect();
    let reasons = files.get(REASONS).unwrap_or_default();
    let explained = explained(reasons);
    let used = used(files);
    for (name, package) in &foreign {
        if !explained.contains(*package) {
            let message =
                format!("has no line in the table of dependencies that says why `{package}` is needed");
            problems.push(Problem::of(REASONS, message));
        }
        if !used.contains(*name) {
            problems.push(Problem::of(ROOT, format!("`{name}` is used by no package: take it out")));
        }
    }
}

/// The words of the first column of the table under `## Dependencies`.
fn explained(text: &str) -> BTreeSet<&str> {
    let section =
        text.split("\n## ").find(|section| section.starts_with("Dependencies\n")).unwrap_or_default();
    let first = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    first.flat_map(|cell| cell.split(|c: char| !(c.is_alphanumeric() || "-_".contains(c)))).collect()
}

/// What packages name.
fn used(files: &Files) -> BTreeSet<String> {
    let manifests = files.iter().filter(|(path, _)| path.ends_with("/Cargo.toml"));
    let manifests = manifests.filter_map(|(_, text)| text.parse::<Table>().ok());
    let mut names = BTreeSet::new();
    for manifest in manifests {
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            names.extend(
                manifest
                    .get(kind)
                    .and_then(Value::as_table)
                    .into_iter()
                    .flatten()
                    .map(|(name, _)| name.clone()),
            );
        }
    }
    names
}
