//! The documents that an interrupted run has fetched, so that the next run can resume it.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

/// Maximum age of a run that can be resumed. fal may change documents later.
const MAX_AGE: Duration = Duration::from_secs(3600);

/// A file with the source on its first line and one endpoint on each further line. It exists until the run finishes.
pub(super) struct Progress {
    path: PathBuf,
    source: String,
    done: BTreeSet<String>,
}

impl Progress {
    /// Reads the progress of the last run from `source` if it did not finish.
    pub(super) fn read(root: &Path, source: &str) -> Self {
        let path = root.join("target/fetch-progress.txt");
        let modified = fs::metadata(&path).and_then(|file| file.modified());
        let recent = modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age < MAX_AGE));
        let text = fs::read_to_string(&path).ok().filter(|_| recent).unwrap_or_default();
        let mut lines = text.lines().map(str::to_owned);
        let same = lines.next().is_some_and(|first| first == source);
        let done = if same { lines.collect() } else { BTreeSet::new() };
        Self { path, source: source.to_owned(), done }
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.done.contains(id)
    }

    /// Records that documents were written.
    pub(super) fn add(&mut self, ids: &[String]) -> Result<(), String> {
        let failed = |error: io::Error| format!("{}: {error}", self.path.display());
        let mut text = String::new();
        if self.done.is_empty() {
            if let Some(folder) = self.path.parent() {
                fs::create_dir_all(folder).map_err(failed)?;
            }
            fs::write(&self.path, format!("{}\n", self.source)).map_err(failed)?;
        }
        for id in ids {
            text.push_str(&format!("{id}\n"));
        }
        let mut file = OpenOptions::new().append(true).open(&self.path).map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        self.done.extend(ids.iter().cloned());
        Ok(())
    }

    /// Removes the file at the end of a run.
    pub(super) fn finish(&self) -> Result<(), String> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(format!("{}: {error}", self.path.display()))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn an_unfinished_run_is_resumed_from_the_same_source() {
        let root = tempfile::tempdir().unwrap();
        let mut progress = Progress::read(root.path(), "one");
        assert!(!progress.has("a"));
        progress.add(&["a".to_owned()]).unwrap();
        progress.add(&["b".to_owned(), "c".to_owned()]).unwrap();

        assert!(["a", "b", "c"].into_iter().all(|id| Progress::read(root.path(), "one").has(id)));
        assert!(!Progress::read(root.path(), "another").has("a"));
        // A run from another source replaces the first.
        Progress::read(root.path(), "another").add(&["d".to_owned()]).unwrap();
        assert!(!Progress::read(root.path(), "one").has("a"));

        let progress = Progress::read(root.path(), "another");
        progress.finish().unwrap();
        progress.finish().unwrap();
        assert!(!Progress::read(root.path(), "another").has("d"));
    }

    #[test]
    fn an_old_run_is_not_resumed() {
        let root = tempfile::tempdir().unwrap();
        let mut progress = Progress::read(root.path(), "one");
        progress.add(&["a".to_owned()]).unwrap();
        let file = OpenOptions::new().append(true).open(&progress.path).unwrap();
        file.set_modified(std::time::SystemTime::now() - MAX_AGE - Duration::from_secs(1)).unwrap();
        assert!(!Progress::read(root.path(), "one").has("a"));
    }
}
