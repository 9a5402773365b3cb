//! `schemas/lock.toml`: the source of each document, and hashes that detect later edits and changed texts of fal.

use std::{collections::BTreeMap, fs, io, path::Path, process::Command};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const HEADER: &str = "# Written by `cargo xtask fetch`. `document` is the SHA-256 of the OpenAPI document as received\n\
                      # when the file here last changed, `written` that of the file. `prose` has four hexadecimal digits for each\n\
                      # text of fal, by which changed texts are found. Documents without an entry were written by hand.\n\n";

/// The path of the file in the repository.
pub(crate) const LOCK: &str = "schemas/lock.toml";

/// The fetched documents by endpoint id.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Lock(pub(crate) BTreeMap<String, Entry>);

/// A fetched document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// The URL that it was fetched from, or `file`.
    pub(crate) source: String,
    /// The date of the last change by fal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) updated: Option<String>,
    /// SHA-256 of the OpenAPI document as received.
    pub(crate) document: String,
    /// SHA-256 of the file as written.
    pub(crate) written: String,
    /// The digests of fal's texts, which the file does not hold. `None` until they are fetched again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) prose: Option<String>,
    /// SHA-256 of the file before, while it is being replaced. An interrupted run leaves it behind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replaced: Option<String>,
}

/// The state of a file compared with the lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileState {
    Absent,
    Unchanged,
    /// Changed since it was fetched.
    Edited,
    /// Never fetched.
    HandWritten,
}

impl Lock {
    /// Reads the file. One that does not exist is an empty lock.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        match fs::read_to_string(path) {
            Ok(text) => toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }

    /// Reads the file as it was in a commit. One that did not exist is an empty lock.
    pub(crate) fn read_commit(root: &Path, reference: &str) -> Result<Self, String> {
        let git = |arguments: &[&str]| {
            let output = Command::new("git").args(arguments).current_dir(root).output();
            let output = output.map_err(|error| format!("git: {error}"))?;
            Ok::<_, String>(output.status.success().then_some(output.stdout))
        };
        if git(&["rev-parse", "--verify", "--quiet", &format!("{reference}^{{commit}}")])?.is_none() {
            return Err(format!("git has no commit `{reference}`"));
        }
        let file = format!("{reference}:./{LOCK}");
        let text = git(&["show", &file])?.unwrap_or_default();
        toml::from_str(&String::from_utf8_lossy(&text)).map_err(|error| format!("{file}: {error}"))
    }

    pub(crate) fn write(&self, path: &Path) -> Result<(), String> {
        let text = toml::to_string(self).map_err(|error| error.to_string())?;
        write_file(path, &format!("{HEADER}{text}"))
    }

    /// Compares the document of an endpoint with the one that was written last.
    pub(crate) fn state(&self, id: &str, file: &Path) -> Result<FileState, String> {
        let text = match fs::read(file) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(FileState::Absent),
            Err(error) => return Err(format!("{}: {error}", file.display())),
        };
        let hash = sha256(&text);
        Ok(match self.0.get(id) {
            None => FileState::HandWritten,
            Some(entry) if entry.written == hash || entry.replaced.as_ref() == Some(&hash) => {
                FileState::Unchanged
            }
            Some(_) => FileState::Edited,
        })
    }
}

/// Replaces a file as a whole: whatever interrupts this, the file has the old text or the new one.
pub(crate) fn write_file(path: &Path, text: &str) -> Result<(), String> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = path.with_file_name(format!(".{name}.tmp"));
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        fs::write(&temporary, text)?;
        fs::rename(&temporary, path)
    };
    write().map_err(|error| format!("{}: {error}", path.display()))
}

/// Returns the SHA-256 digest in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    fn entry() -> Entry {
        Entry {
            source: "https://api.fal.ai/v1/models".to_owned(),
            updated: Some("2026-05-29".to_owned()),
            document: sha256(b"{}"),
            written: sha256(b""),
            prose: Some("0a1b".to_owned()),
            replaced: None,
        }
    }

    #[test]
    fn a_written_lock_reads_back_equal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock.toml");
        assert_eq!(Lock::read(&path).unwrap(), Lock::default());
        let lock = Lock(BTreeMap::from([("fal-ai/flux/dev".to_owned(), entry())]));
        lock.write(&path).unwrap();
        assert_eq!(Lock::read(&path).unwrap(), lock);
    }

    #[test]
    fn lock_of_a_commit_is_read_from_git_and_is_empty_where_the_commit_has_none() {
        let folder = tempfile::tempdir().unwrap();
        let git = |arguments: &[&str]| {
            let identity =
                ["-c", "user.name=Test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"];
            let status =
                Command::new("git").args(identity).args(arguments).current_dir(folder.path()).status();
            assert!(status.unwrap().success(), "{arguments:?}");
        };
        git(&["init", "--quiet"]);
        assert_eq!(Lock::read_commit(folder.path(), "HEAD").unwrap_err(), "git has no commit `HEAD`");
        git(&["commit", "--quiet", "--allow-empty", "--message", "Empty"]);
        assert_eq!(Lock::read_commit(folder.path(), "HEAD").unwrap(), Lock::default());
        let lock = Lock(BTreeMap::from([("acme/draw".to_owned(), entry())]));
        lock.write(&folder.path().join(LOCK)).unwrap();
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "--message", "Lock"]);
        Lock::default().write(&folder.path().join(LOCK)).unwrap();
        assert_eq!(Lock::read_commit(folder.path(), "HEAD").unwrap(), lock);
        assert_eq!(Lock::read_commit(folder.path(), "HEAD~1").unwrap(), Lock::default());
    }

    #[test]
    fn an_edited_document_differs_from_its_lock_entry() {
        assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.json");
        let mut lock = Lock::default();
        assert_eq!(lock.state("a", &file).unwrap(), FileState::Absent);
        fs::write(&file, "{}").unwrap();
        assert_eq!(lock.state("a", &file).unwrap(), FileState::HandWritten);
        let written = sha256(b"{}");
        lock.0.insert(
            "a".to_owned(),
            Entry {
                source: "file".to_owned(),
                updated: None,
                document: String::new(),
                written,
                prose: None,
                replaced: None,
            },
        );
        assert_eq!(lock.state("a", &file).unwrap(), FileState::Unchanged);
        fs::write(&file, "{ }").unwrap();
        assert_eq!(lock.state("a", &file).unwrap(), FileState::Edited);
        // A run that was interrupted before it replaced the file.
        lock.0.get_mut("a").unwrap().replaced = Some(sha256(b"{ }"));
        assert_eq!(lock.state("a", &file).unwrap(), FileState::Unchanged);
    }
}
