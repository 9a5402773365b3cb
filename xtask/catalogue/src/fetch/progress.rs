//! What an interrupted run has fetched, so that the next one goes on from there.

use std::{
    collections::BTreeSet,
    fs::{self, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

/// After so long, fal may have changed what was fetched.
const LASTS: Duration = Duration::from_secs(3600);

/// A file with the name of the source, and an endpoint a line. It is there while a run is not finished.
pub(super) struct Progress {
    path: PathBuf,
    source: String,
    done: BTreeSet<String>,
}

impl Progress {
    /// What the last run from `source` left, if it did not finish.
    pub(super) fn read(root: &Path, source: &str) -> Self {
        let path = root.join("target/fetch-progress.txt");
        let modified = fs::metadata(&path).and_then(|file| file.modified());
        let recent = modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age < LASTS));
        let text = fs::read_to_string(&path).ok().filter(|_| recent).unwrap_or_default();
        let mut lines = text.lines().map(str::to_owned);
        let same = lines.next().is_some_and(|first| first == source);
        let done = if same { lines.collect() } else { BTreeSet::new() };
        Self { path, source: source.to_owned(), done }
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.done.contains(id)
    }

    /// Notes that documents are here.
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

    /// Forgets it all: the run is finished.
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
    fn a_run_goes_on_from_the_same_source_until_it_is_finished() {
        let root = tempfile::tempdir().unwrap();
        let mut progress = Progress::read(root.path(), "one");
        assert!(!progress.has("a"));
        progress.add(&["a".to_owned()]).unwrap();
        progress.add(&["b".to_owned(), "c".to_owned()]).unwrap();

        assert!(["a", "b", "c"].into_iter().all(|id| Progress::read(root.path(), "one").has(id)));
        assert!(!Progress::read(root.path(), "another").has("a"));
        // Starting anew from another source forgets the first.
        Progress::read(root.path(), "another").add(&["d".to_owned()]).unwrap();
        assert!(!Progress::read(root.path(), "one").has("a"));

        let progress = Progress::read(root.path(), "another");
        progress.finish().unwrap();
        progress.finish().unwrap();
        assert!(!Progress::read(root.path(), "another").has("d"));
    }

    #[test]
    fn what_was_fetched_long_ago_is_fetched_again() {
        let root = tempfile::tempdir().unwrap();
        let mut progress = Progress::read(root.path(), "one");
        progress.add(&["a".to_owned()]).unwrap();
        let file = OpenOptions::new().append(true).open(&progress.path).unwrap();
        file.set_modified(std::time::SystemTime::now() - LASTS - Duration::from_secs(1)).unwrap();
        assert!(!Progress::read(root.path(), "one").has("a"));
    }
}
