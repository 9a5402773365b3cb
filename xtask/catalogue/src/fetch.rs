//! `cargo xtask fetch`: writes documents of fal to `schemas/` in canonical form.

mod folder;
mod platform;
mod progress;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use fal_codegen::{
    Generator, Manifest, Options,
    workspace::{self, OVERLAYS},
};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Value;

use progress::Progress;

use crate::{
    canonical::{self, Descriptions, Findings, Prose, Subject},
    lock::{Entry, FileState, Lock, sha256, write_file},
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
    fetch(&root, &ids, arguments.all, &arguments.source)?.complete()
}

/// Reads `schemas/manifest.toml`.
pub(crate) fn manifest(root: &Path) -> Result<Manifest, String> {
    let path = root.join("schemas/manifest.toml");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Manifest::parse("schemas/manifest.toml", &text).map_err(|error| error.to_string())
}

/// The source of a list of models.
#[derive(clap::Args)]
pub(crate) struct Listing {
    /// Reads records from a folder in place of fal
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// URL of the platform API, the only service that FAL_KEY is sent to
    #[arg(long, value_name = "URL", default_value = platform::BASE)]
    base_url: String,
}

impl From<&Listing> for Source {
    fn from(listing: &Listing) -> Self {
        let Listing { from, base_url } = listing;
        Self { from: from.clone(), reword: false, base_url: base_url.clone(), force: false }
    }
}

/// Returns the metadata of every model by the id of its endpoint.
pub(crate) fn list(source: &Listing) -> Result<BTreeMap<String, Value>, String> {
    let records = match &source.from {
        Some(folder) => folder::list(folder)?,
        None => platform::list(&source.base_url)?,
    };
    let named = records.into_iter().filter_map(|mut record| {
        let id = record["endpoint_id"].as_str()?.to_owned();
        Some((id, record["metadata"].take()))
    });
    Ok(named.collect())
}

pub(crate) use folder::{all as all_records, read_record};

/// Returns the name of a model in its document.
pub(crate) fn display_name(root: &Path, id: &str) -> Option<String> {
    let text = fs::read_to_string(root.join("schemas").join(Manifest::document_path(id))).ok()?;
    let document: Value = serde_json::from_str(&text).ok()?;
    document["metadata"]["display_name"].as_str().map(str::to_owned)
}

