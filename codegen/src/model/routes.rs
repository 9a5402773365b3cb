//! Reads endpoints from the paths of a document.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{
    Direction, Endpoint, Type, TypeGraph,
    operation::{Operation, Reply},
};
use crate::{
    error::{Error, Errors, pointer},
    normalize::{Normalized, parse_schema, sessions::SESSIONS},
    schema::{DocumentKind, is_result_path},
};

/// The part of the remark about a route that opens a session whose messages another document describes.
pub(crate) const OPENS_SESSION: &str = ": opens a session";

/// The endpoints of a document.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
    /// The routes that are not endpoints.
    pub skipped: Vec<SkippedRoute>,
    /// The ids and paths of all routes.
    pub all: Vec<(String, String)>,
}

/// A route that is not an endpoint.
#[derive(Debug, Clone)]
pub struct SkippedRoute {
    /// The id that the endpoint would have.
    pub id: String,
    /// The reason, and what the author of the document can do about it.
    pub reason: Error,
    /// `true` if nothing is lost: the route is no `POST` route, or was left out on demand.
    pub is_intended: bool,
}

/// Decides by the id and the path of a route if it is left out on demand.
pub(crate) type IsLeftOut<'a> = &'a dyn Fn(&str, &str) -> bool;

/// Reads the endpoints of a document.
///
/// The document of a model that fal publishes has one endpoint. The document of an app has one for each `POST` route; a
/// route that cannot have types is skipped.
///
/// # Errors
///
/// Fails if the paths of the endpoint are missing, a reference has no target, or a construct is not supported. Each
/// error has the pointer of the construct. The document of an app fails only if none of its routes is an endpoint.
pub(crate) fn read_routes(document: &Normalized, is_left_out: IsLeftOut<'_>) -> Result<Routes, Errors> {
    match document.kind {
        DocumentKind::Queue => read_queue_endpoint(document, is_left_out),
        DocumentKind::App => read_app_routes(document, is_left_out),
        DocumentKind::Session => read_sessions(document, is_left_out),
    }
}

fn read_queue_endpoint(document: &Normalized, is_left_out: IsLeftOut<'_>) -> Result<Routes, Errors> {
    let Normalized { file, id, metadata, base, .. } = document;
    let path = format!("/{id}");
    let all = vec![(id.clone(), path.clone())];
    if is_left_out(id, &path) {
        return Ok(Routes { skipped: vec![left_out(document, id, &path)], all, ..Routes::default() });
    }
    let paths = paths(document);
    let item = paths.get(&path);
    let result_path = paths.keys().find(|other| is_result_path(other, &path));
    let submit = item.and_then(|item| item.get("post"));
    let result = result_path.and_then(|path| paths[path].get("get"));
    let (Some(item), Some(submit), Some(result), Some(result_path)) = (item, submit, result, result_path)
    else {
        let message = format!("has no `POST /{id}` with a `GET /{id}/requests/{{request_id}}`");
        return Err(Error::new(file, message)
            .with_pointer(format!("{base}/paths"))
            .with_help("check that the endpoint id and the paths name the same endpoint")
            .into());
    };
    let at = |path: &str, method: &str| pointer(&pointer(&format!("{base}/paths"), path), method);
    let submit = Operation::new(document, Some(item), submit, at(&path, "post"));
    let result = Operation::new(document, None, result, at(result_path, "get"));
    let about = document.document.pointer("/info/x-fal-metadata/about").and_then(Value::as_str);
    let description = metadata.description.as_deref().or(about).unwrap_or_default();
    let (input, output) = read_types(document, &submit, &result)?;
    let is_realtime = id.ends_with("/realtime") || protocol(item) == Some("realtime");
    let streams = metadata.streams || is_openai_stream(id);
    let endpoint = Endpoint {
        file: file.clone(),
        id: id.clone(),
        title: metadata.display_name.clone().unwrap_or_else(|| id.clone()),
        description: description.trim().to_owned(),
        category: metadata.category.clone(),
        date: metadata.date.clone(),
        input,
        event: (streams && !is_realtime).then(|| output.partial()),
        output,
        realtime: is_realtime,
        session: None,
        is_published: true,
        deprecated: metadata.deprecated || submit.is_deprecated(),
    };
    Ok(Routes { endpoints: vec![endpoint], skipped: Vec::new(), all })
}

