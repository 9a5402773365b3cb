//! A model and its schemas.

use std::sync::OnceLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::route::{self, BodyKind, RouteParameter, StreamFormat};
use crate::components::Components;

/// A model: its OpenAPI document, and its schemas, which are compiled on first use.
pub(crate) struct Model {
    pub(crate) id: String,
    pub(crate) metadata: Option<Value>,
    pub(crate) openapi: Value,
    pub(crate) components: Components,
    pub(crate) input: Value,
    /// The schema of the output, or of an event of a stream.
    pub(crate) output: Value,
    pub(crate) body: BodyKind,
    /// The parameters in the path and in the query.
    pub(crate) parameters: Vec<RouteParameter>,
    /// The form of the stream, if the document says that the reply is one.
    pub(crate) stream: Option<StreamFormat>,
    /// `true` for a route of an app whose own document is served.
    pub(crate) is_own_app: bool,
    input_validator: OnceLock<Result<Validator, String>>,
    output_validator: OnceLock<Result<Validator, String>>,
}

impl Model {
    /// Parses a record `{endpoint_id, metadata, openapi}`, or a document that names its endpoint.
    ///
    /// Returns `None` if there is no model: for the record of a document that fal could not produce, and for the
    /// documents of fal's own services.
    ///
    /// # Errors
    ///
    /// Returns a message if the document does not describe the call of a model.
    pub(crate) fn parse(mut record: Value) -> Result<Option<Self>, String> {
        if is_of_service(&record) {
            return Ok(None);
        }
        let is_document = record.get("paths").is_some();
        let id = record
            .pointer(if is_document { "/info/x-fal-metadata/endpointId" } else { "/endpoint_id" })
            .and_then(Value::as_str)
            .ok_or("it has neither an endpoint_id nor an info.x-fal-metadata.endpointId")?
            .trim_matches('/')
            .to_owned();
        let metadata = record.get_mut("metadata").map(Value::take);
        let openapi = if is_document {
            record
        } else {
            record.get_mut("openapi").map(Value::take).ok_or("it has no openapi")?
        };
        if openapi.get("error").is_some() {
            return Ok(None);
        }
        let input = input_schema(&openapi, &id).ok_or("no path takes a JSON body by POST")?;
        let (stream, output) = match output_schema(&openapi, &id) {
            Some(output) => (None, output),
            None => stream_schema(&openapi, &id).ok_or("no path replies with an output")?,
        };
        Ok(Some(Self {
            id,
            metadata,
            components: Components::new(&openapi, [&input, &output]),
            input,
            output,
            body: BodyKind::Required,
            parameters: Vec::new(),
            stream,
            is_own_app: false,
            openapi,
            input_validator: OnceLock::new(),
            output_validator: OnceLock::new(),
        }))
    }

    /// Returns true if the body or the URL of a call has a parameter of this name.
    pub(crate) fn has_parameter(&self, name: &str) -> bool {
        let (input, _) = self.components.resolve(&self.input);
        let in_body = input.get("properties").is_some_and(|properties| properties.get(name).is_some());
        in_body || self.parameters.iter().any(|parameter| parameter.name == name)
    }

    /// Reads a `POST` route of the document that an app itself publishes.
    ///
    /// # Errors
    ///
    /// Returns the reason for which the route cannot be served.
    pub(super) fn from_route(id: String, item: &Value, document: &Value) -> Result<Self, String> {
        let operation = item.get("post").ok_or("it is no POST route")?;
        let (body, input) = route::read_body(operation)?;
        let (stream, output) = match route::read_reply(operation) {
            // Streams are often declared without a type: then the last segment says what they are.
            Err(_) if id.ends_with("/stream") => (Some(StreamFormat::JsonEvents), json!({})),
            reply => reply?,
        };
        let openapi = json!({
            "openapi": document.get("openapi"),
            "info": {"title": id, "version": "0", "x-fal-metadata": {"endpointId": id}},
            "components": document.get("components"),
            "paths": {format!("/{id}"): item},
        });
        let parameters = route::read_parameters(item, operation);
        let used = [&input, &output].into_iter().chain(parameters.iter().map(|parameter| &parameter.schema));
        Ok(Self {
            id,
            metadata: None,
            components: Components::new(&openapi, used),
            input,
            output,
            body,
            parameters,
            stream,
            is_own_app: true,
            openapi,
            input_validator: OnceLock::new(),
            output_validator: OnceLock::new(),
        })
    }

