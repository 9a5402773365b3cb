//! `schemas/lock.toml`: where each document came from, and what was written.

use std::{collections::BTreeMap, fs, io, path::Path};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const HEAD: &str = "# Written by `cargo xtask fetch`. `document` is the SHA-256 of the OpenAPI document as it came,\n\
                    # `written` that of the file here. Documents without an entry were written by hand.\n\n";

/// The documents that were fetched, by endpoint id.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Lock(pub(crate) BTreeMap<String, Entry>);

/// One document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// The address that it came from, or `file`.
    pub(crate) source: String,
    /// The day on which fal last changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) updated: Option<String>,
    pub(crate) document: String,
    pub(crate) written: String,
}

/// What became of a document since it was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Absent,
    AsWritten,
    /// It differs from what was written.
    Edited,
    /// It was never fetched.
    ByHand,
}

impl Lock {
    /// Reads the file; one that does not exist is empty.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        match fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), String> {
        let text = toml::to_string(self).map_err(|error| error.to_string())?;
        fs::write(path, format!("{HEAD}{text}")).map_err(|error| format!("{}: {error}", path.display()))
    }

    /// What the file of an endpoint is, compared with what was written last.
    pub(crate) fn state(&self, id: &str, file: &Path) -> Result<State, String> {
        let text = match fs::read(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::Absent),
            Err(error) => return Err(format!("{}: {error}", file.display())),
        };
        Ok(match self.0.get(id) {
            None => State::ByHand,
            Some(entry) if entry.written == sha256(&text) => State::AsWritten,
            Some(_) => State::Edited,
        })
    }
}

/// The digest in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock.toml");
        assert_eq!(Lock::read(&path).unwrap(), Lock::default());
        let entry = Entry {
            source: "https://api.fal.ai/v1/models".to_owned(),
            updated: Some("2026-05-29".to_owned()),
            document: sha256(b"{}"),
            written: sha256(b""),
        };
        let lock = Lock(BTreeMap::from([("fal-ai/flux/dev".to_owned(), entry)]));
        lock.write(&path).unwrap();
        assert_eq!(Lock::read(&path).unwrap(), lock);
    }

    #[test]
    fn an_edited_document_is_told_from_a_written_one() {
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        let mut lock = Lock::default();
        assert_eq!(lock.state("a", &file).unwrap(), State::Absent);
        fs::write(&file, "{}").unwrap();
        assert_eq!(lock.state("a", &file).unwrap(), State::ByHand);
        let written = sha256(b"{}");
        lock.0.insert(
            "a".to_owned(),
            Entry { source: "file".to_owned(), updated: None, document: String::new(), written },
        );
        assert_eq!(lock.state("a", &file).unwrap(), State::AsWritten);
        fs::write(&file, "{ }").unwrap();
        assert_eq!(lock.state("a", &file).unwrap(), State::Edited);
    }
}
