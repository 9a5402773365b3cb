//! Every package: what it inherits, and what it needs to be published.

use toml::{Table, Value};

use super::files::{Files, Problem};

/// What every package takes from the workspace.
const INHERITED: [&str; 4] = ["version", "edition", "rust-version", "license"];

/// What crates show of a package that is published.
const SHOWN: [&str; 3] = ["documentation", "keywords", "categories"];

pub(super) fn check(files: &Files, problems: &mut Vec<Problem>) {
    for (path, text) in files.iter() {
        let Some(folder) = path.strip_suffix("/Cargo.toml") else { continue };
        // Examples and templates are workspaces of their own.
        if folder.contains("/examples/") || folder.contains("/template") {
            continue;
        }
        match text.parse::<Table>() {
            Ok(manifest) if manifest.contains_key("workspace") => {}
            Ok(manifest) => package(files, folder, path, &manifest, problems),
            Err(error) => problems.push(Problem::of(path, error.message())),
        }
    }
}

fn package(files: &Files, folder: &str, path: &str, manifest: &Table, problems: &mut Vec<Problem>) {
    let mut say = |message: String| problems.push(Problem::of(path, message));
    let Some(package) = manifest.get("package").and_then(Value::as_table) else {
        return say("has no `[package]`".to_owned());
    };
    for key in INHERITED.into_iter().filter(|key| !is_inherited(package.get(*key))) {
        say(format!("must have `{key}.workspace = true`: what all packages share is said once"));
    }
    if !manifest.get("lints").is_some_and(|lints| is_inherited(Some(lints))) {
        say("must have `[lints]` with `workspace = true`".to_owned());
    }
    if package.get("description").and_then(Value::as_str).is_none_or(str::is_empty) {
        say("must have a `description`".to_owned());
    }
    for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let dependencies = manifest.get(kind).and_then(Value::as_table).into_iter().flatten();
        // A path alone has no version to keep in step.
        let is_path = |value: &Value| value.get("path").is_some() && value.get("version").is_none();
        let loose = dependencies.filter(|(_, value)| !is_inherited(Some(*value)) && !is_path(value));
        for (name, _) in loose {
            say(format!("`{name}`: versions live in the root Cargo.toml; write `{name}.workspace = true`"));
        }
    }
    if package.get("publish").and_then(Value::as_bool) == Some(false) {
        return;
    }
    for key in SHOWN.into_iter().filter(|key| !package.contains_key(*key)) {
        say(format!("is published, so it must have `{key}`, or `publish = false`"));
    }
    if !package.contains_key("include") {
        say("is published, so `include` must say what a package holds".to_owned());
    }
    if !files.has(&format!("{folder}/README.md")) {
        say("is published, so a README.md must stand beside it".to_owned());
    }
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        if files.get(&format!("{folder}/{licence}")) != files.get(licence) {
            say(format!("is published, so {licence} must stand beside it, as at the root"));
        }
    }
}

fn is_inherited(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")) == Some(&Value::Boolean(true))
}
