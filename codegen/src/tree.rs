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
                Err(error) => match error.kind() {
                    io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                        changes.push(Change::Added(path.to_owned()));
                    }
                    // Damaged, or a folder in its place.
                    io::ErrorKind::InvalidData | io::ErrorKind::IsADirectory => {
                        changes.push(changed(path, "", new));
                    }
                    _ => return Err(error),
                },
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
    /// Files and folders appear and vanish whole, new ones first, so that cargo finds no crate without its files when
    /// the process is killed. Making the changes again finishes them.
    ///
    /// # Errors
    ///
    /// Fails when the disk cannot be written.
    pub fn apply(&self, folder: &Path, changes: &[Change]) -> io::Result<()> {
        if changes.is_empty() {
            return Staging::remove_left(folder);
        }
        let staging = Staging::new(folder)?;
        let mut new_folders: BTreeMap<String, Vec<(&str, &str)>> = BTreeMap::new();
        let mut files = Vec::new();
        let mut removed = Vec::new();
        for path in changes.iter().map(Change::path) {
            match self.get(path) {
                Some(text) => match find_new_folder(folder, path)? {
                    Some(top) => new_folders.entry(top).or_default().push((path, text)),
                    None => files.push((path, text)),
                },
                None => removed.push(path),
            }
        }
        for (top, files) in new_folders {
            staging.create_folder(folder, &top, &files)?;
        }
        for (path, text) in files {
            staging.write_file(&folder.join(path), text)?;
        }
        self.remove(folder, &removed, &staging)?;
        staging.finish()
    }

    fn remove(&self, folder: &Path, removed: &[&str], staging: &Staging) -> io::Result<()> {
        let all: BTreeSet<&str> = removed.iter().copied().collect();
        for path in removed {
            let full = folder.join(path);
            // It may have gone with its folder, or have a folder of the tree in its place.
            if !full.is_file() && !full.is_symlink() {
                continue;
            }
            let ends = path.match_indices('/').map(|(end, _)| &path[..end]);
            let mut tops = ends.filter(|top| self.is_gone(folder, top, &all));
            match tops.next() {
                Some(top) => staging.remove_folder(&folder.join(top))?,
                None => {
                    fs::remove_file(&full)?;
                    remove_empty_parents(&full, folder);
                }
            }
        }
        Ok(())
    }

    /// Returns true if a folder has no file of the tree, and no other files than those that are removed.
    fn is_gone(&self, folder: &Path, top: &str, removed: &BTreeSet<&str>) -> bool {
        let prefix = format!("{top}/");
        let is_empty =
            self.0.range(prefix.clone()..).next().is_none_or(|(path, _)| !path.starts_with(&prefix));
        is_empty
            && files(&folder.join(top)).is_ok_and(|found| {
                found
                    .iter()
                    .all(|path| removed.contains(slashed(path.strip_prefix(folder).unwrap_or(path)).as_str()))
            })
    }
}

/// Returns the outermost folder of a path that does not exist yet. A file in its place is removed.
fn find_new_folder(folder: &Path, path: &str) -> io::Result<Option<String>> {
    for (end, _) in path.match_indices('/') {
        let top = folder.join(&path[..end]);
        if top.is_dir() {
            continue;
        }
        if top.is_file() || top.is_symlink() {
            fs::remove_file(&top)?;
        }
        return Ok(Some(path[..end].to_owned()));
    }
    Ok(None)
}

/// A folder for files that are not complete yet, on the same file system as the tree.
struct Staging(PathBuf);

impl Staging {
    const NAME: &str = ".generated.tmp";

    /// Creates the folder.
    fn new(folder: &Path) -> io::Result<Self> {
        Self::remove_left(folder)?;
        let staging = Self(folder.join(Self::NAME));
        fs::create_dir_all(&staging.0)?;
        Ok(staging)
    }

    /// Removes the folder that a run left behind when it was killed.
    fn remove_left(folder: &Path) -> io::Result<()> {
        remove_folder_if_exists(&folder.join(Self::NAME))
    }

    /// Writes the files of a new folder, and puts it into its place.
    fn create_folder(&self, folder: &Path, top: &str, files: &[(&str, &str)]) -> io::Result<()> {
        let staged = self.0.join("new");
        for (path, text) in files {
            let inside = path.strip_prefix(top).unwrap_or(path).trim_start_matches('/');
            let path = staged.join(inside);
            fs::create_dir_all(path.parent().unwrap_or(&staged))?;
            fs::write(path, text)?;
        }
        fs::rename(staged, folder.join(top))
    }

    /// Writes a file, and puts it into its place. A folder in its place is removed.
    fn write_file(&self, path: &Path, text: &str) -> io::Result<()> {
        let staged = self.0.join("file");
        fs::write(&staged, text)?;
        if path.is_dir() {
            self.remove_folder(path)?;
        }
        fs::rename(staged, path)
    }

    fn remove_folder(&self, path: &Path) -> io::Result<()> {
        let staged = self.0.join("old");
        fs::rename(path, &staged)?;
        fs::remove_dir_all(staged)
    }

    fn finish(self) -> io::Result<()> {
        fs::remove_dir_all(self.0)
    }
}

fn remove_folder_if_exists(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes the empty folders below a folder.
pub(crate) fn remove_empty_folders(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() && entry.file_name() != "target" {
            remove_empty_folders(&entry.path())?;
            // One that is not empty stays.
            let _ = fs::remove_dir(entry.path());
        }
    }
    Ok(())
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