/// Returns true for an endpoint in the manner of OpenAI's API that answers with events if its input says `"stream": true`.
/// No document mentions it.
pub(crate) fn is_openai_stream(id: &str) -> bool {
    let route = id.rsplit_once("/openai/v1/").map(|(_, route)| route);
    matches!(route, Some("chat/completions" | "completions" | "responses"))
}

/// Reads the `POST` routes of an app. A route that ends in `/stream` streams, and one with `x-fal-protocol` uses a
/// connection.
fn read_app_routes(document: &Normalized, is_left_out: IsLeftOut<'_>) -> Result<Routes, Errors> {
    let mut routes = Routes::default();
    let mut known: BTreeMap<String, &str> = BTreeMap::new();
    let mut is_reduced = false;
    let paths = paths(document);
    for (path, item) in paths.iter().filter(|(path, _)| !path.starts_with("x-")) {
        let id = format!("{}{}", document.id, path.trim_end_matches('/'));
        let at = pointer(&format!("{}/paths", document.base), path);
        routes.all.push((id.clone(), path.clone()));
        if is_left_out(&id, path) {
            routes.skipped.push(left_out(document, &id, path));
            is_reduced = true;
            continue;
        }
        if !path.starts_with('/') {
            let reason = Error::new(&document.file, format!("the path `{path}` does not begin with `/`"))
                .with_pointer(at)
                .with_help("correct the document, with `--overlay` if it is not yours");
            routes.skipped.push(SkippedRoute { id, reason, is_intended: false });
            continue;
        }
        let read = read_app_route(document, &id, path, item, &at);
        match (read, known.get(&id)) {
            (Ok(_), Some(other)) => {
                let reason = Error::new(&document.file, format!("has the same id as the route `{other}`"))
                    .with_pointer(at)
                    .with_help(format!("leave one of them out with `--skip {path}`"));
                routes.skipped.push(SkippedRoute { id, reason, is_intended: false });
            }
            (Ok(endpoint), None) => {
                known.insert(id, path);
                routes.endpoints.push(endpoint);
            }
            (Err(skipped), _) => routes.skipped.extend(skipped),
        }
    }
    let mut lost: Vec<Error> =
        routes.skipped.iter().filter(|route| !route.is_intended).map(|route| route.reason.clone()).collect();
    if routes.endpoints.is_empty() && !is_reduced {
        if lost.is_empty() {
            let error = Error::new(&document.file, "has no `POST` route")
                .with_pointer(format!("{}/paths", document.base))
                .with_help("an app's endpoints are its `POST` routes");
            lost.push(error);
        }
        Errors::or(lost, ())?;
    }
    merge_streams_into_parents(&mut routes.endpoints);
    Ok(routes)
}

