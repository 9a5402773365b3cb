//! Stage 1: reads text into [`Document`]s.
//!
//! This stage is lenient: it takes whatever fal publishes as it is.

pub(crate) mod keywords;

use serde_json::{Map, Value};

use crate::error::{Error, pointer};

/// An OpenAPI document, with the metadata that came with it.
#[derive(Debug, Clone)]
pub struct Document {
    /// The file, as the caller named it.
    pub file: String,
    /// The JSON pointer of the OpenAPI document in the file.
    pub base: String,
    /// The id of the endpoint or app that it describes, such as `fal-ai/flux/dev`.
    pub id: String,
    /// The kind of document.
    pub kind: DocumentKind,
    /// The metadata of the model.
    pub metadata: Metadata,
    /// The OpenAPI document.
    pub openapi: Value,
}

/// The kind of an OpenAPI document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DocumentKind {
    /// A document of one endpoint with the paths of the queue, as fal publishes its models.
    Queue,
    /// A document of all routes of an app, as the app itself publishes it.
    App,
}

/// The part of the platform's metadata of a model that bindings use.
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    /// The display name.
    pub display_name: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// The category, such as `text-to-image`.
    pub category: Option<String>,
    /// `true` if the model has a `/stream` route (`stream_url`).
    pub streams: bool,
}

/// A record of a file.
#[derive(Debug, Clone)]
pub enum Record {
    /// An OpenAPI document.
    Document(Box<Document>),
    /// An endpoint for which fal returned no document.
    Unavailable {
        /// The id of the endpoint.
        id: String,
        /// The reason that fal gave.
        reason: Error,
    },
}

/// Reads the records of a file.
///
/// The file is an OpenAPI document, a model record `{endpoint_id, metadata, openapi}`, or a page of records
/// `{"models": […]}`. `app` is the `owner/name` for documents that do not name their app.
///
/// An `Err` is a malformed record, or the whole text if it is not JSON or none of the above. A malformed record of
/// a page does not affect the others.
pub fn read(file: &str, text: &str, app: Option<&str>) -> Vec<Result<Record, Error>> {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => {
            return vec![Err(Error::new(file, format!("not JSON: {error}"))
                .with_help("download the document again; it may be cut short"))];
        }
    };
    let Value::Object(mut object) = value else {
        return vec![Err(not_a_document(file, ""))];
    };
    match object.remove("models") {
        Some(Value::Array(models)) => {
            let records = models.into_iter().enumerate().map(|(index, model)| match model {
                Value::Object(model) => read_record(file, &pointer("/models", index), model, app),
                _ => Err(not_a_document(file, &pointer("/models", index))),
            });
            records.collect()
        }
        _ => vec![read_record(file, "", object, app)],
    }
}

fn read_record(
    file: &str,
    at: &str,
    mut object: Map<String, Value>,
    app: Option<&str>,
) -> Result<Record, Error> {
    let is_record = object.contains_key("endpoint_id");
    if !is_record && !object.contains_key("paths") {
        return Err(not_a_document(file, at));
    }
    let metadata = if is_record { read_metadata(object.get("metadata")) } else { Metadata::default() };
    let recorded_id = object.get("endpoint_id").and_then(Value::as_str).map(str::to_owned);
    let openapi =
        if is_record { object.remove("openapi").unwrap_or_default() } else { Value::Object(object) };
    let base = if is_record { pointer(at, "openapi") } else { at.to_owned() };

    if let (Some(reason), Some(id)) = (openapi.get("error"), &recorded_id) {
        let text = reason.get("message").unwrap_or(reason);
        let text = text.as_str().map_or_else(|| text.to_string(), str::to_owned);
        let reason = Error::new(file, format!("fal has no schema for this endpoint: {text}"))
            .with_pointer(pointer(&base, "error"))
            .with_help("leave the endpoint out, or call it untyped");
        return Ok(Record::Unavailable { id: id.clone(), reason });
    }
    if !openapi.get("paths").is_some_and(Value::is_object) {
        return Err(not_a_document(file, &base));
    }
    let own_id = openapi.pointer("/info/x-fal-metadata/endpointId").and_then(Value::as_str);
    let (kind, id) = match (recorded_id.or_else(|| own_id.map(str::to_owned)), app) {
        (Some(id), _) => (DocumentKind::Queue, id),
        (None, Some(app)) => (DocumentKind::App, app.to_owned()),
        (None, None) => {
            return Err(Error::new(file, "does not say which endpoint or app it describes")
                .with_pointer(format!("{base}/info/x-fal-metadata/endpointId"))
                .with_help("for an app of your own, say which with `--app OWNER/NAME`"));
        }
    };
    let file = file.to_owned();
    Ok(Record::Document(Box::new(Document { file, base, id, kind, metadata, openapi })))
}

