//! The folder of a recording.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::exchange::{Exchange, MessageContent, RecordedBody};
use crate::hex::hex;
use crate::private_files;

/// The version of the format.
const FORMAT: u32 = 1;
/// The largest file of an exchange, in bytes.
const MAX_EXCHANGE: u64 = 80 << 20;
/// The largest size of all files of exchanges, in bytes. They are kept in memory.
const MAX_TOTAL: u64 = 1 << 30;
/// The largest number of exchanges.
const MAX_EXCHANGES: usize = 100_000;

/// The content of `recording.json`.
#[derive(Serialize, Deserialize)]
struct Manifest {
    format: u32,
    made_by: String,
}

/// The folder of a recording.
pub(super) struct RecordingFolder {
    path: PathBuf,
    /// The number of the last exchange.
    last: AtomicU64,
}

impl RecordingFolder {
    /// Opens a recording and checks everything in it. Returns its exchanges in the order in which they were recorded.
    ///
    /// # Errors
    ///
    /// Returns the file and its problem.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<Exchange>), Problem> {
        let manifest = path.join("recording.json");
        let text = read_file(&manifest, 1 << 16).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                Problem::new(&manifest, "it does not exist; record something with --record")
            }
            _ => Problem::new(&manifest, error),
        })?;
        let parsed: Manifest =
            serde_json::from_slice(&text).map_err(|error| Problem::new(&manifest, error))?;
        if parsed.format != FORMAT {
            let text =
                format!("format {}, but this version reads format {FORMAT}: record it again", parsed.format);
            return Err(Problem::new(&manifest, text));
        }
        let folder = Self { path: path.to_owned(), last: AtomicU64::new(0) };
        let exchanges = folder.read_exchanges()?;
        Ok((folder, exchanges))
    }

    /// Opens a recording, or creates one if the folder does not exist or is empty.
    pub(super) fn open_or_create(path: &Path) -> Result<(Self, Vec<Exchange>), Problem> {
        let is_empty = match std::fs::read_dir(path) {
            Ok(mut entries) => entries.next().is_none(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => true,
            Err(error) => return Err(Problem::new(path, error)),
        };
        if !is_empty {
            return Self::open(path);
        }
        let create = || -> io::Result<()> {
            private_files::create_folder(path)?;
            private_files::create_folder(&path.join("exchanges"))?;
            private_files::create_folder(&path.join("bodies"))?;
            let made_by = concat!("fal-emulator ", env!("CARGO_PKG_VERSION")).to_owned();
            let manifest = serde_json::to_vec_pretty(&Manifest { format: FORMAT, made_by })?;
            private_files::write(&path.join("recording.json"), &manifest)
        };
        create().map_err(|error| Problem::new(path, error))?;
        Self::open(path)
    }

    /// Returns the folder of bodies.
    pub(super) fn bodies(&self) -> PathBuf {
        self.path.join("bodies")
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the file of a body.
    pub(super) fn open_body(&self, sha256: &str) -> io::Result<File> {
        File::open(self.bodies().join(sha256))
    }

    /// Reads the file of a body into memory.
    pub(super) fn read_body(&self, sha256: &str, length: u64) -> io::Result<Vec<u8>> {
        read_file(&self.bodies().join(sha256), length)
    }

    /// Writes an exchange after all others. The file is there whole or not at all.
    pub(super) fn add(&self, exchange: &Exchange) -> io::Result<()> {
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let path = self.path.join("exchanges").join(format!("{number:06}.json"));
        let new = path.with_extension("new");
        private_files::write(&new, &serde_json::to_vec_pretty(exchange)?)?;
        std::fs::rename(new, path)
    }

    fn read_exchanges(&self) -> Result<Vec<Exchange>, Problem> {
        let folder = self.path.join("exchanges");
        let in_folder = |error: io::Error| Problem::new(&folder, error);
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(in_folder)? {
            let path = entry.map_err(in_folder)?.path();
            // Other files, such as those of a system or of an interrupted recording, are no exchanges.
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let number =
                path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse::<u64>().ok());
            let number = number.ok_or_else(|| Problem::new(&path, "the name of an exchange is a number"))?;
            files.push((number, path));
            if files.len() > MAX_EXCHANGES {
                return Err(Problem::new(&folder, format!("more than {MAX_EXCHANGES} exchanges")));
            }
        }
        files.sort();
        self.last.store(files.last().map_or(0, |(number, _)| *number), Ordering::Relaxed);
        let mut checked = std::collections::HashSet::new();
        let mut exchanges = Vec::new();
        let mut left = MAX_TOTAL;
        for (_, path) in files {
            let text = read_file(&path, MAX_EXCHANGE).map_err(|error| Problem::new(&path, error))?;
            left = left.checked_sub(text.len() as u64).ok_or_else(|| {
                Problem::new(&folder, format!("the exchanges have more than {MAX_TOTAL} bytes together"))
            })?;
            let exchange: Exchange =
                serde_json::from_slice(&text).map_err(|error| Problem::new(&path, error))?;
            exchange.check().map_err(|error| Problem::new(&path, error))?;
            for (sha256, length) in replayed_files(&exchange) {
                if checked.insert((sha256.clone(), length)) {
                    self.check_body(sha256, length)?;
                }
            }
            exchanges.push(exchange);
        }
        Ok(exchanges)
    }

    /// Checks that a body is whole and has not been changed.
    fn check_body(&self, sha256: &str, length: u64) -> Result<(), Problem> {
        let path = self.bodies().join(sha256);
        let problem = |text: String| Problem::new(&path, text);
        let metadata = std::fs::symlink_metadata(&path).map_err(|error| problem(error.to_string()))?;
        if !metadata.is_file() {
            return Err(problem("not a regular file".to_owned()));
        }
        if metadata.len() != length {
            return Err(problem(format!("{} bytes, but {length} were recorded", metadata.len())));
        }
        let mut file = self.open_body(sha256).map_err(|error| problem(error.to_string()))?;
        let (mut digest, mut buffer) = (Context::new(&SHA256), vec![0; 1 << 16]);
        loop {
            match file.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => digest.update(buffer.get(..read).unwrap_or_default()),
                Err(error) => return Err(problem(error.to_string())),
            }
        }
        if hex(digest.finish()) != sha256 {
            return Err(problem("changed since it was recorded: its SHA-256 is another".to_owned()));
        }
        Ok(())
    }
}

/// Returns the names and lengths of the files that a replay reads.
fn replayed_files(exchange: &Exchange) -> impl Iterator<Item = (&String, u64)> {
    let body = match &exchange.response.body {
        RecordedBody::File { sha256, length } => Some((sha256, *length)),
        RecordedBody::Text(_) => None,
    };
    let messages = exchange.messages.iter().flatten();
    body.into_iter().chain(messages.filter_map(|message| match &message.content {
        MessageContent::Binary { sha256, length } => Some((sha256, *length)),
        _ => None,
    }))
}

/// A file of a recording and its problem.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Problem {
    fn new(path: &Path, text: impl ToString) -> Self {
        Self { path: path.to_owned(), text: text.to_string() }
    }
}

/// Reads a regular file of at most `limit` bytes.
fn read_file(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let metadata = std::fs::symlink_metadata(path)?;
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    if metadata.len() > limit {
        return Err(io::Error::other(format!(
            "{} bytes, more than the {limit} that are read",
            metadata.len()
        )));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