/// Reads the messages of the sessions of an app.
fn read_sessions(document: &Normalized, is_left_out: IsLeftOut<'_>) -> Result<Routes, Errors> {
    let mut routes = Routes::default();
    let title = document.document.pointer("/info/title").and_then(Value::as_str);
    let protocol = document.document.get("x-fal-protocol").and_then(Value::as_str);
    let sessions = document.document.get(SESSIONS).and_then(Value::as_array);
    for session in sessions.into_iter().flatten() {
        let text = |key: &str| session.get(key).and_then(Value::as_str).unwrap_or_default();
        let at = format!("{}{}", document.base, text("at"));
        let path = format!("/{}", text("address").trim_matches('/'));
        let id = format!("{}{path}", document.id);
        routes.all.push((id.clone(), path.clone()));
        if is_left_out(&id, &path) {
            routes.skipped.push(left_out(document, &id, &path));
            continue;
        }
        let mut errors = Vec::new();
        let mut read = |key: &str, direction| {
            let schema = session.get(key).filter(|schema| !schema.is_null());
            let schema = schema.map(|schema| parse_schema(schema, &document.file, &at)).transpose();
            let schema = schema.unwrap_or_else(|error| {
                errors.push(error);
                None
            });
            TypeGraph::read(document, schema.as_ref(), &at, direction, &mut errors)
        };
        let (input, output) = (read("send", Direction::Input), read("receive", Direction::Output));
        if errors.is_empty() && !is_object(&input) {
            errors.push(
                Error::new(&document.file, "the messages are not objects").with_pointer(&at).with_help(
                    "send objects, whose `type` distinguishes them, such as \
                 `class Move(BaseModel): type: Literal[\"move\"] = \"move\"`",
                ),
            );
        }
        Errors::or(errors, ())?;
        routes.endpoints.push(Endpoint {
            file: document.file.clone(),
            id,
            title: title.unwrap_or("Sessions").to_owned(),
            description: String::new(),
            category: None,
            date: None,
            input,
            output,
            event: None,
            realtime: false,
            session: Some(protocol.unwrap_or_default().to_owned()),
            is_published: false,
            deprecated: false,
        });
    }
    if routes.all.is_empty() {
        let error = Error::new(&document.file, "has no operation that sends or receives messages")
            .with_pointer(format!("{}/operations", document.base))
            .with_help("give the document of an app whose sessions have messages");
        return Err(error.into());
    }
    Ok(routes)
}

/// Reads a route of an app. An `Err` has each reason that it is not an endpoint.
fn read_app_route(
    document: &Normalized,
    id: &str,
    path: &str,
    item: &Value,
    at: &str,
) -> Result<Endpoint, Vec<SkippedRoute>> {
    let skip =
        |reason: Error, is_intended: bool| vec![SkippedRoute { id: id.to_owned(), reason, is_intended }];
    let lost = |Errors(errors): Errors| -> Vec<SkippedRoute> {
        errors.into_iter().flat_map(|reason| skip(reason, false)).collect()
    };
    let (item, at) = Operation::follow(document, item, at.to_owned()).map_err(|error| skip(error, false))?;
    let protocol = protocol(item);
    let Some(operation) = item.get("post") else {
        let reason = match protocol {
            Some(protocol) => {
                Error::new(&document.file, format!("the protocol `{protocol}` has no schema of its messages"))
                    .with_help(
                        "connect to it with `Client::endpoint_id`, whose messages are any JSON or bytes",
                    )
            }
            None => Error::new(&document.file, "not a `POST` route"),
        };
        return Err(skip(reason.with_pointer(at), protocol.is_none()));
    };
    if path.contains(['{', '}']) {
        let reason = Error::new(
            &document.file,
            format!("the path `{path}` has parameters, and an endpoint has a fixed path"),
        )
        .with_pointer(at)
        .with_help("take the parameters as fields of the model that the route's function takes");
        return Err(skip(reason, false));
    }
    let operation = Operation::new(document, Some(item), operation, pointer(&at, "post"));
    let (mut input, output) = read_types(document, &operation, &operation).map_err(lost)?;
    let is_realtime = protocol == Some("realtime");
    if is_realtime {
        input.oddities.extend(operation.find_unnamed_union());
    }
    if let Some(session) = item.get("x-fal-realtime") {
        let messages =
            session.pointer("/asyncapi/url").and_then(Value::as_str).unwrap_or("an AsyncAPI document");
        let transport =
            session.pointer("/transport/protocol").and_then(Value::as_str).unwrap_or("another protocol");
        input.oddities.push(format!(
            "{}{OPENS_SESSION} over {transport}; give {messages} too, for the types of its messages",
            pointer(&at, "x-fal-realtime")
        ));
    }
    let mut endpoint = Endpoint {
        file: document.file.clone(),
        id: id.to_owned(),
        title: operation.text("summary").unwrap_or(id).to_owned(),
        description: operation.text("description").unwrap_or_default().trim().to_owned(),
        category: None,
        date: None,
        input,
        output,
        event: None,
        realtime: is_realtime,
        session: None,
        is_published: false,
        deprecated: operation.is_deprecated(),
    };
    let is_stream = path.trim_end_matches('/').ends_with("/stream") && !operation.replies_with_lines();
    if is_stream && !is_realtime {
        endpoint.event = Some(endpoint.output.clone());
    } else if operation.streams() && !is_realtime {
        let reason = Error::new(
            &document.file,
            "replies with a stream of events, which only a route that ends in `/stream` does",
        )
        .with_pointer(pointer(&operation.at, "responses"))
        .with_help("name the route `/stream`, or `<route>/stream` beside the route that replies with JSON");
        return Err(skip(reason, false));
    }
    Ok(endpoint)
}

