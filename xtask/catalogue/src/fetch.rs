//! `cargo xtask fetch`: writes documents of fal to `schemas/` in canonical form.

mod folder;
mod platform;
mod progress;
#[cfg(test)]
mod tests;

use std::{
    fs,
    path::{Path, PathBuf},
};

use fal_codegen::Manifest;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use progress::Progress;

use crate::{
    canonical::{self, Descriptions},
    lock::{Entry, FileState, Lock, sha256},
    root,
};

/// Arguments of `cargo xtask fetch`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Ids of endpoints of schemas/manifest.toml.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<String>,
    /// Takes every endpoint of schemas/manifest.toml whose document was not written by hand.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    source: Source,
}

/// The source of documents, and permission to overwrite edited ones.
#[derive(clap::Args)]
pub(crate) struct Source {
    /// Reads records from a folder in place of fal: `<endpoint id>.json`, as the platform API returns them.
    #[arg(long, value_name = "DIR", conflicts_with = "reword")]
    from: Option<PathBuf>,
    /// Fetches nothing, and updates the descriptions of the documents that are here.
    #[arg(long)]
    reword: bool,
    /// URL of the platform API, the only service that FAL_KEY is sent to.
    #[arg(long, value_name = "URL", default_value = platform::BASE)]
    base_url: String,
    /// Overwrites documents that were edited or written by hand.
    #[arg(long)]
    force: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let root = root();
    let manifest = manifest(&root)?;
    let known: Vec<&String> = manifest.crates.values().flat_map(|family| &family.endpoints).collect();
    if let Some(id) = arguments.ids.iter().find(|id| !known.contains(id)) {
        return Err(format!("`{id}` is not in schemas/manifest.toml; `cargo xtask add {id}` adds it"));
    }
    let ids = if arguments.all { known.into_iter().cloned().collect() } else { arguments.ids.clone() };
    fetch(&root, &ids, arguments.all, &arguments.source)
}

/// Reads `schemas/manifest.toml`.
pub(crate) fn manifest(root: &Path) -> Result<Manifest, String> {
    let path = root.join("schemas/manifest.toml");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Manifest::parse("schemas/manifest.toml", &text).map_err(|error| error.to_string())
}

