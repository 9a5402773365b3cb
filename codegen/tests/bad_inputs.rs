//! Tests that errors in documents and arguments name the file and the pointer, and that nothing is written.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::fmt::Write as _;

use serde_json::json;
use support::{Folder, record};

/// Asserts that a run on a file with `text` fails with all `parts` in the message, and writes nothing.
#[track_caller]
fn assert_rejected(text: &str, parts: &[&str]) {
    let folder = Folder::new();
    folder.write("bad.json", text);
    let run = folder.run(&["--report", "report.json", "bad.json"]);
    let start: String = text.chars().take(80).collect();
    assert_eq!(run.code, Some(1), "{start}: {}", run.stderr);
    for part in ["error: bad.json", "nothing was written"].iter().chain(parts) {
        assert!(run.stderr.contains(part), "{part:?} is not in the message for {start}:\n{}", run.stderr);
    }
    assert_eq!(folder.files(), ["bad.json"], "{start}");
}

#[test]
fn malformed_documents_are_rejected() {
    assert_rejected("{\"openapi\": \"3.0.4\", \"paths\"", &["not JSON: EOF", "cut short"]);
    assert_rejected("openapi: 3.1.0\npaths: [\n", &["not YAML: unclosed bracket", "line 2"]);
    assert_rejected("openapi: 3.1.0\npaths: {}\n", &["/info/x-fal-metadata/endpointId"]);
    assert_rejected("a text", &["neither an OpenAPI document nor a model record"]);
    assert_rejected(
        "{\"asyncapi\": \"3.1.0\", \"channels\": {}}",
        &["/info", "say which with `--app OWNER/NAME`"],
    );
    assert_rejected("{\"asyncapi\": \"2.6.0\", \"channels\": {}}", &["/asyncapi", "of version 3"]);
    assert_rejected("<!doctype html>", &["not JSON or YAML", "a page of HTML"]);
    assert_rejected("", &["not JSON"]);
    assert_rejected("[1, 2]", &["neither an OpenAPI document nor a model record"]);
    assert_rejected(r#"{"name": "package"}"#, &["neither an OpenAPI document nor a model record"]);
    assert_rejected(r#"{"models": [7]}"#, &["/models/0", "neither"]);
    assert_rejected(&"[".repeat(10_000), &["recursion limit"]);
    assert_rejected(&format!("{}{}", "{\"paths\":".repeat(10_000), "}".repeat(10_000)), &["recursion limit"]);
}

#[test]
fn a_document_without_the_expected_paths_is_rejected() {
    let mut odd = record("acme/draw", json!({}));
    odd["openapi"]["paths"] = json!({ "/other": {} });
    assert_rejected(&odd.to_string(), &["/openapi/paths", "POST /acme/draw"]);
    assert_rejected(
        r#"{"openapi": "3.0.4", "info": {"title": "x", "version": "1"}, "paths": {}}"#,
        &["/info/x-fal-metadata/endpointId", "--app"],
    );
}

#[test]
fn unresolvable_and_circular_references_are_rejected() {
    let gone = record("acme/draw", json!({ "x": { "$ref": "#/components/schemas/Gone" } }));
    assert_rejected(&gone.to_string(), &["/openapi/components/schemas/TestInput/properties/x", "Gone"]);
    let mut circle = record("acme/draw", json!({ "x": { "$ref": "#/components/schemas/A" } }));
    circle["openapi"]["components"]["schemas"]["A"] = json!({ "$ref": "#/components/schemas/B" });
    circle["openapi"]["components"]["schemas"]["B"] = json!({ "$ref": "#/components/schemas/A" });
    assert_rejected(&circle.to_string(), &["/openapi/components/schemas/"]);
    let outside = record("acme/draw", json!({ "x": { "$ref": "https://example.com/x.json" } }));
    assert_rejected(&outside.to_string(), &["/openapi/components/schemas/TestInput/properties/x"]);
}

#[test]
fn ids_and_names_with_path_components_are_rejected() {
    for id in [
        "../../etc",
        "/etc/passwd",
        "acme/../../x",
        "acme/dr aw",
        "acme/dr\naw",
        "acme\\draw/x",
        "acme",
        "",
        "acme//x",
    ] {
        assert_rejected(&record(id, json!({})).to_string(), &["/openapi/info", "is not an endpoint id"]);
    }
    assert_rejected(
        &record(&format!("acme/{}", "x".repeat(5000)), json!({})).to_string(),
        &["of 5005 bytes"],
    );
    let folder = Folder::new();
    let mut app = record("acme/draw", json!({}));
    app = app["openapi"].take();
    app["paths"] = json!({ "/../../etc": app["paths"]["/acme/draw"] });
    folder.write("app.json", app.to_string());
    for app in ["../..", "acme", "a b/c", "acme/../x"] {
        let run = folder.run(&["--app", app, "app.json"]);
        assert_eq!(run.code, Some(1), "{app}");
        assert!(run.stderr.contains("error: --app: "), "{}", run.stderr);
    }
    for name in ["../x", "a/b", "A", ""] {
        let run = folder.run(&["--app", "acme/draw", "--crate-name", name, "app.json"]);
        assert_eq!(run.code, Some(1), "{name}: {}", run.stderr);
    }
    // A route that is not a valid id is skipped and named, like a route without a body.
    let run = folder.run(&["--app", "acme/draw", "app.json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("acme/draw/../../etc\" is not an endpoint id"), "{}", run.stderr);
    assert_eq!(folder.files(), ["app.json"]);
}

#[test]
fn errors_are_shown_in_the_order_of_the_files() {
    let folder = Folder::new();
    folder.write("all/a.json", "no");
    folder.write("all/b.json", [0xff, 0xfe]);
    folder.write("all/c.json", record("acme/draw", json!({})).to_string());
    folder.write("all/d/e.json", "[]");
    folder.write("empty/x.txt", "");
    let run = folder.run(&["all", "gone.json", "empty"]);
    assert_eq!(run.code, Some(1));
    let blocks: Vec<&str> = run.stderr.lines().filter_map(|line| line.strip_prefix("error: ")).collect();
    let files: Vec<&str> = blocks.iter().map(|block| block.split(": ").next().unwrap()).collect();
    assert_eq!(files, ["gone.json", "empty", "all/b.json", "all/a.json", "all/d/e.json"], "{}", run.stderr);
    assert!(run.stderr.contains("5 problems; nothing was written"), "{}", run.stderr);
    assert!(!folder.path().join("fal-bindings").exists());
}

#[test]
fn all_errors_of_a_page_and_its_documents_are_shown() {
    let folder = Folder::new();
    let gone = |name: &str| json!({ "$ref": format!("#/components/schemas/{name}") });
    let two = record("acme/two", json!({ "a": gone("A"), "ok": { "type": "string" }, "b": gone("B") }));
    let mut shapes = record("acme/shapes", json!({ "x": gone("List"), "y": gone("Text") }));
    shapes["openapi"]["components"]["schemas"]["List"] = json!([]);
    shapes["openapi"]["components"]["schemas"]["Text"] = json!("no schema");
    let fine = record("acme/fine", json!({}));
    let failed = json!({ "endpoint_id": "acme/failed", "openapi": { "error": "no schema" } });
    folder.write("page.json", json!({ "models": [7, two, fine, failed, shapes, {}] }).to_string());
    let run = folder.run(&["page.json"]);
    assert_eq!(run.code, Some(1));
    let errors: Vec<&str> = run.stderr.lines().filter_map(|line| line.strip_prefix("error: ")).collect();
    let pointers: Vec<&str> = errors.iter().map(|error| error.split(": ").nth(1).unwrap()).collect();
    let expected = [
        "/models/0",
        "/models/1/openapi/components/schemas/TestInput/properties/a",
        "/models/1/openapi/components/schemas/TestInput/properties/b",
        "/models/1/openapi/components/schemas/TestOutput/properties/a",
        "/models/1/openapi/components/schemas/TestOutput/properties/b",
        "/models/4/openapi/components/schemas/List",
        "/models/4/openapi/components/schemas/Text",
        "/models/5",
    ];
    assert_eq!(pointers, expected, "{}", run.stderr);
    assert!(run.stderr.contains("8 problems; nothing was written"), "{}", run.stderr);
    assert_eq!(folder.files(), ["page.json"]);
}

#[test]
fn a_record_without_a_schema_is_skipped_and_named() {
    let folder = Folder::new();
    folder.write("x.json", r#"{"endpoint_id": "acme/gone", "openapi": {"error": {"message": "no schema"}}}"#);
    let run = folder.run(&["x.json"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert!(run.stderr.contains("acme/gone: fal has no schema"), "{}", run.stderr);
    assert_eq!(folder.files(), ["x.json"]);
}

#[test]
fn a_document_of_fifty_megabytes_is_accepted() {
    let folder = Folder::new();
    let mut examples = String::from("\"");
    while examples.len() < 50_000_000 {
        write!(examples, "line {} of an example that nobody reads ", examples.len()).unwrap();
    }
    examples.push('"');
    let text = record("acme/draw", json!({ "x": { "type": "string", "examples": ["@"] } })).to_string();
    folder.write("big.json", text.replace("\"@\"", &examples));
    let run = folder.run(&["big.json"]);
    assert_eq!(run.code, Some(0), "{}", &run.stderr[..run.stderr.len().min(500)]);
}