/// Fetches documents into `schemas/`. With `skip_hand_written`, documents that were written by hand are not reported.
///
/// Problems of single documents are printed and returned. So are missing descriptions, which are no problem.
///
/// # Errors
///
/// If the source or the folder as a whole cannot be read or written.
pub(crate) fn fetch(
    root: &Path,
    ids: &[String],
    skip_hand_written: bool,
    source: &Source,
) -> Result<Fetched, String> {
    let schemas = root.join("schemas");
    let mut store = Store {
        descriptions: Descriptions::read(&schemas.join("descriptions"))?,
        lock: Lock::read(&schemas.join("lock.toml"))?,
        records: root.join(RECORDS),
        schemas,
        source: source.name(),
        fetched: Fetched::default(),
    };
    let mut ids = store.writable(ids, skip_hand_written, source.force)?;
    let mut progress = source.service().map(|service| Progress::read(root, &service));
    if let Some(progress) = &progress {
        let all = ids.len();
        (store.fetched.resumed, ids) =
            ids.into_iter().partition(|id| progress.has(id) && store.is_unchanged(id));
        if ids.len() < all {
            eprintln!("resuming an interrupted run: {} of {all} documents are here", all - ids.len());
        }
    }
    let bar = ProgressBar::new(ids.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    let mut take = |records: Vec<(String, Result<Value, String>)>| {
        let written = store.put(records, &bar)?;
        progress.as_mut().map_or(Ok(()), |progress| progress.add(&written))
    };
    let result = match source {
        Source { reword: true, .. } => folder::read(&root.join("schemas"), &ids, &mut take),
        Source { from: Some(folder), .. } => folder::read(folder, &ids, &mut take),
        Source { base_url, .. } => platform::read(base_url, &ids, &mut take),
    };
    bar.finish_and_clear();
    if result.is_ok() {
        store.keep_prose()?;
    }
    let fetched = store.fetched;
    fetched.problems.iter().for_each(|problem| eprintln!("{problem}"));
    fetched.findings.notes.iter().for_each(|note| eprintln!("{note}"));
    let Fetched { new, changed, same, .. } = &fetched;
    println!("{} new, {} changed, {} unchanged", new.len(), changed.len(), same.len());
    match fetched.findings.missing.as_slice() {
        [] => {}
        few if few.len() <= MAX_LISTED => few.iter().for_each(|missing| println!("{missing}")),
        many => println!("{} descriptions are missing or do not fit", many.len()),
    }
    if !fetched.findings.missing.is_empty() {
        println!(
            "`cargo xtask words --missing` lists them with the text of fal, and `--draft` writes what to fill in"
        );
    }
    for (id, subjects) in fetched.rephrased.iter().take(MAX_LISTED) {
        let subjects: Vec<String> = subjects.iter().map(Subject::to_string).collect();
        println!("{id}: fal has changed its text about {}", subjects.join(", "));
    }
    if fetched.rephrased.len() > MAX_LISTED {
        println!("fal has changed its texts about {} more endpoints", fetched.rephrased.len() - MAX_LISTED);
    }
    if !fetched.rephrased.is_empty() {
        println!(
            "`cargo xtask words --changed` lists the texts of fal that changed, with the description here below each"
        );
    }
    result?;
    progress.map_or(Ok(()), |progress| progress.finish())?;
    Ok(fetched)
}

/// The folder of records as they were received, for the texts that descriptions are written from. It is not committed.
pub(crate) const RECORDS: &str = "target/records";

/// Largest number of missing descriptions, and of endpoints with changed texts, that are listed one by one.
const MAX_LISTED: usize = 20;

/// The result of a run.
#[derive(Debug, Default)]
pub(crate) struct Fetched {
    /// The ids of endpoints whose documents are new.
    pub(crate) new: Vec<String>,
    /// The ids of endpoints whose documents changed.
    pub(crate) changed: Vec<String>,
    /// The ids of endpoints whose documents are as they were.
    pub(crate) same: Vec<String>,
    /// The ids of endpoints whose documents the interrupted run before this one has written.
    pub(crate) resumed: Vec<String>,
    pub(crate) findings: Findings,
    /// fal's texts by the ids of endpoints.
    pub(crate) prose: BTreeMap<String, Prose>,
    /// The subjects of fal's texts that differ from those in the lock before this run, by the ids of endpoints.
    pub(crate) rephrased: BTreeMap<String, Vec<Subject>>,
    /// The reason for each document that was not written.
    pub(crate) problems: Vec<String>,
    /// The message of fal for each endpoint that it has no document of, which is among the problems too.
    undocumented: BTreeMap<String, String>,
}

impl Fetched {
    /// Returns true if the document of an endpoint is here.
    pub(crate) fn has(&self, id: &String) -> bool {
        [&self.new, &self.changed, &self.same, &self.resumed].iter().any(|ids| ids.contains(id))
    }

    /// Removes the problems of some endpoints that fal has no document of, and returns its message about each.
    pub(crate) fn take_undocumented(&mut self, ids: &[String]) -> BTreeMap<String, String> {
        let mut taken = std::mem::take(&mut self.undocumented);
        taken.retain(|id, _| ids.contains(id));
        self.problems.retain(|problem| !taken.keys().any(|id| problem.starts_with(&start_of_problem(id))));
        taken
    }

    /// Returns an error if a document was not written.
    pub(crate) fn complete(&self) -> Result<(), String> {
        match self.problems.len() {
            0 => Ok(()),
            1 => Err("1 document was not written".to_owned()),
            problems => Err(format!("{problems} documents were not written")),
        }
    }
}

/// Returns the start of the problems of an endpoint.
fn start_of_problem(id: &str) -> String {
    format!("schemas/{id}.json: ")
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
    /// The folder for records as they were received.
    records: PathBuf,
    descriptions: Descriptions,
    lock: Lock,
    /// `None` if documents come from `schemas/` itself.
    source: Option<String>,
    fetched: Fetched,
}

/// A document that is ready to be written.
struct Ready {
    id: String,
    text: String,
    old: Option<String>,
    /// fal's texts. `None` if the record is a document of `schemas/`.
    prose: Option<Prose>,
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
                    let problem = format!("schemas/{id}.json {reason}; `--force` overwrites it");
                    self.fetched.problems.push(problem);
                }
            }
        }
        Ok(writable)
    }

    /// Returns true if the document of an endpoint is the one that the last run wrote.
    fn is_unchanged(&self, id: &str) -> bool {
        self.lock.state(id, &self.file(id)) == Ok(FileState::Unchanged)
    }

    /// Writes documents, or records a problem for each that cannot be written. Returns the ids of those that were.
    ///
    /// The lock has the old and the new hash before a document is replaced, so that a run that is interrupted at any
    /// point does not take its own documents for edited ones.
    fn put(
        &mut self,
        records: Vec<(String, Result<Value, String>)>,
        bar: &ProgressBar,
    ) -> Result<Vec<String>, String> {
        let mut ready = Vec::with_capacity(records.len());
        for (id, record) in records {
            bar.set_message(id.clone());
            if let Some(error) = record.as_ref().ok().and_then(|record| record["openapi"].get("error")) {
                let message = error["message"].as_str().map_or_else(|| error.to_string(), str::to_owned);
                self.fetched.undocumented.insert(id.clone(), message);
            }
            match record.and_then(|record| self.prepare(&id, &record)) {
                Ok(document) => ready.push(document),
                Err(problem) => self.fetched.problems.push(format!("{}{problem}", start_of_problem(&id))),
            }
            bar.inc(1);
        }
        let lock = self.schemas.join("lock.toml");
        self.lock.write(&lock)?;
        let mut was_replaced = false;
        for Ready { id, text, old, .. } in &ready {
            match old {
                None => self.fetched.new.push(id.clone()),
                Some(old) if old == text => self.fetched.same.push(id.clone()),
                Some(_) => self.fetched.changed.push(id.clone()),
            }
            if old.as_ref() != Some(text) {
                write_file(&self.file(id), text)?;
            }
            if let Some(entry) = self.lock.0.get_mut(id) {
                was_replaced |= entry.replaced.take().is_some();
            }
        }
        if was_replaced {
            self.lock.write(&lock)?;
        }
        let mut written = Vec::with_capacity(ready.len());
        for Ready { id, prose, .. } in ready {
            self.fetched.prose.extend(prose.map(|prose| (id.clone(), prose)));
            written.push(id);
        }
        Ok(written)
    }

    /// Converts a record to its document, and enters it in the lock.
    fn prepare(&mut self, id: &str, record: &Value) -> Result<Ready, String> {
        if let Some(other) = record["endpoint_id"].as_str().filter(|other| *other != id) {
            return Err(format!("the record is that of `{other}`"));
        }
        let old = fs::read_to_string(self.file(id)).ok();
        let committed: Option<Value> = old.as_ref().and_then(|old| serde_json::from_str(old).ok());
        let (document, mut findings) =
            canonical::canonicalize_update(record, committed.as_ref(), &self.descriptions)?;
        findings.notes.iter_mut().for_each(|note| *note = format!("schemas/{id}.json: {note}"));
        self.fetched.findings.missing.append(&mut findings.missing);
        self.fetched.findings.notes.append(&mut findings.notes);
        let text = canonical::to_text(&document);
        if old.is_none() {
            self.check_new(id, &text)?;
        }
        let written = sha256(text.as_bytes());
        let replaced = old.as_ref().map(|old| sha256(old.as_bytes())).filter(|old| *old != written);
        if self.source.is_some() {
            write_file(&self.records.join(Manifest::document_path(id)), &record.to_string())?;
        }
        match (&self.source, self.lock.0.get_mut(id)) {
            // Where only the prose of fal has changed, `keep_prose` changes the lock.
            (_, Some(entry)) if entry.written == written && old.as_ref() == Some(&text) => {}
            (None, Some(entry)) => {
                entry.written = written;
                entry.replaced = replaced;
            }
            // New words make no fetched document of one that was written by hand.
            (None, None) => {}
            (Some(source), entry) => {
                let updated = record["metadata"]["updated_at"].as_str();
                let entry = Entry {
                    source: source.clone(),
                    updated: updated.map(|time| time.chars().take_while(|&c| c != 'T').collect()),
                    document: sha256(record["openapi"].to_string().as_bytes()),
                    written,
                    prose: entry.and_then(|entry| entry.prose.clone()),
                    replaced,
                };
                self.lock.0.insert(id.to_owned(), entry);
            }
        }
        let prose = self.source.is_some().then(|| Prose::read(record));
        Ok(Ready { id: id.to_owned(), text, old, prose })
    }

    /// Enters the digests of fal's texts in the lock, and finds the texts that have changed. Those of documents without
    /// digests are as they were, as far as anybody knows.
    ///
    /// This is done when all documents are here: the digests that an interrupted run had entered would hide what it found.
    fn keep_prose(&mut self) -> Result<(), String> {
        for id in &self.fetched.resumed {
            if let Ok(record) = read_record(&self.records.join(Manifest::document_path(id))) {
                self.fetched.prose.insert(id.clone(), Prose::read(&record));
            }
        }
        let mut is_changed = false;
        for (id, prose) in &self.fetched.prose {
            let Some(entry) = self.lock.0.get_mut(id) else { continue };
            let old = entry.prose.replace(prose.digests());
            is_changed |= old != entry.prose;
            let subjects = old.map(|old| prose.changed_since(&old)).unwrap_or_default();
            if !subjects.is_empty() {
                self.fetched.rephrased.insert(id.clone(), subjects);
            }
        }
        if is_changed { self.lock.write(&self.schemas.join("lock.toml")) } else { Ok(()) }
    }

    /// Returns the reason why no code can be generated from a new document. An old one keeps its last good state, but a
    /// new one has none.
    fn check_new(&self, id: &str, text: &str) -> Result<(), String> {
        let file = Manifest::document_path(id);
        let overlay = fs::read_to_string(self.schemas.join(OVERLAYS).join(&file)).ok();
        let source = |text: String| fal_codegen::Source { file: file.clone(), text };
        let overlays = overlay.into_iter().map(source).collect();
        let generator = Generator::new(Options { overlays, ..workspace::options() });
        let report = generator.check(&[source(text.to_owned())]).map_err(|errors| errors.to_string())?;
        match report.endpoints.into_iter().find_map(|entry| entry.reason.filter(|_| entry.id == id)) {
            Some(reason) => Err(reason),
            None => Ok(()),
        }
    }
}

/// Receives a batch of records by endpoint id.
type Take<'a> = dyn FnMut(Vec<(String, Result<Value, String>)>) -> Result<(), String> + 'a;
