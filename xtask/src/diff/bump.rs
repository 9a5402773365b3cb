//! Raises the versions of crates in the manifest.

use std::{fs, path::Path};

use fal_codegen::{
    Manifest,
    workspace::{self, SCHEMAS},
};
use semver::Version;
use toml_edit::{DocumentMut, Item, Table, value};

use super::{compare::CrateDiff, version};

/// Returns the crates whose version in the manifest is lower than their changes need, with the version that they need.
pub(super) fn too_low(crates: &[CrateDiff], manifest: &Manifest) -> Result<Vec<(String, Version)>, String> {
    let mut found = Vec::new();
    for item in crates {
        if let (Some(next), Some(family)) = (&item.next, manifest.crates.get(&item.name))
            && version::parse(family)? < *next
        {
            found.push((item.name.clone(), next.clone()));
        }
    }
    Ok(found)
}

/// Sets versions in the manifest, and generates the code that has them.
pub(super) fn raise(root: &Path, versions: &[(String, Version)]) -> Result<(), String> {
    if versions.is_empty() {
        return Ok(());
    }
    let file = format!("{SCHEMAS}/manifest.toml");
    let path = root.join(&file);
    let text = fs::read_to_string(&path).map_err(|error| format!("{file}: {error}"))?;
    let text = with_versions(&text, versions).map_err(|error| format!("{file}: {error}"))?;
    fs::write(&path, text).map_err(|error| format!("{file}: {error}"))?;
    let plan = workspace::plan(root, &[]).map_err(|failure| failure.to_string())?;
    plan.write(root).map_err(|error| error.to_string())
}

/// Returns the manifest with other versions. The version of a crate stands after its title.
fn with_versions(text: &str, versions: &[(String, Version)]) -> Result<String, String> {
    let mut manifest: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.to_string())?;
    for (name, version) in versions {
        let family =
            manifest.get_mut("crates").and_then(|crates| crates.get_mut(name)).and_then(Item::as_table_mut);
        let family = family.ok_or_else(|| format!("there is no table `crates.{name}`"))?;
        family.insert("version", value(version.to_string()));
        sort_keys(family);
    }
    Ok(manifest.to_string())
}

/// Puts the keys of a family into their usual order.
fn sort_keys(family: &mut Table) {
    let rank = |key: &toml_edit::Key| {
        ["app", "title", "version", "superseded_by", "endpoints"].iter().position(|known| *known == key.get())
    };
    family.sort_values_by(|a, _, b, _| rank(a).cmp(&rank(b)));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn versions_are_set_and_everything_else_stays() {
        let family = |name: &str, version: &str| {
            format!(
                "[crates.{name}]\napp = \"a/{name}\"\ntitle = \"A\"\n{version}endpoints = [\n    \"a/{name}\",\n]\n"
            )
        };
        let old = format!("# A comment.\n\n{}\n{}", family("x", ""), family("y", "version = \"0.1.4\"\n"));
        let versions = [("x", Version::new(0, 1, 1)), ("y", Version::new(0, 2, 0))];
        let new = with_versions(&old, &versions.map(|(name, version)| (name.to_owned(), version))).unwrap();
        let expected = [family("x", "version = \"0.1.1\"\n"), family("y", "version = \"0.2.0\"\n")];
        assert_eq!(new, format!("# A comment.\n\n{}\n{}", expected[0], expected[1]));
        let old = old.replace("endpoints", "superseded_by = \"z\"\nendpoints");
        let new = with_versions(&old, &[("x".to_owned(), Version::new(0, 1, 1))]).unwrap();
        assert!(new.contains("version = \"0.1.1\"\nsuperseded_by = \"z\"\nendpoints"), "{new}");
        assert!(with_versions(&old, &[("z".to_owned(), Version::new(1, 0, 0))]).is_err());
    }
}
