//! A journal in a file of JSON lines.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use super::{Journal, JournalEntry};
use crate::{BoxFuture, Error, ErrorKind, Result, sync::lock};

/// A [`Journal`] in a file of JSON lines, which only grows.
///
/// Each line is on the disk before the batch continues. If the process dies while it writes a line, that line is
/// removed when the file is opened again. A file that is anything else than a journal is left as it is, and cannot be
/// opened. On Unix, a new journal is readable by its owner only. The file is locked while it is open, so that two
/// processes cannot work on one batch.
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("cats.jsonl");
/// let journal = fal_client::batch::FileJournal::open(&path)?;
/// assert!(fal_client::batch::FileJournal::open(&path).unwrap_err().to_string().contains("another process"));
/// # Ok::<(), fal_client::Error>(())
/// ```
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
    file: Arc<Mutex<LockedFile>>,
}

/// The open file, which is locked against other processes.
#[derive(Debug)]
struct LockedFile {
    file: File,
    /// The end of the last complete line.
    end: u64,
}

impl FileJournal {
    /// Opens a journal, and creates the file if it does not exist.
    ///
    /// # Errors
    ///
    /// `File` if the file cannot be opened, is no journal or no regular file, or another batch has it open.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = LockedFile::open(path).map_err(|cause| {
            let message = format!("the journal {} cannot be opened: {cause}", path.display());
            Error::new(ErrorKind::File, message).with_source(cause)
        })?;
        Ok(Self { path: path.to_owned(), file: Arc::new(Mutex::new(file)) })
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` on a thread that may block on the disk.
    async fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut LockedFile) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let file = self.file.clone();
        let work = move || work(&mut lock(&file));
        tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
    }
}

impl Journal for FileJournal {
    fn read(&self) -> BoxFuture<'_, io::Result<Vec<JournalEntry>>> {
        Box::pin(self.run_blocking(LockedFile::read))
    }

    fn write(&self, entry: JournalEntry) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(self.run_blocking(move |file| file.write(&entry)))
    }
}

impl LockedFile {
    fn open(path: &Path) -> io::Result<Self> {
        let is_new = !path.exists();
        // Looked at first, because opening a named pipe waits for its other end.
        if !is_new {
            check_is_regular(&std::fs::metadata(path)?)?;
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        // The entries identify requests, whose inputs and outputs are private.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        check_is_regular(&file.metadata()?)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::Error::other("another process works with it")),
            Err(TryLockError::Error(cause)) => return Err(cause),
        }
        if is_new {
            sync_parent(path)?;
        }
        let mut file = Self { file, end: 0 };
        let text = file.read_text()?;
        let end = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
        let (lines, tail) = text.split_at(end);
        parse(lines)?;
        file.end = u64::try_from(end).map_err(io::Error::other)?;
        if !tail.is_empty() {
            if !is_start_of_entry(tail) {
                let number = lines.iter().filter(|byte| **byte == b'\n').count() + 1;
                return Err(not_an_entry(number, &"it is no entry of a journal"));
            }
            file.file.set_len(file.end)?;
            file.file.sync_data()?;
        }
        Ok(file)
    }

    fn read_text(&mut self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        self.file.read_to_end(&mut text)?;
        Ok(text)
    }

    fn read(&mut self) -> io::Result<Vec<JournalEntry>> {
        parse(&self.read_text()?)
    }

    fn write(&mut self, entry: &JournalEntry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        self.file.seek(SeekFrom::Start(self.end))?;
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => {
                self.end += u64::try_from(line.len()).map_err(io::Error::other)?;
                Ok(())
            }
            Err(cause) => {
                // An incomplete line would make those after it unreadable. If this fails too, the next line
                // overwrites it.
                let _ = self.file.set_len(self.end);
                Err(cause)
            }
        }
    }
}

/// Parses the entries of a journal, one a line.
fn parse(text: &[u8]) -> io::Result<Vec<JournalEntry>> {
    let lines = text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    let parse = |(index, line)| serde_json::from_slice(line).map_err(|cause| not_an_entry(index + 1, &cause));
    lines.map(parse).collect()
}

fn not_an_entry(number: usize, cause: &dyn std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("line {number}: {cause}"))
}

/// Returns true if `tail` is the beginning of an entry as it is written, up to all of it.
///
/// Nothing else is ever cut off: a user may have named the wrong file.
fn is_start_of_entry(tail: &[u8]) -> bool {
    ["begun", "refused", "submitted"].into_iter().any(|state| {
        let head = format!("{{\"state\":\"{state}\",\"index\":");
        if tail.len() <= head.len() {
            return head.as_bytes().starts_with(tail);
        }
        let is_whole_or_cut =
            |entry: serde_json::Result<JournalEntry>| entry.map_or_else(|error| error.is_eof(), |_| true);
        tail.starts_with(head.as_bytes()) && is_whole_or_cut(serde_json::from_slice(tail))
    })
}

fn check_is_regular(metadata: &std::fs::Metadata) -> io::Result<()> {
    if metadata.is_file() { Ok(()) } else { Err(io::Error::other("it is not a regular file")) }
}

/// Writes the entry of a new file in its folder to the disk.
#[cfg(unix)]
fn sync_parent(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "it has the signature of the other one")]
fn sync_parent(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::Ticket;

    fn begun(index: usize) -> JournalEntry {
        JournalEntry::Begun { index, input: "00".to_owned(), time: None, json: None }
    }

    #[tokio::test]
    async fn entries_survive_closing_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let ticket = Ticket::with_endpoint("acme/app", "r1");
        let entries =
            [begun(0), JournalEntry::Submitted { index: 0, ticket }, JournalEntry::Refused { index: 1 }];
        {
            let journal = FileJournal::open(&path).unwrap();
            for entry in &entries {
                journal.write(entry.clone()).await.unwrap();
            }
            assert_eq!(journal.read().await.unwrap(), entries);
            assert!(FileJournal::open(&path).unwrap_err().is_file());
        }
        assert_eq!(FileJournal::open(&path).unwrap().read().await.unwrap(), entries);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "{\"state\":\"begun\",\"index\":0,\"input\":\"00\"}\n\
             {\"state\":\"submitted\",\"index\":0,\"ticket\":{\"endpoint\":\"acme/app\",\"request_id\":\"r1\"}}\n\
             {\"state\":\"refused\",\"index\":1}\n"
        );
    }

    #[tokio::test]
    async fn an_incomplete_last_line_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let lines: Vec<String> =
            (0..3).map(|index| serde_json::to_string(&begun(index)).unwrap() + "\n").collect();
        let text = lines.concat();
        for cut in 0..=text.len() {
            std::fs::write(&path, &text[..cut]).unwrap();
            let journal = FileJournal::open(&path).unwrap();
            let whole = text[..cut].matches('\n').count();
            assert_eq!(journal.read().await.unwrap().len(), whole, "{cut}");
            journal.write(begun(9)).await.unwrap();
            assert_eq!(journal.read().await.unwrap().last(), Some(&begun(9)), "{cut}");
        }
    }

    #[tokio::test]
    async fn a_file_that_is_not_a_journal_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        std::fs::write(&path, "{\"state\":\"begun\",\"index\":0,\"input\":\"00\"}\nnonsense\n").unwrap();
        let error = FileJournal::open(&path).unwrap_err();
        assert!(error.is_file() && error.to_string().contains("line 2: "), "{error}");
        assert!(FileJournal::open(folder.path()).unwrap_err().is_file());
    }

    #[test]
    fn a_file_that_is_not_a_journal_is_never_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("precious");
        let entry = serde_json::to_string(&begun(0)).unwrap();
        let texts: [Vec<u8>; 11] = [
            b"{\"settings\":\"precious\"}".into(),
            b"two lines\nof a poem".into(),
            b"\x7fELF\0\0\n\x01\x02\xff".into(),
            vec![0; 4096],
            b"{\"state\":\"done\",\"index\":1}".into(),
            b"{\"state\":\"begun\",\"index\":true}".into(),
            b"{\"state\":\"begun\",\"index\":0,\"input\":\"00\"} and more".into(),
            format!("{entry}\nprecious").into(),
            format!("{entry}\n{{\"settings\":\"prec").into(),
            format!("nonsense\n{entry}\n{{\"state\":\"beg").into(),
            format!("{entry}\n\0\0\0\0").into(),
        ];
        for text in texts {
            std::fs::write(&path, &text).unwrap();
            let shown = String::from_utf8_lossy(&text).into_owned();
            assert!(FileJournal::open(&path).is_err_and(|error| error.is_file()), "{shown}");
            assert!(std::fs::read(&path).unwrap() == text, "{shown}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn special_files_are_refused_without_reading_them() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        for path in [Path::new("/dev/null"), Path::new("/dev/zero"), &socket] {
            let error = FileJournal::open(path).unwrap_err();
            assert!(error.to_string().contains("not a regular file"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_new_journal_is_readable_by_its_owner_only() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = FileJournal::open(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(journal);
    }
}
