//! A journal in a file of JSON lines.

use std::{
    collections::HashMap,
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, TryStreamExt, stream};

use super::{
    Journal, JournalEntry,
    item_key::ItemKey,
    journal::{JournalEntries, JournalOutput},
    journal_reader::{EntryLines, not_an_entry},
};
use crate::{BoxFuture, Error, ErrorKind, Result, regular_file::check_is_regular, sync::lock};

/// A [`Journal`] in a file of JSON lines, which only grows.
///
/// Each line is on the disk before the batch continues. If the process dies while it writes a line, the part of it that
/// is there is removed when the file is opened again. A file that is anything else than a journal is left as it is, and
/// cannot be opened. On Unix, a new journal is readable by its owner only. The file is locked while it is open, so that two
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
    /// The starts of the lines with the outputs that are kept.
    outputs: HashMap<ItemKey, u64>,
}

/// The longest beginning of an entry that is read, in bytes.
const LONGEST_TAIL: u64 = 1 << 30;

/// The number of entries that are read at a time.
const ENTRIES_AT_ONCE: usize = 256;

/// The time for which a locked file is tried again. A batch that was dropped may still write its last entry.
const LOCK_PATIENCE: Duration = Duration::from_millis(300);

impl FileJournal {
    /// Opens a journal, and creates the file if it does not exist.
    ///
    /// Blocks for up to 300 ms if the file is locked, because a batch that was dropped may still write its last entry.
    ///
    /// # Errors
    ///
    /// `File` if the file cannot be opened, is no journal or no regular file, or another batch has it open.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = LockedFile::open(path, LOCK_PATIENCE).map_err(|cause| {
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
    fn read(&self) -> JournalEntries<'_> {
        let parts = stream::try_unfold(Some((0, 0)), move |position| async move {
            let Some((offset, number)) = position else { return Ok::<_, io::Error>(None) };
            let part = self.run_blocking(move |file| file.read_part(offset, number)).await?;
            Ok(Some((stream::iter(part.entries).map(Ok), part.next)))
        });
        Box::pin(parts.try_flatten())
    }

    fn write(&self, entry: JournalEntry) -> BoxFuture<'_, io::Result<()>> {
        Box::pin(self.run_blocking(move |file| file.write(&entry)))
    }

    fn read_output<'a>(&'a self, key: &'a str) -> BoxFuture<'a, io::Result<Option<JournalOutput>>> {
        let item = ItemKey::new(key);
        Box::pin(self.run_blocking(move |file| file.read_output(item)))
    }
}

/// Some entries of the file, and the position of the next: its offset, and the number of lines before it.
struct Part {
    entries: Vec<JournalEntry>,
    next: Option<(u64, usize)>,
}

impl LockedFile {
    fn open(path: &Path, patience: Duration) -> io::Result<Self> {
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
        lock_within(patience, &file)?;
        if is_new {
            sync_parent(path)?;
        }
        let mut file = Self { file, end: 0, outputs: HashMap::new() };
        let lines = file.index()?;
        let mut tail = Vec::new();
        file.file.seek(SeekFrom::Start(file.end))?;
        (&file.file).take(LONGEST_TAIL).read_to_end(&mut tail)?;
        if !tail.is_empty() {
            if !is_start_of_entry(&tail) {
                return Err(not_an_entry(lines + 1, &"it is no entry of a journal"));
            }
            if serde_json::from_slice::<JournalEntry>(&tail).is_ok() {
                // Only the end of the line is missing, as after editors that remove it.
                file.file.seek(SeekFrom::End(0))?;
                file.file.write_all(b"\n")?;
                file.index()?;
            } else {
                file.file.set_len(file.end)?;
            }
            file.file.sync_data()?;
        }
        Ok(file)
    }

    /// Checks all complete lines, and notes where outputs are. Returns the number of lines.
    fn index(&mut self) -> io::Result<usize> {
        self.file.seek(SeekFrom::Start(0))?;
        let mut lines = EntryLines::new(BufReader::new(&self.file));
        while let Some((start, entry)) = lines.next_entry()? {
            if let JournalEntry::Collected { key, output: Some(_), .. } = &entry {
                self.outputs.insert(ItemKey::new(key), start);
            }
        }
        self.end = lines.offset;
        Ok(lines.number)
    }

