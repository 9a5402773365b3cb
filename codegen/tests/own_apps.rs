//! Tests of the binary with documents of own apps: several apps, their crates in other workspaces, and how they are given.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use support::Folder;

/// Returns the document of an app whose only route takes an object with these properties.
fn app(properties: Value) -> Value {
    json!({
        "openapi": "3.1.0",
        "info": { "title": "App", "version": "1" },
        "paths": { "/": { "post": {
            "requestBody": { "content": { "application/json": { "schema": {
                "type": "object", "properties": properties,
            } } } },
            "responses": { "200": { "description": "", "content": { "application/json": { "schema": {
                "type": "object", "properties": { "done": { "type": "boolean" } },
            } } } } },
        } } },
    })
}

fn text() -> Value {
    json!({ "prompt": { "type": "string" } })
}

#[test]
fn one_run_takes_the_documents_of_several_apps() {
    let folder = Folder::new();
    folder.write("o.json", app(text()).to_string());
    folder.write("o2.json", app(json!({ "size": { "type": "integer" } })).to_string());
    folder.write("o3.json", app(text()).to_string());
    let run = folder.run(&[
        "--app",
        "me/painter=o.json",
        "--app",
        "me/sculptor=o2.json",
        "--app",
        "me/other",
        "--out",
        "b",
        "o.json",
        "o3.json",
    ]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(folder.read("b/crates/fal-me-painter/src/lib.rs").contains("prompt"));
    assert!(folder.read("b/crates/fal-me-sculptor/src/lib.rs").contains("size"));
    assert!(folder.read("b/crates/fal-me-other/src/lib.rs").contains("\"me/other\""));

    let twice = folder.run(&["--app", "me/a=o.json", "--app", "me/b=o.json"]);
    assert!(twice.stderr.contains("o.json: is given to the apps `me/a` and `me/b`"), "{}", twice.stderr);
    let common = folder.run(&["--app", "me/a", "--app", "me/b", "o.json"]);
    assert!(common.stderr.contains("`me/a` and `me/b` for the same documents"), "{}", common.stderr);
    assert!(common.stderr.contains("--app OWNER/NAME=FILE"), "{}", common.stderr);
    let none = folder.run(&["--app", "me/a"]);
    assert!(none.stderr.contains("no document is given"), "{}", none.stderr);
}

#[test]
fn crates_of_other_runs_are_kept_and_named() {
    let folder = Folder::new();
    folder.write("o.json", app(text()).to_string());
    let painter = folder.run(&["--app", "me/painter", "--out", "b", "o.json"]);
    assert!(!painter.stderr.contains("kept "), "{}", painter.stderr);
    folder.write("b/crates/mine/Cargo.toml", "[package]\nname = \"mine\"\n");
    let sculptor = folder.run(&["--app", "me/sculptor", "--out", "b", "o.json"]);
    assert_eq!(sculptor.code, Some(0), "{}", sculptor.stderr);
    assert!(sculptor.stderr.contains("0 removed"), "{}", sculptor.stderr);
    let kept = "kept              1: crates of apps that this run does not name; remove the folders of apps that \
                are gone\n  b/crates/fal-me-painter\n";
    assert!(sculptor.stderr.contains(kept), "{}", sculptor.stderr);
    assert!(folder.read("b/crates/fal-me-painter/src/lib.rs").contains("prompt"));
    assert_eq!(folder.run(&["--check", "--app", "me/painter", "--out", "b", "o.json"]).code, Some(0));
    assert_eq!(folder.run(&["--check", "--app", "me/sculptor", "--out", "b", "o.json"]).code, Some(0));
}

#[test]
fn the_crate_of_another_app_is_not_replaced() {
    let folder = Folder::new();
    folder.write("o.json", app(text()).to_string());
    assert_eq!(folder.run(&["--app", "me/a-b", "--out", "b", "o.json"]).code, Some(0));
    let before = folder.read("b/crates/fal-me-a-b/src/lib.rs");
    let run = folder.run(&["--app", "me/a_b", "--out", "b", "o.json"]);
    assert_eq!(run.code, Some(1));
    let message = "b/crates/fal-me-a-b: is the crate of `me/a-b`, and `me/a_b` would replace it";
    assert!(run.stderr.contains(message), "{}", run.stderr);
    assert_eq!(folder.read("b/crates/fal-me-a-b/src/lib.rs"), before);
    let both = folder.run(&["--app", "me/a-b=o.json", "--app", "me/a_b", "--out", "c", "o.json"]);
    assert_eq!(both.code, Some(0), "{}", both.stderr);
}

#[test]
fn an_overlay_names_the_app() {
    let folder = Folder::new();
    folder.write("o.json", app(text()).to_string());
    folder.write(
        "name.json",
        json!({ "overlay": "1.0.0", "info": { "title": "Name", "version": "1" }, "actions": [
            { "target": "$.info", "update": { "x-fal-metadata": { "endpointId": "me/one" } } },
        ] })
        .to_string(),
    );
    let unnamed = folder.run(&["--module", "x.rs", "o.json"]);
    assert!(unnamed.stderr.contains("does not say which endpoint or app"), "{}", unnamed.stderr);
    let run = folder.run(&["--module", "x.rs", "--overlay", "name.json", "o.json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(folder.read("x.rs").contains("\"me/one\""));
}

#[test]
fn one_mistake_is_one_problem() {
    let folder = Folder::new();
    folder.write("o.json", app(text()).to_string());
    let run = folder.run(&["--app", "me/painter", "--fal-core", "nope", "o.json"]);
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.ends_with("1 problem; nothing was written\n"), "{}", run.stderr);

    // Documents of the same endpoint: the remedy is printed once.
    for name in ["a.json", "b.json", "c.json"] {
        folder.write(name, support::record("acme/draw", json!({})).to_string());
    }
    let run = folder.run(&["a.json", "b.json", "c.json"]);
    assert_eq!(run.stderr.matches("is described by").count(), 2, "{}", run.stderr);
    assert_eq!(
        run.stderr.matches("help: describe each endpoint in one document").count(),
        1,
        "{}",
        run.stderr
    );
}