/// Fetches documents into `schemas/`. With `skip_hand_written`, documents that were written by hand are not reported.
pub(crate) fn fetch(
    root: &Path,
    ids: &[String],
    skip_hand_written: bool,
    source: &Source,
) -> Result<(), String> {
    let schemas = root.join("schemas");
    let mut store = Store {
        descriptions: Descriptions::read(&schemas.join("descriptions"))?,
        lock: Lock::read(&schemas.join("lock.toml"))?,
        schemas,
        source: source.name(),
        counts: Counts::default(),
        problems: Vec::new(),
    };
    let mut ids = store.writable(ids, skip_hand_written, source.force)?;
    let mut progress = source.service().map(|service| Progress::read(root, &service));
    if let Some(progress) = &progress {
        let all = ids.len();
        ids.retain(|id| !(progress.has(id) && store.is_unchanged(id)));
        if ids.len() < all {
            eprintln!("resuming an interrupted run: {} of {all} documents are here", all - ids.len());
        }
    }
    let bar = ProgressBar::new(ids.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    let mut take = |records: Vec<(String, Result<Value, String>)>| {
        let mut written = Vec::with_capacity(records.len());
        for (id, record) in records {
            if store.put(&id, record) {
                written.push(id.clone());
            }
            bar.set_message(id);
            bar.inc(1);
        }
        // Kept even if a later batch fails.
        store.lock.write(&store.schemas.join("lock.toml"))?;
        progress.as_mut().map_or(Ok(()), |progress| progress.add(&written))
    };
    let result = match source {
        Source { reword: true, .. } => folder::read(&root.join("schemas"), &ids, &mut take),
        Source { from: Some(folder), .. } => folder::read(folder, &ids, &mut take),
        Source { base_url, .. } => platform::read(base_url, &ids, &mut take),
    };
    bar.finish_and_clear();
    for problem in &store.problems {
        eprintln!("{problem}");
    }
    let Counts { new, changed, same } = store.counts;
    println!("{new} new, {changed} changed, {same} unchanged");
    result?;
    progress.map_or(Ok(()), |progress| progress.finish())?;
    match store.problems.len() {
        0 => Ok(()),
        1 => Err("1 document was not written".to_owned()),
        problems => Err(format!("{problems} documents were not written")),
    }
}

impl Source {
    /// Returns the URL of the service that documents come from, or `None` for a folder.
    fn service(&self) -> Option<String> {
        self.name().filter(|_| self.from.is_none())
    }

    /// Returns the source that the lock records, or `None` if documents come from `schemas/` itself.
    fn name(&self) -> Option<String> {
        match self {
            Self { reword: true, .. } => None,
            Self { from: Some(_), .. } => Some("file".to_owned()),
            Self { base_url, .. } => Some(format!("{}/models", base_url.trim_end_matches('/'))),
        }
    }
}

/// The folder `schemas/` while documents are written to it.
struct Store {
    schemas: PathBuf,
    descriptions: Descriptions,
    lock: Lock,
    /// `None` if documents come from `schemas/` itself.
    source: Option<String>,
    counts: Counts,
    problems: Vec<String>,
}

#[derive(Default)]
struct Counts {
    new: usize,
    changed: usize,
    same: usize,
}

impl Store {
    fn file(&self, id: &str) -> PathBuf {
        self.schemas.join(Manifest::document_path(id))
    }

    /// Returns the endpoints whose documents may be overwritten, and records a problem for each of the others.
    fn writable(
        &mut self,
        ids: &[String],
        skip_hand_written: bool,
        force: bool,
    ) -> Result<Vec<String>, String> {
        let mut writable = Vec::new();
        for id in ids {
            let state = self.lock.state(id, &self.file(id))?;
            let reason = match state {
                FileState::Absent | FileState::Unchanged => None,
                _ if force => None,
                FileState::HandWritten if skip_hand_written => continue,
                FileState::HandWritten => Some("was written by hand"),
                FileState::Edited => Some("was edited since it was fetched"),
            };
            match reason {
                None => writable.push(id.clone()),
                Some(reason) => {
                    self.problems.push(format!("schemas/{id}.json {reason}; `--force` overwrites it"));
                }
            }
        }
        Ok(writable)
    }

    /// Returns true if the document of an endpoint is the one that the last run wrote.
    fn is_unchanged(&self, id: &str) -> bool {
        self.lock.state(id, &self.file(id)) == Ok(FileState::Unchanged)
    }

    /// Writes a document or records a problem. Returns true if it was written.
    fn put(&mut self, id: &str, record: Result<Value, String>) -> bool {
        let written = record.and_then(|record| self.write(id, &record));
        let is_written = written.is_ok();
        self.problems.extend(written.err());
        is_written
    }

    fn write(&mut self, id: &str, record: &Value) -> Result<(), String> {
        let document = canonical::canonicalize(record, &self.descriptions)
            .map_err(|problems| format!("schemas/{id}.json\n  {}", problems.join("\n  ")))?;
        let text = canonical::to_text(&document);
        let file = self.file(id);
        let failed = |error: std::io::Error| format!("{}: {error}", file.display());
        let old = fs::read_to_string(&file).ok();
        let count = match &old {
            None => &mut self.counts.new,
            Some(old) if *old == text => &mut self.counts.same,
            Some(_) => &mut self.counts.changed,
        };
        *count += 1;
        if old.as_ref() != Some(&text) {
            if let Some(folder) = file.parent() {
                fs::create_dir_all(folder).map_err(failed)?;
            }
            fs::write(&file, &text).map_err(failed)?;
        }
        let written = sha256(text.as_bytes());
        match (&self.source, self.lock.0.get_mut(id)) {
            (None, Some(entry)) => entry.written = written,
            (source, _) => {
                let updated = record["metadata"]["updated_at"].as_str();
                let entry = Entry {
                    source: source.clone().unwrap_or_else(|| "file".to_owned()),
                    updated: updated.map(|time| time.chars().take_while(|&c| c != 'T').collect()),
                    document: sha256(record["openapi"].to_string().as_bytes()),
                    written,
                };
                self.lock.0.insert(id.to_owned(), entry);
            }
        }
        Ok(())
    }
}

/// Receives a batch of records by endpoint id.
type Take<'a> = dyn FnMut(Vec<(String, Result<Value, String>)>) -> Result<(), String> + 'a;
