//! Reading a journal in a file, one entry at a time.

use std::{
    fmt,
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use super::JournalEntry;
use crate::{Error, ErrorKind, Result};

/// The entries of a [`FileJournal`](super::FileJournal), in the order in which they were written.
///
/// Holds one entry at a time, and does not lock the file, so that a batch may be running. Ends before a last line that is not
/// complete.
///
/// ```
/// use fal_client::batch::{JournalEntry, JournalReader};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("cats.jsonl");
/// # std::fs::write(&path, "{\"state\":\"done\",\"key\":\"7\"}\n").unwrap();
/// let mut done = 0;
/// for entry in JournalReader::open(&path)? {
///     if let JournalEntry::Done { .. } = entry? {
///         done += 1;
///     }
/// }
/// assert_eq!(done, 1);
/// # Ok::<(), fal_client::Error>(())
/// ```
pub struct JournalReader {
    lines: EntryLines<BufReader<File>>,
}

impl JournalReader {
    /// Opens a journal.
    ///
    /// # Errors
    ///
    /// `File` if the file cannot be opened.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).map_err(|cause| {
            let message = format!("the journal {} cannot be opened: {cause}", path.display());
            Error::new(ErrorKind::File, message).with_source(cause)
        })?;
        Ok(Self { lines: EntryLines::new(BufReader::new(file)) })
    }
}

impl Iterator for JournalReader {
    type Item = Result<JournalEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.lines.next_entry().transpose()?;
        Some(next.map(|(_, entry)| entry).map_err(|cause| {
            Error::new(ErrorKind::File, format!("the journal cannot be read: {cause}")).with_source(cause)
        }))
    }
}

impl fmt::Debug for JournalReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalReader").field("offset", &self.lines.offset).finish_non_exhaustive()
    }
}

/// The complete lines of a journal, parsed.
pub(super) struct EntryLines<R> {
    source: R,
    line: Vec<u8>,
    /// The start of the next line.
    pub(super) offset: u64,
    /// The number of lines read.
    pub(super) number: usize,
}

impl<R: BufRead> EntryLines<R> {
    pub(super) fn new(source: R) -> Self {
        Self { source, line: Vec::new(), offset: 0, number: 0 }
    }

    /// Continues at a line that begins at `offset`, after `number` lines.
    pub(super) fn resume(source: R, offset: u64, number: usize) -> Self {
        Self { offset, number, ..Self::new(source) }
    }

    /// Returns the next entry and the start of its line, or `None` at the end or before an incomplete line.
    pub(super) fn next_entry(&mut self) -> io::Result<Option<(u64, JournalEntry)>> {
        loop {
            self.line.clear();
            let length = self.source.read_until(b'\n', &mut self.line)?;
            if self.line.pop() != Some(b'\n') {
                return Ok(None);
            }
            let start = self.offset;
            self.offset += u64::try_from(length).map_err(io::Error::other)?;
            self.number += 1;
            if !self.line.is_empty() {
                let entry = serde_json::from_slice(&self.line);
                return entry
                    .map(|entry| Some((start, entry)))
                    .map_err(|cause| not_an_entry(self.number, &cause));
            }
        }
    }
}

pub(super) fn not_an_entry(number: usize, cause: &dyn fmt::Display) -> io::Error {
    let message =
        format!("line {number}: {cause}; the file is no journal, or one of a newer version of fal-client");
    io::Error::new(io::ErrorKind::InvalidData, message)
}
