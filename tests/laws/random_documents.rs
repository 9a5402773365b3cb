//! Laws of types that are generated from random documents, which nobody had in mind when the generator was written.
//!
//! `RANDOM_DOCUMENTS=1000` writes so many documents, `RANDOM_SEED=7` others, and `RANDOM_ONLY=12,15` those with these
//! numbers only. A failure prints the smallest document of its kind that was found, with the seed and the number to repeat it.
//! `RANDOM_SHRINK=10` shrinks so many kinds of failures, instead of 3, and `RANDOM_LIST=1` prints every failure and the
//! documents of those.

mod app;
mod names;
mod reported;
mod shrink;
mod writer;
mod written;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use crate::random_documents::{app::App, shrink::shrink};

/// The number of documents unless the environment says another one.
const DOCUMENTS: usize = 300;

/// The number of kinds of failures that are shrunk.
const SHRUNKEN: usize = 3;

#[test]
fn types_of_random_documents_agree_with_their_schemas() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<usize>().unwrap());
    let seed = number("RANDOM_SEED").unwrap_or(1);
    let apps: Vec<App> = match std::env::var("RANDOM_ONLY") {
        Ok(list) => list.split(',').map(|index| App::random(seed, index.trim().parse().unwrap())).collect(),
        Err(_) => (0..number("RANDOM_DOCUMENTS").unwrap_or(DOCUMENTS))
            .map(|index| App::random(seed, index))
            .collect(),
    };
    let start = Instant::now();
    let outcome = app::check("random", &apps);
    println!("{outcome}{:.1} s for {} documents with seed {seed}", start.elapsed().as_secs_f32(), apps.len());

    if std::env::var_os("RANDOM_LIST").is_some() {
        outcome
            .failures
            .iter()
            .for_each(|failure| println!("{}: {}\n{}", failure.app, failure.class, failure.text));
        let failed: BTreeSet<usize> = outcome.failures.iter().map(|failure| failure.app).collect();
        let failed = apps.iter().filter(|app| failed.contains(&app.index));
        failed.for_each(|app| println!("document {}:\n{app}", app.index));
    }
    let failed: BTreeSet<usize> = outcome.failures.iter().map(|failure| failure.app).collect();
    let mut text = String::new();
    let mut classes: BTreeMap<&str, Vec<&app::Failure>> = BTreeMap::new();
    for failure in &outcome.failures {
        classes.entry(&failure.class).or_default().push(failure);
    }
    let mut classes: Vec<_> = classes.into_iter().collect();
    classes.sort_by_key(|(_, failures)| std::cmp::Reverse(failures.len()));
    let mut shrunken = 0;
    for (class, failures) in &classes {
        let documents: BTreeSet<usize> = failures.iter().map(|failure| failure.app).collect();
        let title = format!("{} x {class} ({} documents)", failures.len(), documents.len());
        let Some(first) = failures.iter().min_by_key(|failure| failure.text.len()) else { continue };
        text += &format!("\n{title}\n  repeat with RANDOM_SEED={seed} RANDOM_ONLY={}\n", first.app);
        match apps.iter().find(|app| app.index == first.app) {
            Some(app) if shrunken < number("RANDOM_SHRINK").unwrap_or(SHRUNKEN) => {
                shrunken += 1;
                let (app, failure) = shrink(app, first);
                text += &format!("{}\n{app}", failure.text);
            }
            _ => text += &format!("{}\n", first.text),
        }
    }
    assert!(text.is_empty(), "{} failures, in the documents {failed:?}:\n{text}", outcome.failures.len());
}