fn read_metadata(value: Option<&Value>) -> Metadata {
    let empty = Map::new();
    let fields = value.and_then(Value::as_object).unwrap_or(&empty);
    let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
    Metadata {
        display_name: text("display_name"),
        description: text("description"),
        category: text("category"),
        streams: text("stream_url").is_some_and(|url| !url.is_empty()),
    }
}

fn not_a_document(file: &str, at: &str) -> Error {
    Error::new(file, "neither an OpenAPI document nor a model record").with_pointer(at).with_help(
        "expected `{\"openapi\": \"3.…\", \"paths\": …}`, `{\"endpoint_id\": …, \"openapi\": {…}}` or \
         `{\"models\": […]}`, as fal's platform API returns them with `expand=openapi-3.0`",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> String {
        let mut records = read("x.json", text, None);
        assert_eq!(records.len(), 1);
        records.remove(0).unwrap_err().to_string()
    }

    #[test]
    fn errors_distinguish_kinds_of_malformed_documents() {
        assert!(message("{\"openapi\": ").starts_with("x.json: not JSON: EOF"));
        assert!(message("[1]").contains("neither an OpenAPI document nor a model record"));
        assert!(message("{\"openapi\": \"3.0.4\"}").contains("neither an OpenAPI document"));
        assert!(
            message(r#"{"models": [{"endpoint_id": "a/b"}]}"#)
                .starts_with("x.json: /models/0/openapi: neither")
        );
        let nameless = r#"{"openapi": "3.0.4", "paths": {}}"#;
        assert!(message(nameless).contains("--app OWNER/NAME"));
    }

    #[test]
    fn a_record_without_a_schema_is_unavailable() {
        let failed = r#"{"endpoint_id": "a/b", "openapi": {"error": {"message": "gone"}}}"#;
        let records = read("x.json", failed, None);
        let [Ok(Record::Unavailable { id, reason })] = records.as_slice() else { panic!("{records:?}") };
        assert_eq!(id, "a/b");
        assert!(
            reason
                .to_string()
                .starts_with("x.json: /openapi/error: fal has no schema for this endpoint: gone")
        );
    }

    #[test]
    fn a_document_without_an_id_belongs_to_the_given_app() {
        let own = r#"{"openapi": "3.1.0", "paths": {"/": {}}}"#;
        let records = read("x.json", own, Some("me/app"));
        let [Ok(Record::Document(document))] = records.as_slice() else { panic!("{records:?}") };
        assert_eq!((document.id.as_str(), document.kind), ("me/app", DocumentKind::App));
    }

    #[test]
    fn a_malformed_record_does_not_affect_the_others_of_its_page() {
        let page = r#"{"models": [7, {"endpoint_id": "a/b", "openapi": {"paths": {}}}, {"name": "x"}]}"#;
        let records = read("x.json", page, None);
        let [Err(first), Ok(Record::Document(document)), Err(last)] = records.as_slice() else {
            panic!("{records:?}")
        };
        assert_eq!((first.pointer.as_str(), last.pointer.as_str()), ("/models/0", "/models/2"));
        assert_eq!((document.id.as_str(), document.base.as_str()), ("a/b", "/models/1/openapi"));
    }

    #[test]
    fn deep_nesting_is_an_error() {
        assert!(message(&"[".repeat(10_000)).contains("recursion limit"));
    }
}
