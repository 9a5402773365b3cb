//! Stage 1: reads text into [`Document`]s.
//!
//! This stage is lenient: it takes whatever fal publishes as it is.

pub(crate) mod keywords;
pub(crate) mod media_types;
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
    read_corrected(file, text, app, &mut |_| Ok(()))
}

/// Corrects an OpenAPI document before anything is read from it.
pub(crate) type Correct<'a> = &'a mut dyn FnMut(&mut Value) -> Result<(), Error>;

/// Reads the records of a file as [`read`] does, and calls `correct` for each of their documents first.
pub(crate) fn read_corrected(
    file: &str,
    text: &str,
    app: Option<&str>,
    correct: Correct<'_>,
) -> Vec<Result<Record, Error>> {
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
                Value::Object(model) => read_record(file, &pointer("/models", index), model, app, correct),
                _ => vec![Err(not_a_document(file, &pointer("/models", index)))],
            });
            records.flatten().collect()
        }
        _ => read_record(file, "", object, app, correct),
    }
}

/// Reads a record. It has one document for each endpoint of the queue that it describes without naming it.
fn read_record(
    file: &str,
    at: &str,
    mut object: Map<String, Value>,
    app: Option<&str>,
    correct: Correct<'_>,
) -> Vec<Result<Record, Error>> {
    if object.contains_key("asyncapi") && !object.contains_key("paths") {
        return vec![read_session(file, at, object, app, correct)];
    }
    let is_record = object.contains_key("endpoint_id");
    if !is_record && !object.contains_key("paths") {
        return vec![Err(not_a_document(file, at))];
    }
    let metadata = if is_record { read_metadata(object.get("metadata")) } else { Metadata::default() };
    let recorded_id = object.get("endpoint_id").and_then(Value::as_str).map(str::to_owned);
    let mut openapi =
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
    if let Err(error) = correct(&mut openapi) {
        return vec![Err(error)];
    }
    if let Some(version) = openapi.get("swagger") {
        let version = version.as_str().map_or_else(|| version.to_string(), str::to_owned);
        return vec![Err(Error::new(file, format!("is Swagger {version}, and OpenAPI 3 is read"))
            .with_pointer(pointer(&base, "swagger"))
            .with_help("convert it to OpenAPI 3, for example with `npx swagger2openapi` or <https://converter.swagger.io>"))];
    }
    let Some(paths) = openapi.get("paths").and_then(Value::as_object) else {
        return vec![Err(not_a_document(file, &base))];
    };
    let own_id = openapi.pointer("/info/x-fal-metadata/endpointId").and_then(Value::as_str);
    let is_app = recorded_id.is_none() && own_id.is_some_and(|id| describes_app(paths, id));
    let known_id = recorded_id.or_else(|| own_id.map(str::to_owned));
    let queued = if known_id.is_none() { find_queue_endpoints(paths, app) } else { Vec::new() };
    let (kind, ids) = match (known_id, app) {
        (Some(id), _) if is_app => (DocumentKind::App, vec![id]),
        (Some(id), _) => (DocumentKind::Queue, vec![id]),
        (None, _) if !queued.is_empty() => (DocumentKind::Queue, queued),
        (None, Some(app)) => (DocumentKind::App, vec![app.to_owned()]),
        (None, None) => {
            return vec![Err(Error::new(file, "does not say which endpoint or app it describes")
                .with_pointer(format!("{base}/info/x-fal-metadata/endpointId"))
                .with_help(
                    "for an app of your own, say which with `--app OWNER/NAME`, or `--app OWNER/NAME=FILE`",
                ))];
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
    correct: Correct<'_>,
) -> Result<Record, Error> {
    let mut asyncapi = Value::Object(object);
    correct(&mut asyncapi)?;
    let version = asyncapi.get("asyncapi").and_then(Value::as_str);
    if !version.is_some_and(|version| version.starts_with("3.")) {
        return Err(Error::new(file, "not an AsyncAPI document of version 3")
            .with_pointer(pointer(at, "asyncapi"))
            .with_help("download it from the app again, or convert it to version 3"));
    }
    let Some(app) = app else {
        return Err(Error::new(file, "does not say which app it describes")
            .with_pointer(pointer(at, "info"))
            .with_help("say which with `--app OWNER/NAME`, or `--app OWNER/NAME=FILE`"));
    };
    Ok(Record::Document(Box::new(Document {
        file: file.to_owned(),
        base: at.to_owned(),
        id: app.to_owned(),
        kind: DocumentKind::Session,
        metadata: Metadata::default(),
        openapi: asyncapi,
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

/// Returns true if a document that names its endpoint has the routes of an app of this name, and not a queue.
///
/// The paths of an app do not start with its name. A document with the queue of another endpoint is a mistake.
fn describes_app(paths: &Map<String, Value>, id: &str) -> bool {
    let is_inside = |path: &String| {
        path.strip_prefix('/')
            .and_then(|path| path.strip_prefix(id))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let has_post = paths.values().any(|item| item.get("post").is_some());
    has_post && !paths.keys().any(is_inside) && find_queue_endpoints(paths, None).is_empty()
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
    fn swagger_is_refused_by_its_name() {
        for text in [
            r#"{"swagger": "2.0", "info": {"title": "x", "version": "1"}, "paths": {}}"#,
            "swagger: '2.0'\npaths: {}\n",
        ] {
            let records = read("x.json", text, Some("me/app"));
            let [Err(error)] = records.as_slice() else { panic!("{records:?}") };
            assert!(error.message.contains("is Swagger 2.0"), "{error}");
            assert!(error.help.starts_with("convert it to OpenAPI 3"), "{error}");
        }
    }

    #[test]
    fn a_document_that_names_an_app_has_its_routes() {
        let named = |id: &str, paths: &str| {
            let metadata = format!(r#"{{"x-fal-metadata": {{"endpointId": "{id}"}}}}"#);
            let text = format!(r#"{{"openapi": "3.1.0", "info": {metadata}, "paths": {{{paths}}}}}"#);
            let mut records = read("x.json", &text, None);
            let Record::Document(document) = records.remove(0).unwrap() else { panic!("{text}") };
            (document.id, document.kind)
        };
        let queue = r#""/me/app": {"post": {}}, "/me/app/requests/{request_id}": {"get": {}}"#;
        assert_eq!(named("me/app", r#""/": {"post": {}}"#), ("me/app".to_owned(), DocumentKind::App));
        assert_eq!(named("me/app", queue), ("me/app".to_owned(), DocumentKind::Queue));
        // The queue of another endpoint is a mistake, and reported as one.
        assert_eq!(named("me/other", queue), ("me/other".to_owned(), DocumentKind::Queue));
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
