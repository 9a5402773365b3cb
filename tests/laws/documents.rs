//! The documents that the laws are tried on.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::schema::Schema;

/// One record: what fal publishes about an endpoint.
pub(crate) struct Document {
    pub(crate) id: String,
    /// The file, relative to the folder of schemas.
    pub(crate) file: String,
    pub(crate) text: String,
    /// Input and output; `None` where the record holds an error in place of a document.
    pub(crate) schemas: Option<(Schema, Schema)>,
}

/// The corpus of real documents, `None` where it is not at hand.
pub(crate) fn corpus() -> Option<Vec<Document>> {
    let folder = fal_tests::root().join("../shared/corpus/schemas");
    if !folder.is_dir() {
        println!("skipped: there is no corpus of documents at {}", folder.display());
        return None;
    }
    let mut documents = read(&folder);
    if let Some(only) = only() {
        documents.retain(|document| document.id.contains(&only));
    }
    Some(documents)
}

/// A text that narrows the corpus to the endpoints whose ids hold it, to try out a change.
pub(crate) fn only() -> Option<String> {
    std::env::var("LAWS_ONLY").ok()
}

/// The documents of this repository.
pub(crate) fn own() -> Vec<Document> {
    read(&fal_tests::root().join("schemas"))
}

fn read(folder: &Path) -> Vec<Document> {
    let mut files = BTreeMap::new();
    collect(folder, &mut files).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.into_iter().filter_map(|(path, text)| document(folder, &path, text)).collect()
}

fn collect(folder: &Path, files: &mut BTreeMap<PathBuf, String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.insert(path.clone(), fs::read_to_string(&path)?);
        }
    }
    Ok(())
}

/// `None` where it describes no model, as the document of the platform API.
fn document(folder: &Path, path: &Path, text: String) -> Option<Document> {
    let record: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let id = record.get("endpoint_id")?.as_str()?.to_owned();
    let openapi = &record["openapi"];
    let schemas = openapi.get("error").is_none().then(|| {
        let input = &openapi["paths"][format!("/{id}")]["post"]["requestBody"];
        let output = &openapi["paths"][format!("/{id}/requests/{{request_id}}")]["get"]["responses"]["200"];
        let schema = |content: &Value| {
            let schema = &content["content"]["application/json"]["schema"];
            assert!(schema.is_object(), "{id}: no schema where it should be");
            Schema::new(openapi, schema)
        };
        (schema(input), schema(output))
    });
    let file = path.strip_prefix(folder).unwrap_or(path);
    let parts: Vec<_> = file.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    Some(Document { id, file: parts.join("/"), text, schemas })
}
