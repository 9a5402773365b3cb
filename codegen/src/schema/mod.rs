//! Stage 1: reads text into [`Document`]s.
//!
//! This stage is lenient: it takes whatever fal publishes as it is.

pub(crate) mod keywords;
pub(crate) mod text;

use serde_json::{Map, Value};

use crate::error::{Error, pointer};

/// The maximum number of endpoints whose queue one document describes. Each of them is read on its own.
const MAX_QUEUES: usize = 100;

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
    /// An AsyncAPI document of the messages of an app's sessions.
    Session,
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
    /// The day on which fal published the model, such as `2025-06-04`.
    pub date: Option<String>,
    /// `true` if the model has a `/stream` route (`stream_url`).
    pub streams: bool,
    /// `true` if fal lists the model as deprecated (`status`).
    pub deprecated: bool,
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
/// The file is an OpenAPI document, an AsyncAPI document of sessions, a model record `{endpoint_id, metadata, openapi}`, or
/// a page of records `{"models": […]}`. `app` is the `owner/name` for documents that do not name their app.
///
/// An `Err` is a malformed record, or the whole text if it is neither JSON nor YAML, or none of the above. A malformed record of
/// a page does not affect the others.
pub fn read(file: &str, text: &str, app: Option<&str>) -> Vec<Result<Record, Error>> {
    let value = match text::parse(file, text) {
        Ok(value) => value,
        Err(error) => return vec![Err(error)],
    };
    let Value::Object(mut object) = value else {
        return vec![Err(not_a_document(file, ""))];
    };
    match object.remove("models") {
        Some(Value::Array(models)) => {
            let records = models.into_iter().enumerate().map(|(index, model)| match model {
                Value::Object(model) => read_record(file, &pointer("/models", index), model, app),
                _ => vec![Err(not_a_document(file, &pointer("/models", index)))],
            });
            records.flatten().collect()
        }
        _ => read_record(file, "", object, app),
    }
}

/// Reads a record. It has one document for each endpoint of the queue that it describes without naming it.
fn read_record(
    file: &str,
    at: &str,
    mut object: Map<String, Value>,
    app: Option<&str>,
) -> Vec<Result<Record, Error>> {
    if object.contains_key("asyncapi") && !object.contains_key("paths") {
        return vec![read_session(file, at, object, app)];
    }
    let is_record = object.contains_key("endpoint_id");
    if !is_record && !object.contains_key("paths") {
        return vec![Err(not_a_document(file, at))];
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
        return vec![Ok(Record::Unavailable { id: id.clone(), reason })];
    }
    let Some(paths) = openapi.get("paths").and_then(Value::as_object) else {
        return vec![Err(not_a_document(file, &base))];
    };
    let own_id = openapi.pointer("/info/x-fal-metadata/endpointId").and_then(Value::as_str);
    let known_id = recorded_id.or_else(|| own_id.map(str::to_owned));
    let queued = if known_id.is_none() { find_queue_endpoints(paths, app) } else { Vec::new() };
    let (kind, ids) = match (known_id, app) {
        (Some(id), _) => (DocumentKind::Queue, vec![id]),
        (None, _) if !queued.is_empty() => (DocumentKind::Queue, queued),
        (None, Some(app)) => (DocumentKind::App, vec![app.to_owned()]),
        (None, None) => {
            return vec![Err(Error::new(file, "does not say which endpoint or app it describes")
                .with_pointer(format!("{base}/info/x-fal-metadata/endpointId"))
                .with_help("for an app of your own, say which with `--app OWNER/NAME`"))];
        }
    };
    if ids.len() > MAX_QUEUES {
        let message = format!("describes the queues of {} endpoints, more than {MAX_QUEUES}", ids.len());
        return vec![Err(Error::new(file, message)
            .with_pointer(pointer(&base, "paths"))
            .with_help("split the document, so that there is one for each endpoint"))];
    }
    let document = |id| {
        let (file, base, metadata, openapi) =
            (file.to_owned(), base.clone(), metadata.clone(), openapi.clone());
        Ok(Record::Document(Box::new(Document { file, base, id, kind, metadata, openapi })))
    };
    ids.into_iter().map(document).collect()
}

/// Reads an AsyncAPI document, which does not name its app.
fn read_session(
    file: &str,
    at: &str,
    object: Map<String, Value>,
    app: Option<&str>,
) -> Result<Record, Error> {
    let version = object.get("asyncapi").and_then(Value::as_str);
    if !version.is_some_and(|version| version.starts_with("3.")) {
        return Err(Error::new(file, "not an AsyncAPI document of version 3")
            .with_pointer(pointer(at, "asyncapi"))
            .with_help("download it from the app again, or convert it to version 3"));
    }
    let Some(app) = app else {
        return Err(Error::new(file, "does not say which app it describes")
            .with_pointer(pointer(at, "info"))
            .with_help("say which with `--app OWNER/NAME`"));
    };
    Ok(Record::Document(Box::new(Document {
        file: file.to_owned(),
        base: at.to_owned(),
        id: app.to_owned(),
        kind: DocumentKind::Session,
        metadata: Metadata::default(),
        openapi: Value::Object(object),
    })))
}

/// Returns the ids of the endpoints whose queue a document describes: `POST /<id>` submits a request, and
/// `GET /<id>/requests/{request_id}` returns its result.
///
/// The document of an app may have such a pair of routes of its own, but does not have the status of requests, and its
/// paths do not start with its name.
fn find_queue_endpoints(paths: &Map<String, Value>, app: Option<&str>) -> Vec<String> {
    let ids = paths.iter().filter_map(|(result, item)| {
        item.get("get")?;
        let (path, _) = result.rsplit_once("/requests/").filter(|(path, _)| is_result_path(result, path))?;
        let id = path.strip_prefix('/').filter(|id| id.contains('/'))?;
        paths.get(path)?.get("post")?;
        let rest = app.map_or(Some(""), |app| id.strip_prefix(app));
        let is_of_app = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        (is_of_app || paths.contains_key(&format!("{result}/status"))).then(|| id.to_owned())
    });
    ids.collect()
}

/// Returns true for the path of the result of a request to the endpoint at `path`.
pub(crate) fn is_result_path(candidate: &str, path: &str) -> bool {
    let parameter = candidate.strip_prefix(path).and_then(|rest| rest.strip_prefix("/requests/"));
    parameter.is_some_and(|name| name.starts_with('{') && name.ends_with('}') && !name.contains('/'))
}

fn read_metadata(value: Option<&Value>) -> Metadata {
    let empty = Map::new();
    let fields = value.and_then(Value::as_object).unwrap_or(&empty);
    let text = |key: &str| fields.get(key).and_then(Value::as_str).map(str::to_owned);
    Metadata {
        display_name: text("display_name"),
        description: text("description"),
        category: text("category"),
        date: text("date").map(|date| date.chars().take("2025-06-04".len()).collect()),
        streams: text("stream_url").is_some_and(|url| !url.is_empty()),
        deprecated: text("status").is_some_and(|status| status != "active"),
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
    fn a_byte_order_mark_is_ignored() {
        let records = read("x.json", "\u{feff}{\"paths\": {}}", Some("a/b"));
        assert!(
            matches!(records.as_slice(), [Ok(Record::Document(document))] if document.id == "a/b"),
            "{records:?}"
        );
    }

    #[test]
    fn deep_nesting_is_an_error() {
        assert!(message(&"[".repeat(10_000)).contains("recursion limit"));
    }
}
