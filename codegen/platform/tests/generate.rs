//! What is committed is what the document says, and a document that cannot be used is said to be so.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::PathBuf};

use fal_codegen_platform::{DOCUMENT, FOLDER, generate};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_committed_client_is_fresh() {
    let document = fs::read_to_string(root().join(DOCUMENT)).unwrap();
    let changes = generate(&document).unwrap().changes(&root().join(FOLDER), &[String::new()]).unwrap();
    assert_eq!(changes, [], "run `cargo xtask regen`");
}

#[test]
fn a_document_that_cannot_be_used_is_named() {
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
