//! From paths to endpoints.

use openapiv3::{OpenAPI, Operation, PathItem, ReferenceOr, Schema};
use serde_json::Value;

use super::{Direction, Endpoint, Side, Type};
use crate::{Error, Errors, normalize::Normalized, schema::Kind};

/// What the paths of a document become.
#[derive(Debug, Clone, Default)]
pub struct Routes {
    /// The endpoints.
    pub endpoints: Vec<Endpoint>,
    /// Routes without an endpoint, and why.
    pub skipped: Vec<(String, String)>,
}

/// The endpoints that a document describes: one, for a model that fal publishes; every route, for an app.
///
/// # Errors
///
/// When the paths of the endpoint are missing, a reference leads nowhere, or a construct has no meaning
/// here yet. The pointer says where.
pub fn routes(document: &Normalized) -> Result<Routes, Errors> {
    match document.kind {
        Kind::Queue => Ok(Routes { endpoints: vec![of_queue(document)?], skipped: Vec::new() }),
        Kind::App => of_app(document),
    }
}

fn of_queue(document: &Normalized) -> Result<Endpoint, Errors> {
    let Normalized { file, id, metadata, base, openapi, .. } = document;
    let submit = item(openapi, &format!("/{id}")).and_then(|item| item.post.as_ref());
    let result = item(openapi, &format!("/{id}/requests/{{request_id}}")).and_then(|item| item.get.as_ref());
    let (Some(submit), Some(result)) = (submit, result) else {
        let message = format!("has no `POST /{id}` with a `GET /{id}/requests/{{request_id}}`");
        return Err(Error::new(file, message)
            .at(format!("{base}/paths"))
            .help("check that the endpoint id and the paths name the same endpoint")
            .into());
    };
    let about = openapi.info.extensions.get("x-fal-metadata");
    let about = about.and_then(|metadata| metadata.get("about")).and_then(Value::as_str);
    let description = metadata.description.as_deref().or(about).unwrap_or_default();
    let (input, output) = sides(document, body(submit), reply(result))?;
    let is_realtime =
        id.ends_with("/realtime") || item(openapi, &format!("/{id}")).and_then(protocol) == Some("realtime");
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

/// An app has `POST` routes; `/stream` streams, and `x-fal-protocol` marks those over a connection.
fn of_app(document: &Normalized) -> Result<Routes, Errors> {
    let mut routes = Routes::default();
    let mut errors = Vec::new();
    for (path, item) in &document.openapi.paths.paths {
        let Some(item) = item.as_item() else { continue };
        let id = format!("{}{}", document.id, path.trim_end_matches('/'));
        match (item.post.as_ref(), protocol(item)) {
            (Some(operation), protocol) => {
                let mut endpoint = match route(document, &id, operation) {
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
            .at(format!("{}/paths", document.base))
            .help("an app's endpoints are its `POST` routes")
            .into());
    }
    lend_streams(&mut routes.endpoints);
    Ok(routes)
}

/// A `/stream` route that takes what its parent takes is the parent's stream, and no endpoint of its own.
fn lend_streams(endpoints: &mut Vec<Endpoint>) {
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

fn route(document: &Normalized, id: &str, operation: &Operation) -> Result<Endpoint, Errors> {
    let (input, output) = sides(document, body(operation), reply(operation))?;
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

/// What is taken and what is given.
fn sides(
    document: &Normalized,
    input: Option<&ReferenceOr<Schema>>,
    output: Option<&ReferenceOr<Schema>>,
) -> Result<(Side, Side), Errors> {
    let mut errors = Vec::new();
    let input = Side::read(document, input, Direction::Input, &mut errors);
    let output = Side::read(document, output, Direction::Output, &mut errors);
    Errors::or(errors, (input, output))
}

fn protocol(item: &PathItem) -> Option<&str> {
    item.extensions.get("x-fal-protocol")?.get("type")?.as_str()
}

fn item<'a>(openapi: &'a OpenAPI, path: &str) -> Option<&'a PathItem> {
    openapi.paths.paths.get(path)?.as_item()
}

fn body(operation: &Operation) -> Option<&ReferenceOr<Schema>> {
    let body = operation.request_body.as_ref()?.as_item()?;
    body.content.get("application/json")?.schema.as_ref()
}

fn reply(operation: &Operation) -> Option<&ReferenceOr<Schema>> {
    let (_, reply) = operation.responses.responses.iter().find(|(code, _)| code.to_string() == "200")?;
    reply.as_item()?.content.get("application/json")?.schema.as_ref()
}

impl Side {
    /// The same while it comes: what the whole always has, a part may still lack. fal publishes no schema of
    /// events, and its models send outputs of which more and more is there.
    #[must_use]
    pub fn partial(&self) -> Self {
        let mut part = self.clone();
        if let Type::Object(root) = &part.root
            && let Some(object) = part.objects.get_mut(root)
        {
            object.properties.iter_mut().for_each(|property| property.required = false);
        }
        part
    }

    /// Whether anything at all is taken or given.
    #[must_use]
    pub fn is_free(&self) -> bool {
        matches!(&self.root, Type::Any) || matches!(&self.root, Type::Map(item) if item.ty == Type::Any)
    }
}