#[test]
fn files_are_the_same_wherever_the_command_runs() {
    let folder = Folder::new();
    folder.write("m/o.json", app(text()).to_string());
    let whole = folder.path().join("m/o.json").display().to_string();
    let at = ["--app", "me/painter", "--out", "b", "m/o.json"];
    assert_eq!(folder.run(&at).code, Some(0));
    let check = ["--check", "--app", "me/painter", "--out", "b", &whole];
    let run = folder.run(&check);
    assert_eq!(run.code, Some(0), "{}", run.stdout);
    assert_eq!(folder.run(&["--app", "me/painter", "--module", "x.rs", "m/o.json"]).code, Some(0));
    let run = folder.run(&["--check", "--app", "me/painter", "--module", "x.rs", &whole]);
    assert_eq!(run.code, Some(0), "{}", run.stdout);
}

#[test]
fn a_document_comes_from_standard_input() {
    let folder = Folder::new();
    folder.write("o.json", app(text()).to_string());
    let run = Command::new(env!("CARGO_BIN_EXE_fal-codegen"))
        .args(["--app", "me/painter", "--module", "x.rs", "-"])
        .current_dir(folder.path())
        .stdin(Stdio::from(std::fs::File::open(folder.path().join("o.json")).unwrap()))
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert!(folder.read("x.rs").starts_with("// @generated by `fal-codegen` from stdin. Do not edit.\n"));
}

#[test]
fn a_url_is_refused_with_the_command_that_fetches_it() {
    let run = Folder::new().run(&["--app", "me/painter", "https://fal.run/me/painter/openapi.json"]);
    assert_eq!(run.code, Some(1));
    let help = "fetch it first: `curl --fail --output openapi.json https://fal.run/me/painter/openapi.json`";
    assert!(run.stderr.contains(help), "{}", run.stderr);
}

#[test]
fn the_next_step_names_the_feature_that_a_module_needs() {
    let folder = Folder::new();
    folder.write(
        "o.json",
        app(json!({ "colour": { "type": "string", "pattern": "^#[0-9a-f]{6}$" } })).to_string(),
    );
    let arguments = ["--app", "me/painter", "--module", "x.rs", "o.json"];
    let client = folder.run(&arguments);
    assert!(
        client.stderr.contains("add `fal-client` with the feature `pattern` to the crate"),
        "{}",
        client.stderr
    );
    folder.write("x.rs", "// @generated by `fal-codegen`\n");
    let core = folder.run(&[&["--runtime", "fal-core"], &arguments[..]].concat());
    assert!(core.stderr.contains("add `fal-core` with the feature `pattern`, `serde`"), "{}", core.stderr);
}