    fn read_part(&mut self, offset: u64, number: usize) -> io::Result<Part> {
        self.file.seek(SeekFrom::Start(offset))?;
        let mut lines = EntryLines::resume(BufReader::new(&self.file), offset, number);
        let mut entries = Vec::new();
        while entries.len() < ENTRIES_AT_ONCE {
            match lines.next_entry()? {
                Some((_, entry)) => entries.push(entry),
                None => return Ok(Part { entries, next: None }),
            }
        }
        Ok(Part { entries, next: Some((lines.offset, lines.number)) })
    }

    fn read_output(&mut self, item: ItemKey) -> io::Result<Option<JournalOutput>> {
        let Some(start) = self.outputs.get(&item) else { return Ok(None) };
        self.file.seek(SeekFrom::Start(*start))?;
        let entry = EntryLines::new(BufReader::new(&self.file)).next_entry()?;
        Ok(entry.and_then(|(_, entry)| match entry {
            JournalEntry::Collected { output, .. } => output,
            _ => None,
        }))
    }

    fn write(&mut self, entry: &JournalEntry) -> io::Result<()> {
        let mut line = serde_json::to_vec(entry)?;
        line.push(b'\n');
        self.file.seek(SeekFrom::Start(self.end))?;
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => {
                if let JournalEntry::Collected { key, output: Some(_), .. } = entry {
                    self.outputs.insert(ItemKey::new(key), self.end);
                }
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

impl Drop for LockedFile {
    fn drop(&mut self) {
        // Closing is not enough while another thread starts a process, which has the file open until its program begins.
        let _ = self.file.unlock();
    }
}

/// Locks `file`, or returns an error if it stays locked for as long as `patience`.
fn lock_within(patience: Duration, file: &File) -> io::Result<()> {
    let start = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if start.elapsed() < patience => {
                thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => return Err(io::Error::other("another process works with it")),
            Err(TryLockError::Error(cause)) => return Err(cause),
        }
    }
}

/// Returns true if `tail` is the beginning of an entry as it is written, up to all of it.
///
/// Nothing else is ever cut off: a user may have named the wrong file.
fn is_start_of_entry(tail: &[u8]) -> bool {
    let states = ["begun", "refused", "submitted", "collected", "failed", "done"];
    // Older versions write indexes.
    let heads = states
        .iter()
        .flat_map(|state| ["key", "index"].map(|key| format!("{{\"state\":\"{state}\",\"{key}\":")));
    heads.chain(["{\"state\":\"started\",\"keys\":".to_owned()]).any(|head| {
        if tail.len() <= head.len() {
            return head.as_bytes().starts_with(tail);
        }
        let is_whole_or_cut =
            |entry: serde_json::Result<JournalEntry>| entry.map_or_else(|error| error.is_eof(), |_| true);
        // JSON that breaks off in a text is not known to be UTF-8 yet, of which the last character may be cut.
        let is_text = std::str::from_utf8(tail).map_or_else(|error| error.error_len().is_none(), |_| true);
        tail.starts_with(head.as_bytes()) && is_text && is_whole_or_cut(serde_json::from_slice(tail))
    })
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

    fn begun(key: usize) -> JournalEntry {
        let key = key.to_string();
        JournalEntry::Begun {
            key,
            input: "00".to_owned(),
            time: None,
            json: None,
            may_differ: false,
            reserved: None,
        }
    }

    async fn read(journal: &FileJournal) -> io::Result<Vec<JournalEntry>> {
        journal.read().try_collect().await
    }

    #[tokio::test]
    async fn entries_survive_closing_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let ticket = Ticket::with_endpoint("acme/app", "r1");
        let key = |index: usize| index.to_string();
        let entries = [
            begun(0),
            JournalEntry::Submitted { key: key(0), ticket },
            JournalEntry::Refused { key: key(1) },
        ];
        {
            let journal = FileJournal::open(&path).unwrap();
            for entry in &entries {
                journal.write(entry.clone()).await.unwrap();
            }
            assert_eq!(read(&journal).await.unwrap(), entries);
            assert!(FileJournal::open(&path).unwrap_err().is_file());
        }
        assert_eq!(read(&FileJournal::open(&path).unwrap()).await.unwrap(), entries);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(
            text,
            "{\"state\":\"begun\",\"key\":\"0\",\"input\":\"00\"}\n\
             {\"state\":\"submitted\",\"key\":\"0\",\"ticket\":{\"endpoint\":\"acme/app\",\"request_id\":\"r1\"}}\n\
             {\"state\":\"refused\",\"key\":\"1\"}\n"
        );
    }

    #[test]
    fn journal_opens_while_a_write_of_a_dropped_batch_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = FileJournal::open(&path).unwrap();
        // As a write that goes on after its future was dropped.
        let writing = journal.file.clone();
        let writer = thread::spawn(move || {
            thread::sleep(Duration::from_millis(50));
            lock(&writing).write(&begun(0)).unwrap();
        });
        drop(journal);
        let file = LockedFile::open(&path, Duration::from_secs(60)).unwrap();
        assert_eq!(file.end, file.file.metadata().unwrap().len());
        assert!(file.end > 0);
        writer.join().unwrap();
    }

