//! The packages of the workspace that are published, and their order.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// A package that is published.
#[derive(Debug, Clone)]
pub(super) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    /// Where packages are put.
    pub(super) target: PathBuf,
    metadata: Value,
    /// Packages that it names with a version, also for its tests: all must be there before it.
    dependencies: BTreeSet<String>,
}

/// What the page of a crate is made of.
const SHOWN: [&str; 5] = ["description", "license", "documentation", "readme", "rust_version"];

impl Package {
    pub(super) fn new(package: &Value, target: &Path) -> Option<Self> {
        // `publish = false` is an empty list of registries.
        if package["publish"].as_array().is_some_and(Vec::is_empty) {
            return None;
        }
        let dependencies = package["dependencies"].as_array().into_iter().flatten();
        let dependencies = dependencies.filter(|dependency| dependency["req"] != "*");
        Some(Self {
            name: package["name"].as_str()?.to_owned(),
            version: package["version"].as_str()?.to_owned(),
            target: target.to_owned(),
            metadata: package.clone(),
            dependencies: dependencies
                .filter_map(|dependency| Some(dependency["name"].as_str()?.to_owned()))
                .collect(),
        })
    }

    /// Its folder, once unpacked.
    pub(super) fn folder(&self) -> String {
        format!("{}-{}", self.name, self.version)
    }

    /// Where cargo puts the package.
    pub(super) fn file(&self) -> PathBuf {
        self.target.join(format!("{}.crate", self.folder()))
    }

    /// What its manifest does not say.
    pub(super) fn missing(&self) -> Vec<String> {
        let says = |key: &str| self.metadata[key].as_str().is_some_and(|text| !text.is_empty());
        let lists = |key: &str| self.metadata[key].as_array().is_some_and(|list| !list.is_empty());
        let missing = SHOWN.into_iter().filter(|key| !says(key));
        let missing = missing.chain(["keywords", "categories"].into_iter().filter(|key| !lists(key)));
        missing.map(|key| format!("{}: Cargo.toml has no `{}`", self.name, key.replace('_', "-"))).collect()
    }
}

/// The packages of the workspace that are published.
pub(super) fn read(root: &Path) -> Result<Vec<Package>, String> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--no-deps", "--format-version", "1"]).current_dir(root);
    let output = cargo.output().map_err(|error| format!("cargo metadata: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    let target = PathBuf::from(metadata["target_directory"].as_str().unwrap_or("target")).join("package");
    let packages = metadata["packages"].as_array().into_iter().flatten();
    Ok(packages.filter_map(|package| Package::new(package, &target)).collect())
}

/// Each package after all that it depends on, in the order of the alphabet otherwise.
pub(super) fn in_order(packages: Vec<Package>) -> Result<Vec<Package>, String> {
    let mut waiting: BTreeMap<String, Package> =
        packages.into_iter().map(|package| (package.name.clone(), package)).collect();
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let free = |package: &&Package| package.dependencies.iter().all(|name| !waiting.contains_key(name));
        let Some(next) = waiting.values().find(free).map(|package| package.name.clone()) else {
            let names: Vec<&str> = waiting.keys().map(String::as_str).collect();
            return Err(format!(
                "these crates need one another, so none can be published first: {}",
                names.join(", ")
            ));
        };
        ordered.extend(waiting.remove(&next));
    }
    Ok(ordered)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use serde_json::json;

    use super::*;

    fn package(name: &str, dependencies: &[(&str, &str)]) -> Package {
        let dependencies: Vec<Value> =
            dependencies.iter().map(|(name, req)| json!({ "name": name, "req": req })).collect();
        let metadata = json!({
            "name": name, "version": "0.1.0", "publish": null, "dependencies": dependencies,
        });
        Package::new(&metadata, Path::new("target")).unwrap()
    }

    fn names(packages: Vec<Package>) -> Result<Vec<String>, String> {
        Ok(in_order(packages)?.into_iter().map(|package| package.name).collect())
    }

    #[test]
    fn what_is_needed_comes_first() {
        let packages = vec![
            package("a-client", &[("z-core", "^0.1.0"), ("m-model", "^0.1.0"), ("serde", "^1")]),
            package("m-model", &[("z-core", "^0.1.0")]),
            package("z-core", &[]),
        ];
        assert_eq!(names(packages).unwrap(), ["z-core", "m-model", "a-client"]);
    }

    #[test]
    fn a_circle_has_no_first_unless_it_is_of_paths_alone() {
        let circle = |req| vec![package("a", &[("b", "^0.1.0")]), package("b", &[("a", req)])];
        assert!(names(circle("^0.1.0")).unwrap_err().ends_with("published first: a, b"));
        // A dependency for tests that names no version is left out of the package.
        assert_eq!(names(circle("*")).unwrap(), ["b", "a"]);
    }

    #[test]
    fn what_is_not_published_has_no_place() {
        let metadata = json!({ "name": "tool", "version": "0.1.0", "publish": [] });
        assert!(Package::new(&metadata, Path::new("target")).is_none());
    }

    #[test]
    fn what_a_page_lacks_is_named() {
        let missing = package("a", &[]).missing();
        assert!(missing.contains(&"a: Cargo.toml has no `readme`".to_owned()), "{missing:?}");
        assert!(missing.contains(&"a: Cargo.toml has no `keywords`".to_owned()), "{missing:?}");
    }
}
