//! The descriptions of this project are in its own words: none shares a run of eight words with fal's documents.
//!
//! The documents are read from `../shared/corpus`. Without that folder, the test passes with a message.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, HashSet},
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use serde_json::Value;

/// The longest run of words that may be alike by chance.
const RUN: usize = 8;

#[test]
fn no_description_repeats_eight_words_of_a_document_of_fal() {
    let root = fal_tests::root();
    let corpus = root.join("../shared/corpus");
    if !corpus.is_dir() {
        println!("skipped: there is no folder {}", corpus.display());
        return;
    }
    let mut known = HashSet::new();
    for folder in ["schemas", "more"] {
        for file in files(&corpus.join(folder), "json") {
            let document: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            add_prose(&document, &mut known);
        }
    }
    assert!(known.len() > 10_000, "{} runs", known.len());

    let mut copied = Vec::new();
    for (id, record) in records(&root.join("schemas")) {
        for text in descriptions(&record) {
            if runs(&text).any(|run| known.contains(&run)) {
                copied.push(format!("{id}: {text}"));
            }
        }
    }
    assert!(copied.is_empty(), "{} descriptions are fal's: {copied:#?}", copied.len());
}

#[test]
fn a_repeated_run_is_found_whatever_its_punctuation() {
    let known: HashSet<u64> = runs("The quick, brown fox jumps over the lazy dog.").collect();
    let repeats = |text: &str| runs(text).any(|run| known.contains(&run));
    assert!(repeats("See: quick brown fox jumps OVER the lazy dog!"));
    assert!(!repeats("A quick brown fox jumps over the dog."));
}

/// Returns the records of the models, by their ids.
fn records(schemas: &Path) -> BTreeMap<String, Value> {
    let records = files(schemas, "json").into_iter().map(|file| {
        let record: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        (record["endpoint_id"].as_str().unwrap_or_default().to_owned(), record)
    });
    records.filter(|(id, _)| !id.is_empty()).collect()
}

/// Returns the descriptions of an endpoint, its types and their properties.
///
/// The sentence of a rule is left out: a program writes it from names and values, which are fal's facts.
fn descriptions(record: &Value) -> Vec<String> {
    let mut record = record.clone();
    remove_rules(&mut record);
    let mut found = Vec::new();
    visit(&record, &mut |key, text| {
        if key == "description" {
            found.push(text.to_owned());
        }
    });
    found
}

/// Removes the schemas with a condition.
fn remove_rules(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.retain(|item| item.get("if").is_none());
            items.iter_mut().for_each(remove_rules);
        }
        Value::Object(object) => object.values_mut().for_each(remove_rules),
        _ => {}
    }
}

/// Adds the hash of every run of words in the prose of a document.
fn add_prose(document: &Value, known: &mut HashSet<u64>) {
    visit(document, &mut |key, text| {
        if ["description", "limit_description"].contains(&key) {
            known.extend(runs(text));
        }
    });
}

/// Visits every text with its key.
fn visit<'a>(value: &'a Value, seen: &mut impl FnMut(&str, &'a str)) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| visit(item, seen)),
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(text) => seen(key, text),
                    value => visit(value, seen),
                }
            }
        }
        _ => {}
    }
}

/// Returns the hashes of the runs of words in a text.
fn runs(text: &str) -> impl Iterator<Item = u64> {
    let words: Vec<String> = text
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    let hashes: Vec<u64> = words
        .windows(RUN)
        .map(|run| {
            let mut hasher = DefaultHasher::new();
            run.hash(&mut hasher);
            hasher.finish()
        })
        .collect();
    hashes.into_iter()
}

/// Returns the files below a folder that have an extension.
fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found
}
