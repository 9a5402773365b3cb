//! Measures other generators, on documents as published and as normalized by this project.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use fal_codegen::{
    Generator, Options, Source, normalize,
    schema::{self, Record},
};
use serde_json::Value;

use super::row::{Of, Row};
use crate::run::cargo;

/// A document, as published and as normalized.
struct Document<'a> {
    source: &'a Source,
    published: String,
    normalized: String,
}

/// Measures each generator on the documents that it accepts.
pub(super) fn measure(sources: &[Source], folder: &Path) -> Result<Vec<Row>, String> {
    let program = build()?;
    let documents: Vec<Document> = sources.iter().flat_map(documents).collect();
    let published = run(&program, &documents, &folder.join("published"), |document| &document.published)?;
    let normalized = run(&program, &documents, &folder.join("normalized"), |document| &document.normalized)?;
    let mut rows = Vec::new();
    for peer in ["progenitor", "typify"] {
        let theirs = PeerResult::parse(&normalized[peer])?;
        let count = theirs.accepted.len();
        let ours = ours(&documents, &theirs.accepted)?.as_secs_f64();
        // Both on one thread, one document at a time, from the text of a document to the text of a module.
        let each = |seconds: f64| seconds * 1000.0 / count.max(1) as f64;
        let name = format!("codegen: one of the {count} documents that {peer} accepts, normalized");
        rows.push(Row::alone(&name, "ms", &[each(ours)]).peer(peer, each(theirs.seconds)));
        if peer == "progenitor" {
            let row = Row::alone("codegen: times as fast as progenitor", "times", &[theirs.seconds / ours]);
            rows.push(row.at_least(Of::Ours, 3.0));
        }
        let name =
            format!("codegen: accepted of {} documents, as published, compared with {peer}", documents.len());
        let as_published = PeerResult::parse(&published[peer])?.accepted.len() as f64;
        rows.push(Row::alone(&name, "documents", &[documents.len() as f64]).peer(peer, as_published));
    }
    Ok(rows)
}

/// Builds the program that runs the other generators, and returns its path.
fn build() -> Result<PathBuf, String> {
    cargo(["build", "--release", "--quiet", "-p", "fal-bench-peers"])
        .map_err(|error| format!("fal-bench-peers does not build: {error}"))?;
    // It is in the folder of this program, which is a release build too.
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    Ok(this.with_file_name(format!("fal-bench-peers{}", std::env::consts::EXE_SUFFIX)))
}

/// Returns the documents of a source. A file of the corpus has one.
fn documents(source: &Source) -> Vec<Document<'_>> {
    let records = schema::read(&source.file, &source.text, None);
    let documents = records.into_iter().filter_map(|record| {
        let Ok(Record::Document(document)) = record else { return None };
        let published = document.openapi.to_string();
        let mut openapi = normalize::normalize(*document).ok()?.document;
        // progenitor names functions after it, and the documents of fal have none.
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
        return Err(format!("fal-bench-peers failed: {}", String::from_utf8_lossy(&output.stderr)));
    }
    serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())
}

/// The result of one generator.
#[derive(Default)]
struct PeerResult {
    /// Indices of the documents that it accepted.
    accepted: BTreeSet<usize>,
    seconds: f64,
}

impl PeerResult {
    fn parse(result: &Value) -> Result<Self, String> {
        let accepted = result["accepted"].as_array().ok_or("fal-bench-peers printed no documents")?;
        let accepted =
            accepted.iter().filter_map(Value::as_str).filter_map(|name| name.parse().ok()).collect();
        let seconds = result["seconds"].as_f64().ok_or("fal-bench-peers printed no time")?;
        Ok(Self { accepted, seconds })
    }
}

/// Returns the time of this generator for the same documents, one at a time and so on one thread.
fn ours(documents: &[Document], accepted: &BTreeSet<usize>) -> Result<Duration, String> {
    let start = Instant::now();
    for document in accepted.iter().filter_map(|&index| documents.get(index)) {
        Generator::new(Options::default())
            .crates(std::slice::from_ref(document.source))
            .map_err(|errors| errors.to_string())?;
    }
    Ok(start.elapsed())
}
