#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};

use super::*;
use crate::diff::tests::{commit_all, record, write_file};

fn document(id: &str, steps: Value) -> String {
    let input = json!({ "type": "object", "properties": { "steps": steps } });
    let output = json!({ "type": "object", "properties": { "url": { "type": "string" } } });
    record(id, input, output, json!({}))
}

/// A repository with two endpoints, whose documents and code are committed.
fn catalogue() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let family = |app: &str| {
        format!("[crates.fal-{}]\napp = {app:?}\ntitle = \"Drawings\"\nendpoints = [{app:?}]\n", &app[5..])
    };
    write_file(root, "Cargo.toml", "[workspace.package]\nversion = \"1.4.0\"\n");
    write_file(root, "schemas/manifest.toml", &format!("{}\n{}", family("acme/draw"), family("acme/film")));
    for id in ["acme/draw", "acme/film"] {
        write_file(
            root,
            &format!("schemas/{id}.json"),
            &document(id, json!({ "type": "integer", "maximum": 50 })),
        );
    }
    write_file(root, "schemas/lock.toml", &lock("old"));
    workspace::plan(root, &[]).unwrap().write(root).unwrap();
    commit_all(root);
    folder
}

fn lock(hash: &str) -> String {
    let entry = |id: &str| format!("[{id:?}]\nsource = \"file\"\nwritten = \"{hash}\"\n");
    format!("# Head.\n\n{}\n{}", entry("acme/draw"), entry("acme/film"))
}

/// Writes a document as `fetch` does.
fn fetch(root: &Path, id: &str, steps: Value) {
    write_file(root, &format!("schemas/{id}.json"), &document(id, steps));
    let path = root.join("schemas/lock.toml");
    let text = fs::read_to_string(&path).unwrap();
    let old = entry(&text, id).unwrap();
    let new = old.replace("\"old\"", "\"new\"");
    fs::write(&path, text.replace(old, &new)).unwrap();
}

#[test]
fn crate_with_many_lines_is_listed() {
    let mut tree = Tree::default();
    tree.insert("crates/models/fal-draw/src/lib.rs", "//\n".repeat(LARGE - 1));
    tree.insert("crates/models/fal-film/src/lib.rs", "//\n".repeat(LARGE - 1));
    tree.insert("crates/models/fal-film/src/dev.rs", "//\n");
    tree.insert("crates/models/fal-film/README.md", "x\n");
    let report = Report { large: large_crates(&tree), ..Report::default() };
    let text = text::write("", &report, "main");
    assert!(text.ends_with("\n- `fal-film`: 42000 lines\n"), "{text}");
    assert!(!text.contains("fal-draw"));
}

fn read(root: &Path, path: &str) -> String {
    fs::read_to_string(root.join(path)).unwrap()
}

#[test]
fn a_good_month_is_generated_and_described() {
    let folder = catalogue();
    let root = folder.path();
    fetch(root, "acme/draw", json!({ "type": "integer", "maximum": 40 }));
    let report = Report {
        changed: vec!["acme/draw".to_owned()],
        notes: vec!["schemas/acme/draw.json: /a: `hint` was left out".to_owned()],
        rephrased: [("acme/draw".to_owned(), vec!["the endpoint".to_owned(), "`input.steps`".to_owned()])]
            .into(),
        missing: [("`input.steps`".to_owned(), 2)].into(),
        gone: [("acme/film".to_owned(), "fal has no such endpoint".to_owned())].into(),
        unknown: [("text-to-image".to_owned(), 3)].into(),
        undocumented: [("acme/soon".to_owned(), "Failed to fetch OpenAPI schema".to_owned())].into(),
        large: BTreeMap::new(),
        ..Report::default()
    };
    let (text, left) = update(root, report, "HEAD").unwrap();
    assert_eq!(left, 0);
    insta::assert_snapshot!(text);
    assert!(read(root, "crates/models/fal-draw/src/lib.rs").contains("at most 40"));
}

#[test]
fn cause_for_which_fetching_failed_is_told_before_its_consequence() {
    let folder = catalogue();
    write_file(folder.path(), "schemas/lock.toml", "# Head.\n<<<<<<< HEAD\n");
    let error = super::fetch(folder.path(), &[]).unwrap_err();
    assert!(error.starts_with("schemas/lock.toml:2 has conflicts of a merge: "), "{error}");
    assert!(error.ends_with("\nThe documents were not all fetched, so no code was generated."), "{error}");
}

#[test]
fn an_empty_month_says_that_nothing_has_changed() {
    let folder = catalogue();
    let (text, left) = update(folder.path(), Report::default(), "HEAD").unwrap();
    assert_eq!((text.as_str(), left), ("Nothing has changed for users since `HEAD`.\n", 0));
}

#[test]
fn endpoints_with_changed_texts_beyond_the_hundredth_are_counted() {
    let named = |number: usize| (format!("acme/draw{number:03}"), vec!["`input.steps`".to_owned()]);
    let report = Report { rephrased: (0..103).map(named).collect(), ..Report::default() };
    let text = text::write("", &report, "origin/main");
    assert!(text.contains("`cargo xtask words --changed --since origin/main`"), "{text}");
    assert!(text.ends_with("\n- `acme/draw099`: `input.steps`\n- 3 more endpoints\n"), "{text}");
}

#[test]
fn message_of_several_lines_starts_in_its_bullet() {
    let report =
        Report { problems: vec!["a.json: /x: is wrong\n  help: correct it".to_owned()], ..Report::default() };
    let text = text::write("", &report, "main");
    let item = "\n- a.json: /x: is wrong\n\n  ```text\n    help: correct it\n  ```\n";
    assert!(text.ends_with(item), "{text}");
}

#[test]
fn a_document_that_cannot_be_generated_gets_its_last_good_state_back() {
    let folder = catalogue();
    let root = folder.path();
    let good = read(root, "schemas/acme/draw.json");
    fetch(root, "acme/draw", json!({ "type": "integer", "maximum": [40] }));
    fetch(root, "acme/film", json!({ "type": "integer", "maximum": 40 }));
    let changed = vec!["acme/draw".to_owned(), "acme/film".to_owned()];
    let rephrased = [("acme/draw".to_owned(), vec!["the endpoint".to_owned()])].into();
    let (text, left) = update(root, Report { changed, rephrased, ..Report::default() }, "HEAD").unwrap();
    assert_eq!(left, 1);
    assert!(!text.contains("Texts of fal that changed"), "{text}");
    assert!(text.contains("## Not updated") && text.contains("schemas/acme/draw.json: "), "{text}");
    assert!(text.contains("`fal-film` | breaking") && !text.contains("`fal-draw`"), "{text}");
    assert_eq!(read(root, "schemas/acme/draw.json"), good);
    let lock_text = read(root, "schemas/lock.toml");
    assert!(entry(&lock_text, "acme/draw").unwrap().contains("\"old\""), "{lock_text}");
    assert!(entry(&lock_text, "acme/film").unwrap().contains("\"new\""), "{lock_text}");
}

#[test]
fn a_document_that_was_edited_by_hand_is_no_reason_to_restore_it() {
    let folder = catalogue();
    let root = folder.path();
    fetch(root, "acme/draw", json!({ "type": "integer", "maximum": [40] }));
    let error = update(root, Report::default(), "HEAD").unwrap_err();
    assert!(error.starts_with("schemas/acme/draw.json: "), "{error}");
    assert!(read(root, "schemas/acme/draw.json").contains("[40]"));
}
