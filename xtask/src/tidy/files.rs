//! The files that the rules check, and the problems that they report.

use std::{collections::BTreeMap, fmt, fs, path::Path, process::Command};

/// File contents by path. Paths are relative to the root and separated by `/`.
#[derive(Debug, Default)]
pub(super) struct Files(pub(super) BTreeMap<String, String>);

/// A broken rule, in a file or in one of its lines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Problem {
    file: String,
    /// Counted from 1; 0 for a problem of the whole file.
    line: usize,
    message: String,
}

impl Problem {
    pub(super) fn in_file(file: &str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: 0, message: message.into() }
    }

    /// Creates a problem of a line. `index` counts from zero.
    pub(super) fn at_line(file: &str, index: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: index + 1, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message),
            line => write!(f, "{}:{line}: {}", self.file, self.message),
        }
    }
}

impl Files {
    /// Reads every text file below `root` that git tracks or would add. Binary files are left out.
    pub(super) fn read(root: &Path) -> Result<Self, String> {
        let mut git = Command::new("git");
        git.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]).current_dir(root);
        let output = git.output().map_err(|error| format!("git: {error}"))?;
        if !output.status.success() {
            return Err(format!("git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        let mut files = BTreeMap::new();
        for path in String::from_utf8_lossy(&output.stdout).split_terminator('\0') {
            // Links to folders cannot be read, and deleted files are still listed.
            if let Ok(bytes) = fs::read(root.join(path))
                && let Ok(text) = String::from_utf8(bytes)
            {
                files.insert(path.to_owned(), text);
            }
        }
        Ok(Self(files))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    pub(super) fn get(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// Returns true if there is a file or a folder with this path.
    pub(super) fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty()
            || self.0.contains_key(path)
            || self.0.range(folder.clone()..).next().is_some_and(|(other, _)| other.starts_with(&folder))
    }
}

/// Returns true if the first line says that a program wrote the text.
pub(super) fn is_generated(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.contains("@generated"))
}
