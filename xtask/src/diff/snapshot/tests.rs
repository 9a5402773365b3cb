#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::json;

use super::{
    super::{
        compare::compare,
        finding::Kind,
        tests::{commit_all, git, record, write_file as write},
    },
    Repository,
};

#[test]
fn the_work_tree_is_compared_with_a_commit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let record = |maximum: u64| {
        let steps = json!({ "type": "integer", "minimum": 1, "maximum": maximum });
        let input = json!({ "type": "object", "properties": { "steps": steps } });
        record("a/b", input.clone(), input, json!({}))
    };
    write(path, "Cargo.toml", "[workspace.package]\nversion = \"1.4.0\"\n");
    let family = "app = \"a/b\"\ntitle = \"B\"\n";
    let manifest = format!("[crates.a-b]\n{family}endpoints = [\"a/b\"]\n");
    write(path, "schemas/manifest.toml", &manifest);
    write(path, "schemas/a/b.json", &record(50));
    commit_all(path);
    let repository = Repository(path.to_owned());
    assert_eq!(repository.last_tag().unwrap_err(), "there is no tag yet; name a commit instead");
    git(path, &["tag", "v1.4.0"]);
    write(path, "schemas/a/b.json", &record(28));
    // A document of the manifest that the commit does not have.
    write(path, "schemas/manifest.toml", &manifest.replace("\"a/b\"]", "\"a/b\", \"a/b/c\"]"));
    write(path, "schemas/a/b/c.json", &record(1).replace("a/b", "a/b/c"));

    assert_eq!(repository.last_tag().unwrap(), "v1.4.0");
    let (before, after) = (repository.commit("v1.4.0").unwrap(), repository.work_tree().unwrap());
    let crates = compare(&before, &after).unwrap();
    assert_eq!(crates[0].next.as_ref().unwrap().to_string(), "0.2.0");
    let kinds: Vec<Kind> = crates[0].changes.iter().map(|change| change.finding.kind).collect();
    assert_eq!(kinds, [Kind::Narrowed, Kind::EndpointAdded, Kind::Narrowed]);
    let Err(error) = repository.commit("nowhere") else { unreachable!() };
    assert_eq!(error, "`nowhere` is not a commit, branch or tag of this repository");
}

#[test]
fn folder_without_git_is_named_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let Err(error) = Repository(folder.path().to_owned()).commit("HEAD") else { unreachable!() };
    assert!(error.contains("not a git repository"), "{error}");
}
