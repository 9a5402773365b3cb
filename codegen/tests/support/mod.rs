//! Helpers of the tests: running the binary in a temporary folder, and reading the files that it wrote.
#![allow(dead_code, clippy::unwrap_used, clippy::panic)]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use fal_codegen::{Generator, Options, Report, Source, report::Entry};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The result of a run of the binary.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A temporary folder in which the binary runs.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file in the folder.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap()
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        let output = Command::new(env!("CARGO_BIN_EXE_fal-codegen"))
            .args(arguments)
            .current_dir(self.path())
            .output()
            .unwrap();
        Run {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Returns the paths of all files in the folder, relative to it.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk(self.path(), &mut found);
        let relative = |path: &PathBuf| path.strip_prefix(self.path()).unwrap().display().to_string();
        let mut names: Vec<String> = found.iter().map(relative).collect();
        names.sort();
        names
    }
}

pub(crate) fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Returns the folder of the documents of one app in this repository.
pub(crate) fn schemas() -> String {
    fs::canonicalize(Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/fal-ai/flux"))
        .unwrap()
        .display()
        .to_string()
}

/// Returns the folder of all published documents, which is not part of the repository.
pub(crate) fn corpus() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus/schemas");
    if !folder.is_dir() {
        eprintln!("skipped: {} is not here", folder.display());
    }
    folder.is_dir().then_some(folder)
}

/// Returns a model record whose input and output have these properties.
pub(crate) fn record(id: &str, properties: serde_json::Value) -> serde_json::Value {
    let content = |schema: &str| {
        serde_json::json!({
            "application/json": { "schema": { "$ref": format!("#/components/schemas/{schema}") } }
        })
    };
    serde_json::json!({
        "endpoint_id": id,
        "metadata": { "display_name": "Test", "category": "text-to-image", "description": "A test." },
        "openapi": {
            "openapi": "3.0.4",
            "info": { "title": "Test", "version": "1.0.0" },
            "paths": {
                format!("/{id}"): { "post": {
                    "requestBody": { "required": true, "content": content("TestInput") },
                    "responses": { "200": { "description": "Accepted" } }
                } },
                format!("/{id}/requests/{{request_id}}"): { "get": {
                    "responses": { "200": { "description": "Done", "content": content("TestOutput") } }
                } }
            },
            "components": { "schemas": {
                "TestInput": { "type": "object", "title": "TestInput", "properties": properties },
                "TestOutput": { "type": "object", "title": "TestOutput", "properties": properties }
            } }
        }
    })
}

/// Returns the document of an app with these paths.
pub(crate) fn document(paths: Value) -> Value {
    json!({
        "openapi": "3.1.0",
        "info": { "title": "App", "version": "1" },
        "paths": paths,
        "components": { "schemas": {
            "In": { "type": "object", "properties": { "prompt": { "type": "string" } }, "required": ["prompt"] },
            "Out": { "type": "object", "properties": { "text": { "type": "string" } }, "required": ["text"] },
        } },
    })
}

/// Returns a body or reply with the schema of a component.
pub(crate) fn content(media_type: &str, schema: &str) -> Value {
    json!({ "description": "", "content": { media_type: { "schema": { "$ref": format!("#/components/schemas/{schema}") } } } })
}

/// Returns a route with a JSON body and reply.
pub(crate) fn route() -> Value {
    json!({ "post": {
        "requestBody": content("application/json", "In"),
        "responses": { "200": content("application/json", "Out") },
    } })
}

/// Returns the module of an app and its report.
#[track_caller]
pub(crate) fn generate(document: &Value) -> (String, Report) {
    let source = Source { file: "app.json".to_owned(), text: document.to_string() };
    let options = Options { app: Some("me/app".to_owned()), ..Options::default() };
    let module = Generator::new(options).module(&[source]).unwrap_or_else(|errors| panic!("{errors}"));
    (module.text, module.report)
}

/// Returns the entry of an endpoint in a report.
#[track_caller]
pub(crate) fn entry<'a>(report: &'a Report, id: &str) -> &'a Entry {
    report.endpoints.iter().find(|entry| entry.id == id).unwrap_or_else(|| panic!("{report:?}"))
}
