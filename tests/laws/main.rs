//! Laws of generated types: a type accepts exactly the instances that its schema accepts, and reading and writing an
//! instance loses nothing.
//!
//! The judge is the `jsonschema` crate, on the document as it was published. The laws are checked for the documents of
//! this repository and for a sample of the corpus. `LAWS_WHOLE=1` checks the whole corpus, which takes many minutes;
//! `LAWS_ONLY=<text>,<text>` checks the endpoints of the corpus whose ids contain one of the texts.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod allowed;
mod cases;
mod compare;
mod derived;
mod documents;
mod examples;
mod findings;
mod harness;
mod instances;
mod known_faults;
mod mutate;
mod own_apps;
mod random;
mod random_documents;
mod schema;
mod sites;
mod text;

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

use crate::{
    documents::{Document, Selection},
    findings::Findings,
    harness::Harness,
};

#[test]
fn types_of_the_corpus_agree_with_their_schemas() {
    let selection = Selection::from_env();
    let Some(documents) = documents::corpus(&selection) else { return };
    // Each selection has a folder of its own, so that building one does not discard the builds of the others.
    check_laws(selection.name(), &documents, selection == Selection::Whole);
}

#[test]
fn types_of_this_repository_agree_with_their_schemas() {
    check_laws("own", &documents::own(), false);
}

#[test]
fn types_of_combined_apps_agree_with_their_schemas() {
    check_laws("combined", &documents::combined(), false);
}

/// Generates and builds the types of all documents, and checks them. `is_whole`: exceptions that cover nothing are
/// reported, because nothing else is left that they could cover.
fn check_laws(name: &str, documents: &[Document], is_whole: bool) {
    let harness = Harness::build(name, documents);
    let mut broken: Vec<String> =
        harness.warnings.iter().map(|one| format!("a warning of the compiler:\n{one}")).collect();
    broken.extend(check_report(documents, &harness));
    if harness.generated.tree != harness::generate(documents).tree {
        broken.push("generating twice writes different files".to_owned());
    }
    let findings = check_documents(name, documents, &harness);
    if findings.unplaced_examples > 0 {
        broken.push(format!("{} examples and defaults were not checked", findings.unplaced_examples));
    }
    broken.extend(findings.too_few_cases);
    broken.extend(findings.derived);
    let (rest, expired) = allowed::apply_exceptions(findings.disagreements);
    if !rest.is_empty() {
        broken.push(format!("{} disagreements:\n{}", rest.len(), findings::by_class(&rest)));
    }
    if is_whole {
        broken.extend(expired.iter().map(|reason| format!("an exception covers nothing any more: {reason}")));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n\n"));
}

/// Checks all documents, on all cores, and prints the totals.
fn check_documents(name: &str, documents: &[Document], harness: &Harness) -> Findings {
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
                        let cases = cases::cases(document, cases::PUBLISHED);
                        let answers = session.check(&document.id, &cases.list);
                        findings.add_answers(document, &cases, &answers);
                        let schema = session.schema(&document.id);
                        findings.derived.extend(derived::differences(document, &cases.list, &schema));
                    }
                }
                sum.lock().unwrap().add(findings);
            });
        }
    });
    let mut findings = sum.into_inner().unwrap();
    findings.derived.sort();
    findings.disagreements.sort_by(|a, b| a.id.cmp(&b.id));
    println!(
        "{name}: {:.1} s generating, {:.1} s compiling, {:.1} s checking\n{findings}",
        harness.generating.as_secs_f32(),
        harness.compiling.as_secs_f32(),
        start.elapsed().as_secs_f32(),
    );
    findings
}

/// Describes the errors in the generator's report. Every document must be in it, either generated with all of its
/// properties or skipped with a reason.
fn check_report(documents: &[Document], harness: &Harness) -> Vec<String> {
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
            wrong.push(format!("the report does not fit the document: {entry:?}"));
        }
    }
    let forgotten = documents.iter().filter(|document| !reported.contains(document.id.as_str()));
    wrong.extend(forgotten.map(|document| format!("{} is not in the report", document.id)));
    wrong
}
