//! Laws that generated types keep, for every document of the corpus and every document of this
//! repository: what a type accepts is what its schema accepts, and nothing is lost on the way through.
//!
//! The verdict is that of the `jsonschema` crate on the document as it was published. `LAWS_ONLY=<text>`
//! narrows the corpus to endpoints whose ids hold the text.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod allowed;
mod cases;
mod compare;
mod documents;
mod findings;
mod harness;
mod instances;
mod mutate;
mod random;
mod schema;
mod sites;
mod text;
mod twins;
mod vectors;

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use fal_codegen::report::Status;

use crate::{documents::Document, findings::Findings, harness::Harness};

#[test]
fn types_of_the_corpus_agree_with_their_schemas() {
    let Some(documents) = documents::corpus() else { return };
    let whole = documents::only().is_none();
    // A part is built elsewhere, so that the whole need not be built again after it.
    keep_the_laws(if whole { "corpus" } else { "part" }, &documents, whole);
}

#[test]
fn types_of_this_repository_agree_with_their_schemas() {
    keep_the_laws("own", &documents::own(), false);
}

/// Generates, builds and asks. `whole`: what is not found here is found nowhere, so that an exception
/// without a case has to go.
fn keep_the_laws(name: &str, documents: &[Document], whole: bool) {
    let harness = Harness::build(name, documents);
    let mut broken: Vec<String> = harness.warnings.iter().map(|one| format!("a warning:\n{one}")).collect();
    broken.extend(unaccounted(documents, &harness));
    if harness.generated.tree != harness::generate(documents).tree {
        broken.push("generating twice gives different files".to_owned());
    }
    let findings = ask(name, documents, &harness);
    if findings.missed > 0 {
        broken.push(format!("{} examples and defaults were not tried", findings.missed));
    }
    broken.extend(findings.short);
    broken.extend(findings.twins);
    let (rest, expired) = allowed::sift(findings.disagreements);
    if !rest.is_empty() {
        broken.push(format!("{} disagreements:\n{}", rest.len(), findings::by_class(&rest)));
    }
    if whole {
        broken.extend(expired.iter().map(|why| format!("an exception covers nothing any more: {why}")));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
}

/// Asks about every document, on every core, and prints the sums.
fn ask(name: &str, documents: &[Document], harness: &Harness) -> Findings {
    let start = Instant::now();
    let skipped: BTreeSet<&str> = (harness.generated.report.endpoints.iter())
        .filter(|entry| entry.status == Status::Skipped)
        .map(|entry| entry.id.as_str())
        .collect();
    let next = AtomicUsize::new(0);
    let sum = Mutex::new(Findings::default());
    let threads = thread::available_parallelism().map_or(1, |count| count.get());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut session = harness.start();
                let mut findings = Findings::default();
                while let Some(document) = documents.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if !skipped.contains(document.id.as_str()) {
                        let cases = cases::cases(document);
                        let answers = session.ask(&document.id, &cases.list);
                        findings.judge(document, &cases, &answers);
                        let schema = session.schema(&document.id);
                        findings.twins.extend(twins::differences(document, &cases.list, &schema));
                    }
                }
                sum.lock().unwrap().add(findings);
            });
        }
    });
    let mut findings = sum.into_inner().unwrap();
    findings.twins.sort();
    findings.disagreements.sort_by(|a, b| a.id.cmp(&b.id));
    println!(
        "{name}: {:.1} s generating, {:.1} s compiling, {:.1} s asking\n{findings}",
        harness.generating.as_secs_f32(),
        harness.compiling.as_secs_f32(),
        start.elapsed().as_secs_f32(),
    );
    findings
}

/// What is wrong with the report: every document has to be in it, generated or left out for a reason, and
/// no property may be lost.
fn unaccounted(documents: &[Document], harness: &Harness) -> Vec<String> {
    let entries = &harness.generated.report.endpoints;
    let mut wrong = Vec::new();
    let mut reported: BTreeSet<&str> = BTreeSet::new();
    for entry in entries {
        let document = documents.iter().find(|document| document.id == entry.id);
        let generated = document.is_some_and(|document| document.schemas.is_some());
        let right = reported.insert(&entry.id)
            && (entry.status == Status::Generated) == generated
            && entry.reason.is_none() == generated
            && entry.properties_read == entry.properties_emitted;
        if !right {
            wrong.push(format!("not as its document says: {entry:?}"));
        }
    }
    let forgotten = documents.iter().filter(|document| !reported.contains(document.id.as_str()));
    wrong.extend(forgotten.map(|document| format!("{} is not in the report", document.id)));
    wrong
}
