//! The documents whose types are checked.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use serde_json::Value;

use crate::schema::Schema;

/// The record that fal publishes about an endpoint.
pub(crate) struct Document {
    pub(crate) id: String,
    /// The path of the file, relative to the folder of schemas.
    pub(crate) file: String,
    pub(crate) text: String,
    /// The schemas of input and output. `None` if the record has an error in place of a document.
    pub(crate) schemas: Option<(Schema, Schema)>,
}

/// The documents of the corpus that are checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Selection {
    /// All of them.
    Whole,
    /// Every [`STEP`]th of them.
    Sample,
    /// Those whose endpoint ids contain one of several texts.
    Containing(Vec<String>),
}

/// The step of a sample: about a hundred documents of the corpus.
const STEP: usize = 13;

impl Selection {
    /// Reads the selection from the environment: `LAWS_ONLY`, `LAWS_WHOLE`, or a sample.
    pub(crate) fn from_env() -> Self {
        match std::env::var("LAWS_ONLY") {
            Ok(texts) => Self::Containing(texts.split(',').map(str::to_owned).collect()),
            Err(_) if std::env::var_os("LAWS_WHOLE").is_some() => Self::Whole,
            Err(_) => Self::Sample,
        }
    }

    /// Returns the name of the folder that a selection is built in.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Whole => "corpus",
            Self::Sample => "sample",
            Self::Containing(_) => "part",
        }
    }
}

/// Reads the selected documents of the corpus of real documents. `None` if this machine has no corpus.
pub(crate) fn corpus(selection: &Selection) -> Option<Vec<Document>> {
    let corpus = fal_tests::root().join("../shared/corpus");
    if !corpus.is_dir() {
        println!("skipped: there is no corpus of documents at {}", corpus.display());
        return None;
    }
    // The records that the platform published, and records in the same form from other sources of fal.
    let folders = ["schemas", "more"].map(|name| corpus.join(name));
    let mut documents: Vec<Document> =
        folders.iter().filter(|folder| folder.is_dir()).flat_map(|folder| read(folder)).collect();
    documents.sort_by(|a, b| a.id.cmp(&b.id));
    match selection {
        Selection::Whole => {}
        Selection::Sample => documents = documents.into_iter().step_by(STEP).collect(),
        Selection::Containing(texts) => {
            documents.retain(|document| texts.iter().any(|text| document.id.contains(text)));
        }
    }
    Some(documents)
}

/// Reads the documents of this repository.
pub(crate) fn own() -> Vec<Document> {
    read(&fal_tests::root().join("schemas"))
}

/// The highest number of apps that are made of two documents.
const COMBINED: usize = 12;

/// Puts documents of this repository into one app, two at a time, whose components have the same names and other
/// contents. Apps of fal have such components only where fal changed one endpoint and not the other.
pub(crate) fn combined() -> Vec<Document> {
    let documents = own();
    let records: Vec<Value> = documents.iter().map(|one| serde_json::from_str(&one.text).unwrap()).collect();
    let app = |index: usize| documents[index].id.splitn(3, '/').take(2).collect::<Vec<_>>().join("/");
    let mut named: BTreeMap<&String, Vec<(usize, &Value)>> = BTreeMap::new();
    for (index, record) in records.iter().enumerate() {
        let schemas = record["openapi"]["components"]["schemas"].as_object();
        // A corrected document is not corrected under another id.
        if documents[index].schemas.is_some() && !is_corrected(&documents[index]) {
            for (name, schema) in schemas.into_iter().flatten() {
                named.entry(name).or_default().push((index, schema));
            }
        }
    }
    let mut used = BTreeSet::new();
    let mut combined = Vec::new();
    for users in named.values() {
        let mut pairs = users.iter().flat_map(|first| users.iter().map(move |second| (first, second)));
        let pair = pairs.find(|((first, one), (second, two))| {
            one != two && app(*first) != app(*second) && !used.contains(first) && !used.contains(second)
        });
        let Some(((first, _), (second, _))) = pair else { continue };
        used.extend([*first, *second]);
        for (index, last) in [(*first, "one"), (*second, "two")] {
            let id = format!("combined/app-{}/{last}", used.len() / 2);
            combined.extend(with_id(&documents[index], &id));
        }
        if used.len() == 2 * COMBINED {
            break;
        }
    }
    combined
}

/// Returns true if a fixup corrects the document.
fn is_corrected(document: &Document) -> bool {
    let records = fal_codegen::schema::read(&document.file, &document.text, None);
    records.into_iter().flatten().any(|record| match record {
        fal_codegen::schema::Record::Document(record) => {
            !fal_codegen::normalize::normalize(*record).is_ok_and(|normalized| normalized.fixups.is_empty())
        }
        fal_codegen::schema::Record::Unavailable { .. } => true,
    })
}

/// Returns the document of an endpoint under another id.
fn with_id(document: &Document, id: &str) -> Option<Document> {
    let mut record: Value = serde_json::from_str(&document.text).unwrap();
    record["endpoint_id"] = id.into();
    let openapi = &mut record["openapi"];
    if let Some(own) = openapi.pointer_mut("/info/x-fal-metadata/endpointId") {
        *own = id.into();
    }
    let prefix = format!("/{}", document.id);
    let paths = openapi["paths"].as_object()?.iter().map(|(path, item)| {
        let path = path.strip_prefix(&prefix).map_or(path.clone(), |rest| format!("/{id}{rest}"));
        (path, item.clone())
    });
    openapi["paths"] = paths.collect();
    self::document(Path::new(""), Path::new(&format!("{id}.json")), record.to_string())
}

/// Reads all records below a folder.
fn read(folder: &Path) -> Vec<Document> {
    let mut files = BTreeMap::new();
    collect(folder, &mut files).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.into_iter().filter_map(|(path, text)| document(folder, &path, text)).collect()
}

/// Adds the JSON files below a folder.
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

/// Parses a record. `None` if the file does not describe a model, as the document of the platform API.
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
            assert!(schema.is_object(), "{id}: the input or output has no schema");
            Schema::new(openapi, schema)
        };
        (schema(input), schema(output))
    });
    let file = path.strip_prefix(folder).unwrap_or(path);
    let parts: Vec<_> = file.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    Some(Document { id, file: parts.join("/"), text, schemas })
}