#[test]
fn crates_of_own_apps_promise_nothing_of_a_catalogue() {
    let folder = Folder::new();
    folder.write("o.json", app(text()).to_string());
    assert_eq!(folder.run(&["--app", "me/painter", "--out", "b", "o.json"]).code, Some(0));
    let manifests = folder.read("b/Cargo.toml") + "\n" + &folder.read("b/crates/fal-me-painter/Cargo.toml");
    assert!(!manifests.contains("license"), "{manifests}");
    assert!(manifests.contains("publish = false\n"), "{manifests}");
    let code = folder.read("b/crates/fal-me-painter/src/lib.rs");
    assert!(!code.contains("rice"), "no prices: {code}");
    assert!(!code.contains("cargo add fal-client fal-me-painter"), "it is in no registry: {code}");
}

#[test]
fn names_that_cargo_or_the_compiler_has_are_refused() {
    let folder = Folder::new();
    folder.write("o.json", app(text()).to_string());
    for name in ["std", "core", "alloc", "fn", "self", "test"] {
        let run = folder.run(&["--app", "me/painter", "--crate-name", name, "o.json"]);
        assert_eq!(run.code, Some(1), "{name}");
        assert!(run.stderr.contains(&format!("--crate-name: `{name}` is a keyword")), "{}", run.stderr);
    }
}

#[test]
fn a_skipped_route_is_one_line_of_a_build_script() {
    let mut document = app(text());
    document["paths"]["/broken"] =
        json!({ "post": { "requestBody": { "$ref": "#/components/requestBodies/x" } } });
    let source = fal_codegen::Source { file: "o.json".to_owned(), text: document.to_string() };
    let options =
        fal_codegen::Options { app: Some("me/painter".to_owned()), ..fal_codegen::Options::default() };
    let module = fal_codegen::Generator::new(options.clone()).module(&[source]).unwrap();
    let skipped: Vec<String> = module.report.describe_skipped().collect();
    assert_eq!(
        skipped,
        [
            "me/painter/broken: /paths/~1broken/post/requestBody: `#/components/requestBodies/x` leads nowhere: add what \
             it refers to, or correct the reference"
        ]
    );
    let source = fal_codegen::Source { file: "o.json".to_owned(), text: "{".to_owned() };
    let errors = fal_codegen::Generator::new(options).module(&[source]).unwrap_err();
    assert_eq!(format!("{errors:?}"), errors.to_string());
    assert!(format!("{:?}", errors.0[0]).starts_with("o.json: not JSON"), "{errors}");
}

/// Runs cargo in a folder. Returns its messages if it fails.
fn cargo(folder: &Path, arguments: &[&str]) -> Result<(), String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("own-apps");
    let run = Command::new(cargo)
        .args(arguments)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_NET_OFFLINE", "true")
        .output()
        .unwrap();
    let messages = String::from_utf8_lossy(&run.stderr).into_owned();
    if run.status.success() { Ok(()) } else { Err(messages) }
}

#[test]
fn generated_crates_are_members_and_dependencies_of_any_workspace() {
    let folder = Folder::new();
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let core = std::fs::canonicalize(repository.join("crates/fal-core")).unwrap().display().to_string();
    folder.write("o.json", app(text()).to_string());
    folder.write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"app\"]\n");
    folder.write("Cargo.lock", std::fs::read(repository.join("Cargo.lock")).unwrap());
    folder.write("app/Cargo.toml", "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
    folder.write("app/src/main.rs", "fn main() {}\n");
    let run = folder.run(&["--app", "me/painter", "--fal-core", &core, "--out", "bindings", "o.json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    if let Err(messages) = cargo(folder.path(), &["metadata", "--format-version", "1", "--no-deps"]) {
        panic!("{messages}");
    }
    let add = ["add", "--package", "app", "--path", "bindings/crates/fal-me-painter"];
    if let Err(messages) = cargo(folder.path(), &add) {
        panic!("{messages}");
    }
    let resolve = ["metadata", "--format-version", "1"];
    let outcome = cargo(folder.path(), &resolve);
    if outcome.as_ref().is_err_and(|messages| messages.contains("download")) {
        eprintln!("skipped: {outcome:?}");
        return;
    }
    outcome.unwrap_or_else(|messages| panic!("{messages}"));
    folder.write("Cargo.toml", "[workspace]\nresolver = \"3\"\nmembers = [\"app\", \"bindings/crates/*\"]\n");
    cargo(folder.path(), &["check", "--quiet", "--package", "app"])
        .unwrap_or_else(|messages| panic!("{messages}"));
    // The generated workspace itself works too.
    cargo(&folder.path().join("bindings"), &resolve).unwrap_or_else(|messages| panic!("{messages}"));
}
