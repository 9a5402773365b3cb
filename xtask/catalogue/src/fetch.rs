//! `cargo xtask fetch`: documents from fal, in house form, into `schemas/`.

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
    house::{self, Words},
    lock::{Entry, Lock, State, sha256},
    root,
};

/// Arguments of `cargo xtask fetch`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The endpoints, which have to be in schemas/manifest.toml.
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<String>,
    /// Every endpoint of schemas/manifest.toml that was not written by hand.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    source: Source,
}

/// Where documents come from, and what may be overwritten.
#[derive(clap::Args)]
pub(crate) struct Source {
    /// A folder of records, `<endpoint id>.json` as the platform API gives them, instead of fal.
    #[arg(long, value_name = "DIR", conflicts_with = "reword")]
    from: Option<PathBuf>,
    /// The documents that are here: only the phrases of schemas/words are put in anew.
    #[arg(long)]
    reword: bool,
    /// The platform API. FAL_KEY is sent to it and to nothing else.
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

/// `schemas/manifest.toml`.
pub(crate) fn manifest(root: &Path) -> Result<Manifest, String> {
    let path = root.join("schemas/manifest.toml");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Manifest::read("schemas/manifest.toml", &text).map_err(|error| error.to_string())
}

/// Fetches documents into `schemas/`. `lenient` leaves documents that were written by hand without a word.
pub(crate) fn fetch(root: &Path, ids: &[String], lenient: bool, source: &Source) -> Result<(), String> {
    let schemas = root.join("schemas");
    let mut store = Store {
        words: Words::read(&schemas.join("words"))?,
        lock: Lock::read(&schemas.join("lock.toml"))?,
        schemas,
        source: source.name(),
        counts: Counts::default(),
        problems: Vec::new(),
    };
    let mut ids = store.may_be_written(ids, lenient, source.force)?;
    let mut progress = source.service().map(|service| Progress::read(root, &service));
    if let Some(progress) = &progress {
        let all = ids.len();
        ids.retain(|id| !(progress.has(id) && store.is_as_written(id)));
        if ids.len() < all {
            eprintln!("going on where the last run broke off: {} of {all} are here", all - ids.len());
        }
    }
    let bar = ProgressBar::new(ids.len() as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:32} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    let mut take = |records: Vec<(String, Result<Value, String>)>| {
        let mut here = Vec::with_capacity(records.len());
        for (id, record) in records {
            if store.put(&id, record) {
                here.push(id.clone());
            }
            bar.set_message(id);
            bar.inc(1);
        }
        // What is here is here, whatever becomes of the rest.
        store.lock.write(&store.schemas.join("lock.toml"))?;
        progress.as_mut().map_or(Ok(()), |progress| progress.add(&here))
    };
    let done = match source {
        Source { reword: true, .. } => folder::read(&root.join("schemas"), &ids, &mut take),
        Source { from: Some(folder), .. } => folder::read(folder, &ids, &mut take),
        Source { base_url, .. } => platform::read(base_url, &ids, &mut take),
    };
    bar.finish_and_clear();
    for problem in &store.problems {
        eprintln!("{problem}");
    }
    let Counts { new, changed, same } = store.counts;
    println!("{new} new, {changed} changed, {same} as they were");
    done?;
    progress.map_or(Ok(()), |progress| progress.finish())?;
    match store.problems.len() {
        0 => Ok(()),
        1 => Err("one document was left alone".to_owned()),
        problems => Err(format!("{problems} documents were left alone")),
    }
}

impl Source {
    /// The service that documents come from, if they come from one.
    fn service(&self) -> Option<String> {
        self.name().filter(|_| self.from.is_none())
    }

    fn name(&self) -> Option<String> {
        match self {
            Self { reword: true, .. } => None,
            Self { from: Some(_), .. } => Some("file".to_owned()),
            Self { base_url, .. } => Some(format!("{}/models", base_url.trim_end_matches('/'))),
        }
    }
}

/// The folder `schemas/` while documents arrive.
struct Store {
    schemas: PathBuf,
    words: Words,
    lock: Lock,
    /// `None` if the documents come from the folder itself.
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
        self.schemas.join(Manifest::document(id))
    }

    /// The endpoints whose documents may be overwritten; the others are problems.
    fn may_be_written(&mut self, ids: &[String], lenient: bool, force: bool) -> Result<Vec<String>, String> {
        let mut free = Vec::new();
        for id in ids {
            let state = self.lock.state(id, &self.file(id))?;
            let why = match state {
                State::Absent | State::AsWritten => None,
                _ if force => None,
                State::ByHand if lenient => continue,
                State::ByHand => Some("was written by hand"),
                State::Edited => Some("was edited since it was fetched"),
            };
            match why {
                None => free.push(id.clone()),
                Some(why) => {
                    self.problems.push(format!("schemas/{id}.json {why}; `--force` overwrites it"));
                }
            }
        }
        Ok(free)
    }

    /// Whether the document of an endpoint is what the last run wrote.
    fn is_as_written(&self, id: &str) -> bool {
        self.lock.state(id, &self.file(id)) == Ok(State::AsWritten)
    }

    /// Whether the document is here now.
    fn put(&mut self, id: &str, record: Result<Value, String>) -> bool {
        let written = record.and_then(|record| self.write(id, &record));
        let done = written.is_ok();
        self.problems.extend(written.err());
        done
    }

    fn write(&mut self, id: &str, record: &Value) -> Result<(), String> {
        let form = house::form(record, &self.words)
            .map_err(|findings| format!("schemas/{id}.json\n  {}", findings.join("\n  ")))?;
        let text = house::print(&form);
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

/// Takes some records, by endpoint id.
type Take<'a> = dyn FnMut(Vec<(String, Result<Value, String>)>) -> Result<(), String> + 'a;
