//! Tests that the committed files are fresh, and that errors name the document.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::PathBuf};

use fal_codegen_platform::{DOCUMENT, FOLDER, generate};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn committed_files_are_fresh() {
    let document = fs::read_to_string(root().join(DOCUMENT)).unwrap();
    let changes = generate(&document).unwrap().changes(&root().join(FOLDER), &[String::new()]).unwrap();
    assert_eq!(changes, [], "run `cargo xtask regen`");
}

#[test]
fn an_error_names_the_document() {
    for (document, part) in [
        ("", "EOF"),
        ("[]", "invalid type"),
        (
            r#"{"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"get": {"responses": {}}}}}"#,
            "operation",
        ),
    ] {
        let error = generate(document).unwrap_err().to_string();
        assert!(error.starts_with("schemas/platform/openapi.json: "), "{error}");
        assert!(error.contains(part), "{error}");
    }
}
