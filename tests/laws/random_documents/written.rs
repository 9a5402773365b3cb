//! Documents that were written by hand, each with many constructs of one kind.
//!
//! A file is `{"components": {..}, "input": {..}, "output": {..}}`. `LAWS_WRITTEN=<folder>` checks the files of another
//! folder, and `LAWS_SHRINK=1` looks for the smallest document of each failure.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::Value;

use super::{
    app::{self, App, Failure},
    shrink::shrink,
    writer::Part,
};

#[test]
fn types_of_written_documents_agree_with_their_schemas() {
    let own = || fal_tests::root().join("tests/laws/written");
    let folder = std::env::var_os("LAWS_WRITTEN").map_or_else(own, PathBuf::from);
    let mut files: Vec<PathBuf> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let apps: Vec<App> = files.iter().enumerate().map(|(index, path)| read(index, path)).collect();
    let outcome = app::check("written", &apps);
    println!("{outcome}");
    let mut kinds: BTreeMap<(usize, &str), Vec<&Failure>> = BTreeMap::new();
    for failure in &outcome.failures {
        kinds.entry((failure.app, &failure.class)).or_default().push(failure);
    }
    let mut text = String::new();
    for ((app, class), failures) in kinds {
        let Some(shortest) = failures.iter().min_by_key(|failure| failure.text.len()) else { continue };
        text += &format!("\n{}: {} x {class}\n{}\n", files[app].display(), failures.len(), shortest.text);
        // Shrinking compiles many times.
        if std::env::var_os("LAWS_SHRINK").is_some() {
            let (app, failure) = shrink(&apps[app], shortest);
            text += &format!("{}\n{app}", failure.text);
        }
    }
    assert!(text.is_empty(), "{} failures:\n{text}", outcome.failures.len());
}

fn read(index: usize, path: &PathBuf) -> App {
    let document: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let part = Part {
        components: document["components"].as_object().cloned().unwrap_or_default(),
        input: document["input"].clone(),
        output: document["output"].clone(),
    };
    let name = path.file_stem().unwrap().to_string_lossy().replace('_', "-");
    App::with_parts(index, name, vec![part])
}
