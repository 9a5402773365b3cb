//! The committed crates are up to date with `schemas/`, and generation is deterministic.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use fal_codegen::{Generator, Options, Source, tree::Change, workspace};

#[test]
fn committed_crates_are_fresh() {
    let plan = workspace::plan(&fal_tests::root(), &[]).unwrap();
    let stale: Vec<String> = plan.changes.iter().map(ToString::to_string).collect();
    assert!(stale.is_empty(), "stale; run `cargo xtask regen`:\n{}", stale.join("\n"));
}

/// The module that the tests in `ui/` use beside the committed crates.
#[test]
fn the_fixture_of_the_ui_tests_is_fresh() {
    let folder = fal_tests::root().join("tests/ui/fixture");
    let text = fs::read_to_string(folder.join("poster.json")).unwrap();
    let source = Source { file: "poster.json".to_owned(), text };
    let generated = Generator::new(Options::default()).module(&[source]).unwrap().text;
    let path = folder.join("poster.rs");
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, &generated).unwrap();
    }
    let committed = fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == generated,
        "stale; `INSTA_UPDATE=always cargo test -p fal-tests --test fresh` rewrites it"
    );
}

/// Two small families, so that generating them repeatedly is quick.
const MANIFEST: &str = r#"
[crates.fal-flux]
app = "fal-ai/flux"
title = "FLUX.1, text and images to images"
endpoints = ["fal-ai/flux/dev", "fal-ai/flux/dev/image-to-image", "fal-ai/flux/schnell"]

[crates.fal-whisper]
app = "fal-ai/whisper"
title = "Whisper, speech to text"
endpoints = ["fal-ai/whisper"]
"#;

/// Copies the schemas of [`MANIFEST`] to a temporary folder where tests can change them.
fn copy() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for name in MANIFEST.split('"') {
        let from = fal_tests::root().join(format!("schemas/{name}.json"));
        if from.is_file() {
            let to = copy.path().join(format!("schemas/{name}.json"));
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(from, to).unwrap();
        }
    }
    fs::write(copy.path().join("schemas/manifest.toml"), MANIFEST).unwrap();
    copy
}

/// Replaces the first occurrence of `from` in a schema.
fn edit(copy: &tempfile::TempDir, schema: &str, from: &str, to: &str) {
    let path = copy.path().join(format!("schemas/{schema}.json"));
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{schema} has no {from}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn generating_twice_changes_nothing() {
    let copy = copy();
    let first = workspace::plan(copy.path(), &[]).unwrap();
    assert!(first.changes.len() > 10, "{:?}", first.changes);
    first.write(copy.path()).unwrap();
    let second = workspace::plan(copy.path(), &[]).unwrap();
    assert_eq!(second.changes, []);
    assert_eq!(first.tree(), second.tree());
}

#[test]
fn a_changed_bound_changes_only_that_bound_and_its_docs() {
    let copy = copy();
    workspace::plan(copy.path(), &[]).unwrap().write(copy.path()).unwrap();
    edit(&copy, "fal-ai/flux/schnell", "\"maximum\": 12", "\"maximum\": 16");

    let plan = workspace::plan(copy.path(), &[]).unwrap();
    let mut new_lines = Vec::new();
    for path in plan.changes.iter().map(Change::path) {
        let old = fs::read_to_string(copy.path().join(path)).unwrap();
        let new = plan.tree().get(path).unwrap();
        assert_eq!(old.lines().count(), new.lines().count(), "{path}");
        for (old, new) in old.lines().zip(new.lines()).filter(|(old, new)| old != new) {
            assert_eq!(old.replace("12", "16"), new, "{path}");
            // A property of a JSON Schema is one line. Of that, the changed keyword counts here.
            let keyword =
                new.split(", ").find(|part| path.ends_with("json_schema.rs") && part.contains("16"));
            new_lines.push((path.rsplit('/').next().unwrap(), keyword.unwrap_or(new).trim().to_owned()));
        }
    }
    let new_lines: Vec<(&str, &str)> = new_lines.iter().map(|(file, line)| (*file, line.as_str())).collect();
    assert_eq!(
        new_lines,
        [
            ("json_schema.rs", "\"maximum\": 16"),
            ("schnell.rs", "/// Between 1 and 16. Default `4`."),
            ("schnell.rs", "/// `num_inference_steps`: between 1 and 16."),
            ("schnell.rs", "/// and 16. Default `4`."),
            ("schnell.rs", "NumInferenceSteps, i64, 1, 16,"),
            ("schnell.rs", "\"`num_inference_steps` of fal-ai/flux/schnell must be between 1 and 16\""),
        ]
    );
}

#[test]
fn generated_files_without_a_schema_are_removed() {
    let copy = copy();
    workspace::plan(copy.path(), &[]).unwrap().write(copy.path()).unwrap();
    let left_over = copy.path().join("crates/models/fal-gone/src/lib.rs");
    fs::create_dir_all(left_over.parent().unwrap()).unwrap();
    fs::write(&left_over, "").unwrap();

    let plan = workspace::plan(copy.path(), &[]).unwrap();
    assert_eq!(
        plan.changes.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["removed  crates/models/fal-gone/src/lib.rs"]
    );
    plan.write(copy.path()).unwrap();
    assert!(!copy.path().join("crates/models/fal-gone").exists());
}

#[test]
fn an_invalid_document_is_named_and_nothing_is_written() {
    let copy = copy();
    edit(&copy, "fal-ai/flux/dev", "#/components/schemas/ImageSize", "#/components/schemas/Missing");
    edit(&copy, "fal-ai/whisper", "{", "");
    let failure = workspace::plan(copy.path(), &[]).unwrap_err().to_string();
    insta::assert_snapshot!(failure);
    assert!(!copy.path().join("crates").exists());
}

#[test]
fn a_crate_that_is_not_in_the_manifest_is_an_error() {
    let failure = workspace::plan(copy().path(), &["fal-fluks".to_owned()]).unwrap_err().to_string();
    assert_eq!(failure, "`fal-fluks` is not in schemas/manifest.toml; it has fal-flux, fal-whisper");
}
