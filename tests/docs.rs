//! `rustdoc` has nothing to say about generated crates.
//!
//! Descriptions come from documents, and hold what Markdown and rustdoc read as markup. The normal run takes
//! a sample of the corpus: for each kind of markup, the crate that has most of it for its size.
//! `DOCS_WHOLE=1` takes every crate, which is many minutes.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
    process::Command,
};

use fal_codegen::{FalCore, Layout, Options, Source, Tree, generate};

/// How markup of documents looks once it is escaped, and what is left as markup on purpose.
const MARKUP: &[&str] =
    &["\\[", "\\<", "\\*", "\\_", "\\#", "\\|", "\\~", "\\\\", "`", "<http", "](", "1\\."];

#[test]
fn rustdoc_has_nothing_to_say() {
    let folder = fal_tests::root().join("../shared/corpus/schemas");
    let folder = if folder.is_dir() { folder } else { fal_tests::root().join("schemas/fal-ai") };
    let mut sources = Vec::new();
    read(&folder, &mut sources);
    let fal_core = fal_tests::root().join("crates/fal-core").to_string_lossy().into_owned();
    let layout = Layout::Standalone { fal_core: FalCore::Path(fal_core) };
    let options = Options { layout, ..Options::default() };
    let tree = generate(&sources, &options).unwrap_or_else(|errors| panic!("{errors}")).tree;

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

/// The crate with most of each kind of markup for its size.
fn sample(tree: &Tree) -> BTreeSet<&str> {
    let crates = crates(tree);
    let most = MARKUP.iter().filter_map(|mark| {
        let share = |docs: &str| docs.matches(mark).count() as f64 / docs.len() as f64;
        let most = crates.iter().max_by(|(_, a), (_, b)| share(a).total_cmp(&share(b)));
        most.filter(|(_, docs)| docs.contains(mark)).map(|(name, _)| *name)
    });
    most.collect()
}

/// The docs of every crate.
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
