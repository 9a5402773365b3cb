//! Other generators on the documents that they can be made to take: as published, and normalised by us.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use fal_codegen::{
    Options, Source, generate, normalize,
    schema::{self, Record},
};
use serde_json::Value;

use super::row::Row;
use crate::run::cargo;

/// One document, in a file of its own name.
struct Document<'a> {
    source: &'a Source,
    published: String,
    normalized: String,
}

/// What each generator takes and needs.
pub(super) fn measure(sources: &[Source], folder: &Path) -> Result<Vec<Row>, String> {
    let program = build()?;
    let documents: Vec<Document> = sources.iter().flat_map(documents).collect();
    let published = run(&program, &documents, &folder.join("published"), |document| &document.published)?;
    let normalized = run(&program, &documents, &folder.join("normalized"), |document| &document.normalized)?;
    let mut rows = Vec::new();
    for peer in ["progenitor", "typify"] {
        let theirs = Peer::of(&normalized[peer])?;
        let taken = theirs.taken.len();
        let ours = ours(&documents, &theirs.taken)?.as_secs_f64();
        // Both on one thread, one document at a time, from JSON text to Rust text.
        let each = |seconds: f64| seconds * 1000.0 / taken.max(1) as f64;
        let name = format!("codegen: one of the {taken} documents that {peer} takes, normalised");
        rows.push(Row::alone(&name, "ms", &[each(ours)]).peer(peer, each(theirs.seconds)));
        let name = format!("codegen: taken of {} documents, as published, beside {peer}", documents.len());
        let as_published = Peer::of(&published[peer])?.taken.len() as f64;
        rows.push(Row::alone(&name, "documents", &[documents.len() as f64]).peer(peer, as_published));
    }
    Ok(rows)
}

/// Builds the program that runs the other generators, which are kept out of this one.
fn build() -> Result<PathBuf, String> {
    cargo(["build", "--release", "--quiet", "-p", "fal-bench-peers"])
        .map_err(|error| format!("fal-bench-peers does not build: {error}"))?;
    // It lies beside this program, which is a release build too.
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    Ok(this.with_file_name(format!("fal-bench-peers{}", std::env::consts::EXE_SUFFIX)))
}

/// The documents of a source, which is one in each file of the corpus.
fn documents(source: &Source) -> Vec<Document<'_>> {
    let records = schema::read(&source.file, &source.text, None);
    let documents = records.into_iter().filter_map(|record| {
        let Ok(Record::Document(document)) = record else { return None };
        let published = document.openapi.to_string();
        let openapi = normalize::normalize(*document).ok()?.openapi;
        let mut openapi = serde_json::to_value(openapi).ok()?;
        // progenitor names functions by it, and fal publishes none.
        let paths = openapi.get_mut("paths").and_then(Value::as_object_mut)?;
        let items = paths.values_mut().filter_map(Value::as_object_mut);
        let operations = items.flat_map(|item| item.values_mut()).filter_map(Value::as_object_mut);
        for (index, operation) in operations.enumerate() {
            operation.insert("operationId".to_owned(), format!("fal_queue_{index}").into());
        }
        Some(Document { source, published, normalized: openapi.to_string() })
    });
    documents.collect()
}

fn run(
    program: &Path,
    documents: &[Document],
    folder: &Path,
    text: impl for<'a> Fn(&'a Document) -> &'a str,
) -> Result<Value, String> {
    let write = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        documents
            .iter()
            .enumerate()
            .try_for_each(|(index, document)| fs::write(folder.join(index.to_string()), text(document)))
    };
    write().map_err(|error| error.to_string())?;
    let output = Command::new(program).arg(folder).output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("peers failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

/// What one generator did.
#[derive(Default)]
struct Peer {
    /// The documents that it took, by index.
    taken: BTreeSet<usize>,
    seconds: f64,
}

impl Peer {
    fn of(said: &Value) -> Result<Self, String> {
        let taken = said["taken"].as_array().ok_or("peers named no documents")?;
        let taken = taken.iter().filter_map(Value::as_str).filter_map(|name| name.parse().ok()).collect();
        let seconds = said["seconds"].as_f64().ok_or("peers measured no time")?;
        Ok(Self { taken, seconds })
    }
}

/// What we need for the same documents, one at a time, which is one thread.
fn ours(documents: &[Document], taken: &BTreeSet<usize>) -> Result<Duration, String> {
    let start = Instant::now();
    for document in taken.iter().filter_map(|&index| documents.get(index)) {
        generate(std::slice::from_ref(document.source), &Options::default())
            .map_err(|errors| errors.to_string())?;
    }
    Ok(start.elapsed())
}
