//! A tree of generated files, which can be compared with a folder and written to it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs, io,
    path::{Path, PathBuf},
};

/// The texts of files, by their paths relative to a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree(BTreeMap<String, String>);

/// A difference between a file on disk and the one of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The file is not on disk.
    Added(String),
    /// The text differs.
    Changed {
        /// The path of the file.
        path: String,
        /// The number of lines that are only in the new text.
        added: usize,
        /// The number of lines that are only in the old text.
        removed: usize,
    },
    /// The tree does not have the file.
    Removed(String),
}

impl Change {
    /// Returns the path of the file, relative to the folder.
    #[must_use]
    pub fn path(&self) -> &str {
        match self {
            Self::Added(path) | Self::Removed(path) | Self::Changed { path, .. } => path,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(path) => write!(f, "new      {path}"),
            Self::Changed { path, added, removed } => {
                write!(f, "changed  {path} (+{added} -{removed} lines)")
            }
            Self::Removed(path) => write!(f, "removed  {path}"),
        }
    }
}

impl Tree {
    /// Adds a file.
    pub fn insert(&mut self, path: impl Into<String>, text: impl Into<String>) {
        self.0.insert(path.into(), text.into());
    }

    /// Adds the files of another tree.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Removes the files below a folder.
    pub(crate) fn remove_folder(&mut self, folder: &str) {
        let folder = format!("{folder}/");
        self.0.retain(|path, _| !path.starts_with(&folder));
    }

    /// Returns the text of a file.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// Returns paths and texts, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Returns the changes that writing this tree to `folder` would make. `folders` are sub-folders that belong to
    /// the tree: files in them that the tree does not have are removed.
    ///
    /// # Errors
    ///
    /// Fails when the disk cannot be read.
    pub fn changes(&self, folder: &Path, folders: &[String]) -> io::Result<Vec<Change>> {
        let mut changes = Vec::new();
        for (path, new) in self.iter() {
            match fs::read_to_string(folder.join(path)) {
                Ok(old) if normalized(&old) == new => {}
                Ok(old) => changes.push(changed(path, &normalized(&old), new)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    changes.push(Change::Added(path.to_owned()));
                }
                Err(error) => return Err(error),
            }
        }
        for name in folders {
            for path in files(&folder.join(name))? {
                let relative = slashed(path.strip_prefix(folder).unwrap_or(&path));
                if !self.0.contains_key(&relative) {
                    changes.push(Change::Removed(relative));
                }
            }
        }
        changes.sort_by(|a, b| a.path().cmp(b.path()));
        Ok(changes)
    }

    /// Makes the changes that [`Tree::changes`] returned.
    ///
    /// # Errors
    ///
    /// Fails when the disk cannot be written.
    pub fn apply(&self, folder: &Path, changes: &[Change]) -> io::Result<()> {
        let mut made = PathBuf::new();
        for change in changes {
            let path = folder.join(change.path());
            match self.get(change.path()) {
                Some(text) => {
                    if let Some(parent) = path.parent().filter(|parent| *parent != made) {
                        fs::create_dir_all(parent)?;
                        made = parent.to_path_buf();
                    }
                    fs::write(path, text)?;
                }
                None => {
                    fs::remove_file(&path)?;
                    remove_empty_parents(&path, folder);
                }
            }
        }
        Ok(())
    }
}

impl Tree {
    /// Writes every file below `folder`, and leaves other files there alone.
    ///
    /// # Errors
    ///
    /// Fails when the disk cannot be written.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        self.apply(folder, &self.changes(folder, &[])?)
    }
}

/// Returns the text with the line ends of a tree. A checkout may have others.
fn normalized(text: &str) -> String {
    text.replace("\r\n", "\n")
}

fn changed(path: &str, old: &str, new: &str) -> Change {
    let count = |text: &str, other: &str| {
        let other: BTreeSet<&str> = other.lines().collect();
        text.lines().filter(|line| !other.contains(line)).count()
    };
    Change::Changed { path: path.to_owned(), added: count(new, old), removed: count(old, new) }
}

fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            if entry.file_name() != "target" {
                found.extend(files(&entry.path())?);
            }
        } else {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

fn remove_empty_parents(path: &Path, stop: &Path) {
    for parent in path.ancestors().skip(1).take_while(|parent| *parent != stop) {
        if fs::remove_dir(parent).is_err() {
            break;
        }
    }
}