    #[cfg(unix)]
    #[test]
    fn closed_journal_opens_while_a_process_that_is_started_shares_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let journal = FileJournal::open(&path).unwrap();
        let shared = lock(&journal.file).file.try_clone().unwrap();
        drop(journal);
        FileJournal::open(&path).unwrap();
        drop(shared);
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
            let whole = lines.iter().map(String::len).scan(0, |end, length| {
                *end += length;
                Some(*end - 1) // Without the end of the line.
            });
            let whole = whole.filter(|end| *end <= cut).count();
            assert_eq!(read(&journal).await.unwrap().len(), whole, "{cut}");
            journal.write(begun(9)).await.unwrap();
            let entries = read(&journal).await.unwrap();
            assert_eq!((entries.last(), entries.len()), (Some(&begun(9)), whole + 1), "{cut}");
        }
    }

    #[tokio::test]
    async fn a_ticket_in_a_last_line_without_its_end_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let ticket = Ticket::with_endpoint("acme/app", "r\u{17e}");
        let entries = [begun(0), JournalEntry::Submitted { key: "0".to_owned(), ticket }];
        let lines: Vec<_> = entries.iter().map(|entry| serde_json::to_string(entry).unwrap()).collect();
        for (separator, end) in [("\n", ""), ("\r\n", ""), ("\n", " "), ("\r\n", "\r")] {
            std::fs::write(&path, lines.join(separator) + end).unwrap();
            let journal = FileJournal::open(&path).unwrap();
            assert_eq!(read(&journal).await.unwrap(), entries, "{separator:?} {end:?}");
            journal.write(begun(1)).await.unwrap();
            drop(journal);
            assert_eq!(read(&FileJournal::open(&path).unwrap()).await.unwrap().len(), 3);
        }
        // Cut within a character.
        let text = lines.join("\n");
        let cut = text.find('\u{17e}').unwrap() + 1;
        std::fs::write(&path, &text.as_bytes()[..cut]).unwrap();
        assert_eq!(read(&FileJournal::open(&path).unwrap()).await.unwrap(), entries[..1]);
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
        let texts: [Vec<u8>; 17] = [
            b"\xef\xbb\xbf{\"state\":\"beg".into(),
            b" {\"state\":\"begun\"".into(),
            b"[{\"state\":\"begun\",\"index\":0,\"input\":\"00\"}]".into(),
            b"{\"state\":\"begun\",\"index\":0,\"input\":\"00\"}{\"state\":\"beg".into(),
            b"{\"state\":\"begun\",\"index\":0,\"input\":\"\xff".into(),
            b"{\"state\":\"submitted\",\"index\":0,\"ticket\":{\"request_id\":\"r1\"}}".into(),
            b"{\"settings\":\"precious\"}".into(),
            b"two lines\nof a poem".into(),
            b"\x7fELF\0\0\n\x01\x02\xff".into(),
            vec![0; 4096],
            b"{\"state\":\"precious\",\"index\":1}".into(),
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
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/zero", &link).unwrap();
        for path in [Path::new("/dev/null"), Path::new("/dev/zero"), &socket, &link, folder.path()] {
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
