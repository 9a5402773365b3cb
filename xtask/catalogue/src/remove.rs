//! `cargo xtask remove`: removes endpoints from the catalogue.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::Path,
};

use fal_codegen::Manifest;
use toml_edit::{DocumentMut, Item, value};

use crate::{
    add::{self, MANIFEST},
    fetch,
    lock::{Lock, write_file},
    root,
};

/// The key of a family whose value is the crate of a newer version.
const SUPERSEDED_BY: &str = "superseded_by";

/// Arguments of `cargo xtask remove`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Ids of endpoints, or names of crates, such as `fal-flux`, whose endpoints are all removed
    #[arg(required = true)]
    names: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let root = root();
    let ids = remove(&root, &arguments.names)?;
    add::generate(&root)?;
    for id in &ids {
        println!("removed {id}");
    }
    println!("Descriptions that only these used are found by `cargo test -p xtask-catalogue`.");
    Ok(())
}

/// Removes endpoints from the manifest, then their documents and overlays, then their entries in the lock. A run that
/// was interrupted is finished by the next one.
fn remove(root: &Path, names: &[String]) -> Result<BTreeSet<String>, String> {
    let manifest = fetch::manifest(root)?;
    let schemas = root.join("schemas");
    let mut lock = Lock::read(&schemas.join("lock.toml"))?;
    let mut ids = BTreeSet::new();
    for name in names {
        let endpoints = manifest.crates.values().flat_map(|family| &family.endpoints);
        match manifest.crates.get(name) {
            Some(family) => ids.extend(family.endpoints.iter().cloned()),
            // An interrupted run may have left the document or the entry in the lock.
            None if lock.0.contains_key(name) || endpoints.clone().any(|id| id == name) => {
                ids.insert(name.clone());
            }
            None => {
                return Err(format!("{MANIFEST} has no endpoint and no crate `{name}`"));
            }
        }
    }
    let path = root.join(MANIFEST);
    let text = fs::read_to_string(&path).map_err(|error| format!("{MANIFEST}: {error}"))?;
    write_file(&path, &without_endpoints(&text, &ids)?)?;
    for id in &ids {
        for folder in [schemas.clone(), schemas.join("overlays")] {
            remove_file(&folder.join(Manifest::document_path(id)), &schemas)?;
        }
        lock.0.remove(id);
    }
    lock.write(&schemas.join("lock.toml"))?;
    Ok(ids)
}

/// Removes a file if it exists, and the folders above it that are empty then.
fn remove_file(path: &Path, stop: &Path) -> Result<(), String> {
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    }
    for folder in path.ancestors().skip(1).take_while(|folder| *folder != stop) {
        if fs::remove_dir(folder).is_err() {
            break;
        }
    }
    Ok(())
}

