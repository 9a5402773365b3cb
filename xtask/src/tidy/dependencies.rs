//! Dependencies: each has a reason in ARCHITECTURE.md, a package that declares it, and code that names it.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::files::{Files, Problem, is_generated};

const ROOT: &str = "Cargo.toml";
const REASONS: &str = "ARCHITECTURE.md";

pub(super) fn check(files: &Files, problems: &mut Vec<Problem>) {
    let packages = packages(files);
    let declared: BTreeSet<&str> =
        packages.values().flat_map(dependencies).map(|(name, _)| name.as_str()).collect();
    let explained = explained(files.get(REASONS).unwrap_or_default());
    for (name, package) in &foreign(files) {
        if !explained.contains(package.as_str()) {
            let message =
                format!("has no line in the table of dependencies that says why `{package}` is needed");
            problems.push(Problem::in_file(REASONS, message));
        }
        if !declared.contains(name.as_str()) {
            problems.push(Problem::in_file(ROOT, format!("`{name}` is used by no package: remove it")));
        }
    }
    for (folder, manifest) in &packages {
        unnamed(files, folder, manifest, &packages, problems);
    }
}

/// Returns the dependencies of the workspace on packages of others: the name here, and the name in the registry.
fn foreign(files: &Files) -> Vec<(String, String)> {
    let root = files.get(ROOT).and_then(|text| text.parse::<Table>().ok()).unwrap_or_default();
    let known = root.get("workspace").and_then(|workspace| workspace.get("dependencies")?.as_table());
    let foreign = known.into_iter().flatten().filter(|(_, dependency)| dependency.get("path").is_none());
    foreign
        .map(|(name, dependency)| {
            let package = dependency.get("package").and_then(Value::as_str).unwrap_or(name);
            (name.clone(), package.to_owned())
        })
        .collect()
}

/// Returns the words of the first column of the table under `## Dependencies`.
fn explained(text: &str) -> BTreeSet<&str> {
    let section =
        text.split("\n## ").find(|section| section.starts_with("Dependencies\n")).unwrap_or_default();
    let first = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    first.flat_map(|cell| cell.split(|c: char| !(c.is_alphanumeric() || "-_".contains(c)))).collect()
}

/// Returns the manifests of the packages by folder.
fn packages(files: &Files) -> BTreeMap<&str, Table> {
    let manifests = files
        .iter()
        .filter_map(|(path, text)| Some((path.strip_suffix("/Cargo.toml")?, text.parse::<Table>().ok()?)));
    // Code of examples and templates is generated when they are built.
    manifests.filter(|(folder, _)| !folder.contains("/examples/") && !folder.contains("/template")).collect()
}

/// Returns the dependencies of a package, also those of single platforms.
fn dependencies(manifest: &Table) -> impl Iterator<Item = (&String, &Value)> {
    let platforms = manifest.get("target").and_then(Value::as_table).into_iter().flatten();
    let tables = std::iter::once(manifest).chain(platforms.filter_map(|(_, table)| table.as_table()));
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    tables.flat_map(move |table| kinds.into_iter().filter_map(|kind| table.get(kind)?.as_table())).flatten()
}

/// Reports the dependencies of a package that its sources never name.
fn unnamed(
    files: &Files,
    folder: &str,
    manifest: &Table,
    packages: &BTreeMap<&str, Table>,
    problems: &mut Vec<Problem>,
) {
    let inside = format!("{folder}/");
    let nested: Vec<String> =
        packages.keys().filter(|other| other.starts_with(&inside)).map(|other| format!("{other}/")).collect();
    let sources = files.0.range(inside.clone()..).take_while(|(path, _)| path.starts_with(&inside));
    let sources: Vec<&str> = sources
        .filter(|(path, _)| path.ends_with(".rs") && !nested.iter().any(|other| path.starts_with(other)))
        .map(|(_, text)| text.as_str())
        .collect();
    // The generator decides what generated crates depend on, alike for all.
    if sources.is_empty() || sources.iter().all(|text| is_generated(text)) {
        return;
    }
    for (name, _) in dependencies(manifest) {
        let ident = name.replace('-', "_");
        if !sources.iter().any(|text| names(text, &ident)) {
            let message = format!("`{name}` is named by no source file of this package: remove it");
            problems.push(Problem::in_file(&format!("{folder}/Cargo.toml"), message));
        }
    }
}

/// Returns true if `text` has `ident` as a whole word.
fn names(text: &str, ident: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(ident).any(|(start, _)| {
        !text[..start].ends_with(is_part) && !text[start + ident.len()..].starts_with(is_part)
    })
}
