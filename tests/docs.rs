//! `rustdoc` builds the docs of generated crates without a warning.
//!
//! Descriptions come from the documents of models, and may contain text that Markdown or rustdoc reads as markup. By
//! default a sample of crates is built: for each kind of markup, the crate with the highest share of it.
//! `DOCS_WHOLE=1` builds every crate, which takes many minutes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
    process::Command,
};

use fal_codegen::{Generator, Source, Tree};

/// Markup that documents use: escaped by the generator, or kept on purpose.
const MARKUP: &[&str] =
    &["\\[", "\\<", "\\*", "\\_", "\\#", "\\|", "\\~", "\\\\", "`", "<http", "](", "1\\."];

#[test]
fn rustdoc_does_not_warn_about_generated_crates() {
    let folder = fal_tests::root().join("../shared/corpus/schemas");
    let folder = if folder.is_dir() { folder } else { fal_tests::root().join("schemas/fal-ai") };
    let mut sources = Vec::new();
    read(&folder, &mut sources);
    let generator = Generator::new(fal_tests::standalone());
    let tree = generator.crates(&sources).unwrap_or_else(|errors| panic!("{errors}")).tree;

    let whole = env::var_os("DOCS_WHOLE").is_some();
    let crates: BTreeSet<&str> = if whole { crates(&tree).into_keys().collect() } else { sample(&tree) };
    println!("{} crates: {crates:?}", crates.len());
    let workspace = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs");
    let changes = tree.changes(&workspace, &["crates".to_owned()]).unwrap();
    tree.apply(&workspace, &changes).unwrap();
    fs::copy(fal_tests::root().join("Cargo.lock"), workspace.join("Cargo.lock")).unwrap();
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["doc", "--no-deps", "--offline", "--color=never", "--target-dir", "target"])
        .args(crates.iter().flat_map(|name| ["-p", *name]))
        .current_dir(&workspace)
        .env("RUSTDOCFLAGS", "-D warnings")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Picks, for each kind of markup, the crate with the highest share of it in its docs.
fn sample(tree: &Tree) -> BTreeSet<&str> {
    let crates = crates(tree);
    let most = MARKUP.iter().filter_map(|mark| {
        let share = |docs: &str| docs.matches(mark).count() as f64 / docs.len() as f64;
        let most = crates.iter().max_by(|(_, a), (_, b)| share(a).total_cmp(&share(b)));
        most.filter(|(_, docs)| docs.contains(mark)).map(|(name, _)| *name)
    });
    most.collect()
}

/// Collects the doc comments of every crate.
fn crates(tree: &Tree) -> BTreeMap<&str, String> {
    let mut crates: BTreeMap<&str, String> = BTreeMap::new();
    for (path, text) in tree.iter().filter(|(path, _)| path.ends_with(".rs")) {
        let docs = crates.entry(path.split('/').nth(1).unwrap()).or_default();
        for line in text.lines().map(str::trim_start).filter(|line| line.starts_with("//")) {
            docs.push_str(line);
            docs.push('\n');
        }
    }
    crates
}

/// Adds all JSON files below `folder`.
fn read(folder: &Path, sources: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            read(&path, sources);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            let text = fs::read_to_string(&path).unwrap();
            sources.push(Source { file: path.display().to_string(), text });
        }
    }
}