fn left_out(document: &Normalized, id: &str, path: &str) -> SkippedRoute {
    let reason = Error::new(&document.file, "left out on demand")
        .with_pointer(pointer(&format!("{}/paths", document.base), path));
    SkippedRoute { id: id.to_owned(), reason, is_intended: true }
}

/// Turns each `/stream` route with the input of its parent route into the stream of the parent.
fn merge_streams_into_parents(endpoints: &mut Vec<Endpoint>) {
    let streams: Vec<Endpoint> =
        endpoints.iter().filter(|endpoint| endpoint.event.is_some()).cloned().collect();
    for stream in streams {
        let parent = stream.id.strip_suffix("/stream");
        let parent = endpoints.iter_mut().find(|endpoint| Some(endpoint.id.as_str()) == parent);
        if let Some(parent) = parent.filter(|parent| {
            parent.input.root == stream.input.root && parent.input.objects == stream.input.objects
        }) {
            parent.event = stream.event;
            endpoints.retain(|endpoint| endpoint.id != stream.id);
        }
    }
}

/// Reads the types of the input and the output.
fn read_types(
    document: &Normalized,
    submit: &Operation<'_>,
    result: &Operation<'_>,
) -> Result<(TypeGraph, TypeGraph), Errors> {
    let mut errors = Vec::new();
    let mut unsent = Vec::new();
    let body = submit.read_body(&mut unsent, &mut errors);
    let (schema, at) = body.map_or((None, submit.at.clone()), |(schema, at)| (Some(schema), at));
    let mut input = TypeGraph::read(document, schema.as_ref(), &at, Direction::Input, &mut errors);
    input.oddities.extend(unsent);
    if errors.is_empty() && !is_object(&input) {
        errors.push(Error::new(&document.file, "the input is not an object").with_pointer(&at).with_help(
            "take a model with a field for it, such as `class Input(BaseModel): items: list[Item]`; \
                     until then, call the endpoint untyped, with `Client::endpoint_id`",
        ));
    }
    let mut unread = Vec::new();
    let Reply { schema, at } = result.read_reply(&mut unread, &mut errors);
    let mut output = TypeGraph::read(document, schema.as_ref(), &at, Direction::Output, &mut errors);
    output.oddities.extend(unread);
    Errors::or(errors, (input, output))
}

/// Returns true if the values of an input are objects.
fn is_object(input: &TypeGraph) -> bool {
    matches!(input.root, Type::Object(_)) || input.is_unconstrained() || input.is_union_of_objects()
}

fn protocol(item: &Value) -> Option<&str> {
    item.get("x-fal-protocol")?.get("type")?.as_str()
}

fn paths(document: &Normalized) -> &Map<String, Value> {
    static NONE: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);
    document.document.get("paths").and_then(Value::as_object).unwrap_or(&NONE)
}
