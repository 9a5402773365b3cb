//! Finds the markers of a merge in the files that describe the catalogue.

use std::{fs, path::Path};

use fal_codegen::workspace::{SCHEMAS, TYPE_NAMES};

/// Fails if a merge has left its markers in the manifest, the lock or the record of names, and says how to resolve each.
/// A reader of the file would only say that its syntax is wrong.
pub(crate) fn refuse(root: &Path) -> Result<(), String> {
    let files = [
        (format!("{SCHEMAS}/manifest.toml"), "keep the endpoints of both sides and the higher `version`"),
        (
            format!("{SCHEMAS}/lock.toml"),
            "keep either side, then run `cargo xtask fetch ID --force` for its endpoints",
        ),
        (TYPE_NAMES.to_owned(), "keep the lines of both sides"),
    ];
    let found: Vec<String> = files
        .iter()
        .filter_map(|(file, advice)| {
            // A file that is not there is the business of its reader.
            let text = fs::read_to_string(root.join(file)).ok()?;
            let line = text.lines().position(|line| line.starts_with("<<<<<<<"))? + 1;
            Some(format!("{file}:{line} has conflicts of a merge: {advice}"))
        })
        .collect();
    match found.as_slice() {
        [] => Ok(()),
        found => Err(format!("{}\nThen run `cargo xtask regen`.", found.join("\n"))),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;
    use crate::diff::tests::write_file;

    #[test]
    fn conflicts_are_named_with_their_solution() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        write_file(root, "schemas/manifest.toml", "[crates.fal-a]\napp = \"a\"\n");
        refuse(root).unwrap();
        write_file(root, "schemas/manifest.toml", "[crates.fal-a]\n<<<<<<< HEAD\nversion = \"0.2.0\"\n");
        write_file(root, "schemas/type_names.jsonl", "<<<<<<< HEAD\n");
        let error = refuse(root).unwrap_err();
        assert!(error.contains("schemas/manifest.toml:2 has conflicts of a merge: "), "{error}");
        assert!(error.contains("schemas/type_names.jsonl:1 has") && !error.contains("lock.toml"), "{error}");
    }
}
