//! Reads endpoints from the paths of a document.

use openapiv3::{OpenAPI, Operation, PathItem, ReferenceOr, Schema};
use serde_json::Value;

use super::{Direction, Endpoint, TypeGraph};
use crate::{
    error::{Error, Errors},
    normalize::Normalized,
    schema::DocumentKind,
};

/// The endpoints of a document.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
    /// The ids of routes that are not endpoints, each with the reason.
    pub skipped: Vec<(String, String)>,
}

/// Reads the endpoints of a document.
///
/// The document of a model that fal publishes has one endpoint. The document of an app has one for each `POST` route.
///
/// # Errors
///
/// Fails if the paths of the endpoint are missing, a reference has no target, or a construct is not supported. Each
/// error has the pointer of the construct.
pub fn read_routes(document: &Normalized) -> Result<Routes, Errors> {
    match document.kind {
        DocumentKind::Queue => {
            Ok(Routes { endpoints: vec![read_queue_endpoint(document)?], skipped: Vec::new() })
        }
        DocumentKind::App => read_app_routes(document),
    }
}

fn read_queue_endpoint(document: &Normalized) -> Result<Endpoint, Errors> {
    let Normalized { file, id, metadata, base, openapi, .. } = document;
    let submit = path_item(openapi, &format!("/{id}")).and_then(|item| item.post.as_ref());
    let result =
        path_item(openapi, &format!("/{id}/requests/{{request_id}}")).and_then(|item| item.get.as_ref());
    let (Some(submit), Some(result)) = (submit, result) else {
        let message = format!("has no `POST /{id}` with a `GET /{id}/requests/{{request_id}}`");
        return Err(Error::new(file, message)
            .with_pointer(format!("{base}/paths"))
            .with_help("check that the endpoint id and the paths name the same endpoint")
            .into());
    };
    let about = openapi.info.extensions.get("x-fal-metadata");
    let about = about.and_then(|metadata| metadata.get("about")).and_then(Value::as_str);
    let description = metadata.description.as_deref().or(about).unwrap_or_default();
    let (input, output) = read_types(document, request_schema(submit), response_schema(result))?;
    let is_realtime = id.ends_with("/realtime")
        || path_item(openapi, &format!("/{id}")).and_then(protocol) == Some("realtime");
    Ok(Endpoint {
        file: file.clone(),
        id: id.clone(),
        title: metadata.display_name.clone().unwrap_or_else(|| id.clone()),
        description: description.trim().to_owned(),
        category: metadata.category.clone(),
        input,
        event: (metadata.streams && !is_realtime).then(|| output.partial()),
        output,
        realtime: is_realtime,
    })
}

/// Reads the `POST` routes of an app. A route that ends in `/stream` streams, and one with `x-fal-protocol` uses a
/// connection.
fn read_app_routes(document: &Normalized) -> Result<Routes, Errors> {
    let mut routes = Routes::default();
    let mut errors = Vec::new();
    for (path, item) in &document.openapi.paths.paths {
        let Some(item) = item.as_item() else { continue };
        let id = format!("{}{}", document.id, path.trim_end_matches('/'));
        match (item.post.as_ref(), protocol(item)) {
            (Some(operation), protocol) => {
                let mut endpoint = match read_app_endpoint(document, &id, operation) {
                    Ok(endpoint) => endpoint,
                    Err(Errors(more)) => {
                        errors.extend(more);
                        continue;
                    }
                };
                endpoint.realtime = protocol == Some("realtime");
                if path.ends_with("/stream") && !endpoint.realtime {
                    endpoint.event = Some(endpoint.output.clone());
                }
                routes.endpoints.push(endpoint);
            }
            (None, Some(protocol)) => {
                routes.skipped.push((id, format!("the protocol `{protocol}` has no schema of its messages")));
            }
            (None, None) => routes.skipped.push((id, "not a `POST` route".to_owned())),
        }
    }
    Errors::or(errors, ())?;
    if routes.endpoints.is_empty() {
        return Err(Error::new(&document.file, "has no `POST` route")
            .with_pointer(format!("{}/paths", document.base))
            .with_help("an app's endpoints are its `POST` routes")
            .into());
    }
    merge_streams_into_parents(&mut routes.endpoints);
    Ok(routes)
}

/// Turns each `/stream` route with the input of its parent route into the stream of the parent.
fn merge_streams_into_parents(endpoints: &mut Vec<Endpoint>) {
    let streams: Vec<Endpoint> =
        endpoints.iter().filter(|endpoint| endpoint.event.is_some()).cloned().collect();
    for stream in streams {
        let parent = stream.id.strip_suffix("/stream");
        let parent = endpoints.iter_mut().find(|endpoint| Some(endpoint.id.as_str()) == parent);
        if let Some(parent) = parent.filter(|parent| parent.input == stream.input) {
            parent.event = stream.event;
            endpoints.retain(|endpoint| endpoint.id != stream.id);
        }
    }
}

fn read_app_endpoint(document: &Normalized, id: &str, operation: &Operation) -> Result<Endpoint, Errors> {
    let (input, output) = read_types(document, request_schema(operation), response_schema(operation))?;
    Ok(Endpoint {
        file: document.file.clone(),
        id: id.to_owned(),
        title: operation.summary.clone().unwrap_or_else(|| id.to_owned()),
        description: operation.description.clone().unwrap_or_default().trim().to_owned(),
        category: None,
        input,
        output,
        event: None,
        realtime: false,
    })
}

/// Reads the types of the input and the output.
fn read_types(
    document: &Normalized,
    input: Option<&ReferenceOr<Schema>>,
    output: Option<&ReferenceOr<Schema>>,
) -> Result<(TypeGraph, TypeGraph), Errors> {
    let mut errors = Vec::new();
    let input = TypeGraph::read(document, input, Direction::Input, &mut errors);
    let output = TypeGraph::read(document, output, Direction::Output, &mut errors);
    Errors::or(errors, (input, output))
}

fn protocol(item: &PathItem) -> Option<&str> {
    item.extensions.get("x-fal-protocol")?.get("type")?.as_str()
}

fn path_item<'a>(openapi: &'a OpenAPI, path: &str) -> Option<&'a PathItem> {
    openapi.paths.paths.get(path)?.as_item()
}

fn request_schema(operation: &Operation) -> Option<&ReferenceOr<Schema>> {
    let body = operation.request_body.as_ref()?.as_item()?;
    body.content.get("application/json")?.schema.as_ref()
}

fn response_schema(operation: &Operation) -> Option<&ReferenceOr<Schema>> {
    let (_, response) = operation.responses.responses.iter().find(|(code, _)| code.to_string() == "200")?;
    response.as_item()?.content.get("application/json")?.schema.as_ref()
}