/// Returns the manifest without some endpoints, and without crates that have no others.
fn without_endpoints(text: &str, ids: &BTreeSet<String>) -> Result<String, String> {
    let mut manifest: DocumentMut = text.parse().map_err(|error| format!("{MANIFEST}: {error}"))?;
    let crates = manifest
        .get_mut("crates")
        .and_then(Item::as_table_mut)
        .ok_or_else(|| format!("{MANIFEST} has no table `crates`"))?;
    for (_, family) in crates.iter_mut() {
        if let Some(endpoints) = family.get_mut("endpoints").and_then(Item::as_array_mut) {
            endpoints.retain(|id| !id.as_str().is_some_and(|id| ids.contains(id)));
        }
    }
    let is_empty =
        |family: &Item| family.get("endpoints").and_then(Item::as_array).is_some_and(|ids| ids.is_empty());
    // The crates that are removed, with the crate of a newer version.
    let newer = |family: &Item| family.get(SUPERSEDED_BY).and_then(Item::as_str).map(str::to_owned);
    let removed: BTreeMap<String, Option<String>> = crates
        .iter()
        .filter(|(_, family)| is_empty(family))
        .map(|(name, family)| (name.to_owned(), newer(family)))
        .collect();
    crates.retain(|name, _| !removed.contains_key(name));
    for (_, family) in crates.iter_mut() {
        let Some(mut successor) = newer(family).filter(|name| removed.contains_key(name)) else { continue };
        // As often as there are crates, because they may name one another in a circle.
        for _ in 0..removed.len() {
            if let Some(Some(next)) = removed.get(&successor) {
                successor.clone_from(next);
            }
        }
        if let Some(family) = family.as_table_mut() {
            match removed.contains_key(&successor) {
                true => drop(family.remove(SUPERSEDED_BY)),
                false => family[SUPERSEDED_BY] = value(successor),
            }
        }
    }
    Ok(manifest.to_string())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    const MANIFEST_TEXT: &str = "# A comment.\n\n[crates.fal-draw]\napp = \"acme/draw\"\ntitle = \"Drawings\"\n\
                                 endpoints = [\n    \"acme/draw\",\n    \"acme/draw/fast\",\n]\n\n\
                                 [crates.fal-film]\napp = \"acme/film\"\ntitle = \"Films\"\nendpoints = [\"acme/film\"]\n";

    fn catalogue() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        write_file(&root.path().join(MANIFEST), MANIFEST_TEXT).unwrap();
        for id in ["acme/draw", "acme/draw/fast", "acme/film"] {
            write_file(&root.path().join(format!("schemas/{id}.json")), "{}").unwrap();
        }
        write_file(&root.path().join("schemas/overlays/acme/film.json"), "{}").unwrap();
        root
    }

    #[test]
    fn an_endpoint_and_a_crate_are_removed_with_their_files() {
        let root = catalogue();
        let ids = remove(root.path(), &["acme/draw/fast".to_owned(), "fal-film".to_owned()]).unwrap();
        assert_eq!(ids.len(), 2);
        let text = fs::read_to_string(root.path().join(MANIFEST)).unwrap();
        assert!(
            text.starts_with("# A comment.") && !text.contains("film") && !text.contains("fast"),
            "{text}"
        );
        let manifest = fetch::manifest(root.path()).unwrap();
        assert_eq!(manifest.crates["fal-draw"].endpoints, ["acme/draw"]);
        assert!(root.path().join("schemas/acme/draw.json").exists());
        for gone in ["acme/draw", "acme/film.json", "overlays"] {
            assert!(!root.path().join("schemas").join(gone).exists(), "{gone}");
        }
    }

    #[test]
    fn crate_whose_newer_version_is_removed_is_superseded_by_the_next_one() {
        let family = |name: &str, newer: &str| {
            format!(
                "[crates.{name}]\napp = \"acme/{name}\"\ntitle = \"A\"\n{newer}endpoints = [\"acme/{name}\"]\n\n"
            )
        };
        let by = |name: &str| format!("superseded_by = \"{name}\"\n");
        let old =
            [family("a", &by("b")), family("b", &by("c")), family("c", &by("d")), family("d", "")].concat();
        let without = |ids: [&str; 2]| without_endpoints(&old, &ids.map(str::to_owned).into()).unwrap();
        assert_eq!(without(["acme/b", "acme/c"]), [family("a", &by("d")), family("d", "")].concat());
        assert_eq!(without(["acme/c", "acme/d"]), [family("a", &by("b")), family("b", "")].concat());
    }

    #[test]
    fn an_unknown_name_removes_nothing() {
        let root = catalogue();
        let names = ["acme/draw".to_owned(), "acme/drwa".to_owned()];
        let error = remove(root.path(), &names).unwrap_err();
        assert_eq!(error, "schemas/manifest.toml has no endpoint and no crate `acme/drwa`");
        assert_eq!(fs::read_to_string(root.path().join(MANIFEST)).unwrap(), MANIFEST_TEXT);
    }
}
