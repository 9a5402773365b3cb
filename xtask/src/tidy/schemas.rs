//! `schemas/`: the manifest, the lock and the documents agree and are sorted.

use std::collections::{BTreeMap, BTreeSet};

use fal_codegen::{Manifest, workspace::SCHEMAS};
use serde_json::Value;

use super::files::{Files, Problem};

/// The documents of fal's own services, which are no models.
const SERVICES: [&str; 3] = ["inference/queue", "inference/sync", "platform/openapi"];

pub(super) fn check(files: &Files, problems: &mut Vec<Problem>) {
    let (manifest_file, lock_file) = (format!("{SCHEMAS}/manifest.toml"), format!("{SCHEMAS}/lock.toml"));
    let text = files.get(&manifest_file).unwrap_or_default();
    let manifest = match Manifest::parse(&manifest_file, text) {
        Ok(manifest) => manifest,
        Err(error) => return problems.push(Problem::in_file(&manifest_file, error.to_string())),
    };
    ordered(&manifest_file, &headers(text), "crates", problems);
    for (name, family) in &manifest.crates {
        ordered(&manifest_file, &family.endpoints, &format!("the endpoints of {name}"), problems);
    }
    let ids: BTreeSet<&str> =
        manifest.crates.values().flat_map(|family| &family.endpoints).map(String::as_str).collect();
    let locked = headers(files.get(&lock_file).unwrap_or_default());
    ordered(&lock_file, &locked, "entries", problems);
    for id in locked.iter().filter(|id| !ids.contains(id.trim_matches('"'))) {
        problems.push(Problem::in_file(&lock_file, format!("{id} is not an endpoint of the manifest")));
    }
    let mut titles = BTreeMap::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".json")) {
        let Some(id) =
            path.strip_prefix(SCHEMAS).and_then(|path| path.strip_prefix('/')?.strip_suffix(".json"))
        else {
            continue;
        };
        let is_of_service = SERVICES.contains(&id);
        if !ids.contains(id) && !is_of_service {
            problems.push(Problem::in_file(
                path,
                format!("belongs to no crate: add it to {manifest_file}, or remove it"),
            ));
        }
        match serde_json::from_str::<Value>(text) {
            Ok(document) if is_of_service => operations(path, &document, problems),
            Ok(document) => unique_title(path, &document, &mut titles, problems),
            Err(error) => problems.push(Problem::in_file(path, error.to_string())),
        }
    }
}

/// Returns the table headers of a TOML file in their order.
fn headers(text: &str) -> Vec<String> {
    let header = |line: &str| line.strip_prefix('[')?.strip_suffix(']').map(str::to_owned);
    text.lines().filter_map(header).collect()
}

fn ordered(file: &str, names: &[String], what: &str, problems: &mut Vec<Problem>) {
    if let Some(pair) = names.windows(2).find(|pair| pair[0] >= pair[1]) {
        problems
            .push(Problem::in_file(file, format!("{what}: `{}` must stand before `{}`", pair[1], pair[0])));
    }
}

/// Checks that readers of a list can tell the endpoints with a description apart. One without keeps fal's name.
fn unique_title(
    path: &str,
    document: &Value,
    titles: &mut BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) {
    let metadata = &document["metadata"];
    let title = metadata["display_name"].as_str().filter(|_| metadata["description"].is_string());
    let Some(title) = title else { return };
    if let Some(other) = titles.insert(title.to_owned(), path.to_owned()) {
        problems.push(Problem::in_file(
            path,
            format!("has the name of {other}, `{title}`: give one of them another in {SCHEMAS}/descriptions"),
        ));
    }
}

/// Checks that each operation of a service has a description.
fn operations(path: &str, document: &Value, problems: &mut Vec<Problem>) {
    let paths = document.get("paths").and_then(Value::as_object);
    for (route, item) in paths.into_iter().flatten() {
        let operations = item.as_object().into_iter().flatten();
        for (method, operation) in operations.filter(|(_, operation)| operation.get("responses").is_some()) {
            if is_blank(operation.get("summary")) && is_blank(operation.get("description")) {
                problems.push(Problem::in_file(path, format!("`{method} {route}` has no description")));
            }
        }
    }
}

fn is_blank(text: Option<&Value>) -> bool {
    text.and_then(Value::as_str).is_none_or(|text| text.trim().is_empty())
}