    /// Returns the compiled input schema.
    ///
    /// # Errors
    ///
    /// Returns a message if the schema is not valid.
    pub(crate) fn input_validator(&self) -> Result<&Validator, &String> {
        self.input_validator.get_or_init(|| self.components.validator(&self.input)).as_ref()
    }

    /// Returns the compiled output schema.
    ///
    /// # Errors
    ///
    /// Returns a message if the schema is not valid.
    pub(crate) fn output_validator(&self) -> Result<&Validator, &String> {
        self.output_validator.get_or_init(|| self.components.validator(&self.output)).as_ref()
    }

    /// Returns a text of the metadata.
    pub(crate) fn metadata_text(&self, name: &str) -> Option<&str> {
        self.metadata.as_ref()?.get(name)?.as_str()
    }

    /// Returns the category, such as `text-to-image`, or an empty text if the document does not name it.
    pub(crate) fn category(&self) -> &str {
        self.metadata
            .as_ref()
            .and_then(|metadata| metadata.get("category"))
            .or_else(|| self.openapi.pointer("/info/x-fal-metadata/category"))
            .and_then(Value::as_str)
            .unwrap_or_default()
    }
}

/// Returns true for the documents of fal's own services, which describe no model: the platform API, the queue and direct
/// calls of any app.
pub(super) fn is_of_service(document: &Value) -> bool {
    let server = document.pointer("/servers/0/url").and_then(Value::as_str).unwrap_or_default();
    server.starts_with("https://api.fal.ai/") || document.pointer("/paths/~1{owner}~1{app}").is_some()
}

fn input_schema(openapi: &Value, id: &str) -> Option<Value> {
    let body = |item: &Value| item.pointer("/post/requestBody/content/application~1json/schema").cloned();
    let paths = openapi.get("paths")?.as_object()?;
    let own = [format!("/{id}"), "/".to_owned()];
    own.iter().filter_map(|path| paths.get(path)).chain(paths.values()).find_map(body)
}

fn output_schema(openapi: &Value, id: &str) -> Option<Value> {
    let paths = openapi.get("paths")?.as_object()?;
    let response = |item: &Value, method: &str| {
        item.pointer(&format!("/{method}/responses/200/content/application~1json/schema")).cloned()
    };
    // Documents of the queue describe the output at the route of the result, other documents at the call.
    let result = paths
        .iter()
        .filter(|(path, _)| path.ends_with("/requests/{request_id}"))
        .find_map(|(_, item)| response(item, "get"));
    let own = [format!("/{id}"), "/".to_owned()];
    result.or_else(|| {
        own.iter()
            .filter_map(|path| paths.get(path))
            .chain(paths.values())
            .find_map(|item| response(item, "post"))
    })
}

/// Returns the form and the schema of the events of the first path that replies with a stream.
fn stream_schema(openapi: &Value, id: &str) -> Option<(Option<StreamFormat>, Value)> {
    let paths = openapi.get("paths")?.as_object()?;
    let own = [format!("/{id}"), "/".to_owned()];
    own.iter()
        .filter_map(|path| paths.get(path))
        .chain(paths.values())
        .find_map(|item| route::read_reply(item.get("post")?).ok())
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    /// Creates a model with the given input and output schemas.
    pub(crate) fn model(input: Value, output: Value) -> Model {
        let operation = |schema: &str| json!({"schema": {"$ref": format!("#/components/schemas/{schema}")}});
        let document = json!({
            "info": {"x-fal-metadata": {"endpointId": "acme/painter"}},
            "components": {"schemas": {"In": input, "Out": output}},
            "paths": {"/acme/painter": {"post": {
                "requestBody": {"content": {"application/json": operation("In")}},
                "responses": {"200": {"content": {"application/json": operation("Out")}}},
            }}},
        });
        Model::parse(document).unwrap().unwrap()
    }

    #[test]
    fn a_document_without_a_record_names_its_endpoint() {
        let model = model(json!({}), json!({"type": "object"}));
        assert_eq!(model.id, "acme/painter");
        assert_eq!(model.output, json!({"$ref": "#/components/schemas/Out"}));
    }
}
