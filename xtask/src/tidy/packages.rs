//! Manifests of packages: the keys that each inherits, and those that publishing needs.

use toml::{Table, Value};

use super::files::{Files, Problem};

/// The folder of the packages that have a version of their own.
const VERSIONED: &str = "crates/models/";

/// Keys that every package inherits from the workspace.
const INHERITED: [&str; 4] = ["version", "edition", "rust-version", "license"];

/// Keys that the page of a published crate shows.
const SHOWN: [&str; 3] = ["documentation", "keywords", "categories"];

pub(super) fn check(files: &Files, problems: &mut Vec<Problem>) {
    for (path, text) in files.iter() {
        let Some(folder) = path.strip_suffix("Cargo.toml").map(|folder| folder.trim_end_matches('/')) else {
            continue;
        };
        // Examples and templates are separate workspaces.
        if folder.contains("/examples/") || folder.contains("/template") {
            continue;
        }
        match text.parse::<Table>() {
            Ok(manifest) if manifest.contains_key("workspace") => badges(files, folder, &manifest, problems),
            Ok(manifest) => package(files, folder, path, &manifest, problems),
            Err(error) => problems.push(Problem::in_file(path, error.message())),
        }
    }
}

/// Checks that the badges of a README agree with the keys of the workspace.
fn badges(files: &Files, folder: &str, manifest: &Table, problems: &mut Vec<Problem>) {
    let readme = if folder.is_empty() { "README.md".to_owned() } else { format!("{folder}/README.md") };
    let workspace = manifest.get("workspace");
    let key = |key: &str| workspace.and_then(|workspace| workspace.get("package")?.get(key)?.as_str());
    let lint =
        workspace.and_then(|workspace| workspace.get("lints")?.get("rust")?.get("unsafe_code")?.as_str());
    let rust = key("rust-version").map(|version| format!("{version}+"));
    let license = key("license").map(|license| license.replace(" OR ", "_or_").replace('-', "--"));
    let badges = files.get(&readme).unwrap_or_default().split("img.shields.io/badge/").skip(1);
    for badge in badges.filter_map(|rest| rest.split(')').next()) {
        let is_true = match badge.split_once('-') {
            Some(("license", value)) => {
                license.as_ref().is_some_and(|license| value.starts_with(license.as_str()))
            }
            Some(("rust", value)) => rust.as_ref().is_some_and(|rust| value.starts_with(rust.as_str())),
            Some(("unsafe", value)) => value.starts_with("forbidden") && lint == Some("forbid"),
            _ => false,
        };
        if !is_true {
            problems.push(Problem::in_file(
                &readme,
                format!("the badge `{badge}` does not agree with Cargo.toml"),
            ));
        }
    }
}

fn package(files: &Files, folder: &str, path: &str, manifest: &Table, problems: &mut Vec<Problem>) {
    let mut report = |message: String| problems.push(Problem::in_file(path, message));
    let Some(package) = manifest.get("package").and_then(Value::as_table) else {
        return report("has no `[package]`".to_owned());
    };
    let is_own = |key: &str| key == "version" && folder.starts_with(VERSIONED) && package.contains_key(key);
    for key in INHERITED.into_iter().filter(|key| !is_inherited(package.get(*key)) && !is_own(key)) {
        report(format!("must have `{key}.workspace = true`, so that all packages agree"));
    }
    if !manifest.get("lints").is_some_and(|lints| is_inherited(Some(lints))) {
        report("must have `[lints]` with `workspace = true`".to_owned());
    }
    if package.get("description").and_then(Value::as_str).is_none_or(str::is_empty) {
        report("must have a `description`".to_owned());
    }
    for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let dependencies = manifest.get(kind).and_then(Value::as_table).into_iter().flatten();
        // A path without a version cannot disagree.
        let is_path = |value: &Value| value.get("path").is_some() && value.get("version").is_none();
        let loose = dependencies.filter(|(_, value)| !is_inherited(Some(*value)) && !is_path(value));
        for (name, _) in loose {
            report(format!(
                "`{name}`: versions live in the root Cargo.toml; write `{name}.workspace = true`"
            ));
        }
    }
    if package.get("publish").and_then(Value::as_bool) == Some(false) {
        return;
    }
    for key in SHOWN.into_iter().filter(|key| !package.contains_key(*key)) {
        report(format!("is published, so it must have `{key}`, or `publish = false`"));
    }
    if !package.contains_key("include") {
        report("is published, so `include` must list the files of the package".to_owned());
    }
    if !files.has(&format!("{folder}/README.md")) {
        report("is published, so a README.md must stand beside it".to_owned());
    }
    for licence in ["LICENSE-APACHE", "LICENSE-MIT"] {
        if files.get(&format!("{folder}/{licence}")) != files.get(licence) {
            report(format!("is published, so {licence} must stand beside it, as at the root"));
        }
    }
}

fn is_inherited(value: Option<&Value>) -> bool {
    value.and_then(|value| value.get("workspace")) == Some(&Value::Boolean(true))
}
