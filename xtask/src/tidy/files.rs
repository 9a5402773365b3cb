//! The files that rules are about, and what rules say.

use std::{collections::BTreeMap, fmt, fs, path::Path, process::Command};

/// Texts by path, relative to the root, `/` between parts.
#[derive(Debug, Default)]
pub(super) struct Files(pub(super) BTreeMap<String, String>);

/// A rule that is broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Problem {
    file: String,
    /// Counted from 1. Zero stands for the whole file.
    line: usize,
    message: String,
}

impl Problem {
    pub(super) fn of(file: &str, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: 0, message: message.into() }
    }

    /// `index` counts from zero.
    pub(super) fn at(file: &str, index: usize, message: impl Into<String>) -> Self {
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
    /// Every text below `root` that git has or would take. What is not text is left out.
    pub(super) fn read(root: &Path) -> Result<Self, String> {
        let mut git = Command::new("git");
        git.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]).current_dir(root);
        let output = git.output().map_err(|error| format!("git: {error}"))?;
        if !output.status.success() {
            return Err(format!("git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim()));
        }
        let mut files = BTreeMap::new();
        for path in String::from_utf8_lossy(&output.stdout).split_terminator('\0') {
            // Folders behind links are listed under their own names, and removed files still are.
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

    /// Whether a file or a folder has this path.
    pub(super) fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        path.is_empty()
            || self.0.contains_key(path)
            || self.0.range(folder.clone()..).next().is_some_and(|(other, _)| other.starts_with(&folder))
    }
}
