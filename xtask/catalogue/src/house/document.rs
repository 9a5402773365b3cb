//! One record in house form.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{
    schema::{self, Findings},
    words::{Phrase, Place, Words},
};

/// What is kept of a record's metadata, next to the name and the description, which are ours.
const METADATA: &[&str] =
    &["category", "status", "kind", "license_type", "model_url", "stream_url", "x-provenance"];

/// Schemas that say how a queue is followed, alike in every document.
const OF_THE_QUEUE: &str = "QueueStatus";

/// The record of one endpoint, as the platform gives it or as this function wrote it, in house form.
///
/// # Errors
///
/// Everything that stands in the way, one message each: names without a phrase, phrases that speak of a
/// parameter that the endpoint does not have, and keys that are neither facts nor prose.
pub(crate) fn form(record: &Value, words: &Words) -> Result<Value, Vec<String>> {
    let id = record["endpoint_id"].as_str().ok_or_else(|| vec!["/endpoint_id: is missing".to_owned()])?;
    let openapi = &record["openapi"];
    if let Some(error) = openapi.get("error") {
        return Err(vec![format!("/openapi/error: fal has no document of `{id}`: {error}")]);
    }
    let mut findings = Findings::default();
    let about = words.endpoint(id);
    if about.is_none() {
        findings.add("/metadata", format_args!("the phrase book does not say what `{id}` is and does"));
    }
    let category = record["metadata"]["category"].as_str().unwrap_or_default();
    let kind = kind_of(category).unwrap_or_else(|| {
        findings.add("/metadata/category", format_args!("what does `{category}` make?"));
        ""
    });
    let input = root(openapi, &format!("/{id}"), "/post/requestBody/content/application~1json/schema/$ref");
    let output = root(
        openapi,
        &format!("/{id}/requests/{{request_id}}"),
        "/get/responses/200/content/application~1json/schema/$ref",
    );
    let (Some(input), Some(output)) = (input, output) else {
        return Err(vec!["/openapi/paths: no input or no output of the endpoint".to_owned()]);
    };
    let roots = Roots { id, kind, input, output };
    let schemas = schemas(openapi, &roots, words, &mut findings);
    if !findings.0.is_empty() {
        return Err(findings.0);
    }

    let mut metadata = Map::new();
    metadata.insert("display_name".to_owned(), json!(about.map(|about| &about.name)));
    metadata.insert("description".to_owned(), json!(about.map(|about| &about.does)));
    for &key in METADATA {
        if let Some(value) = record["metadata"].get(key) {
            metadata.insert(key.to_owned(), value.clone());
        }
    }
    let reference = |name: &str| json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{name}") } } });
    Ok(json!({
        "endpoint_id": id,
        "metadata": metadata,
        "openapi": {
            "openapi": "3.0.4",
            "info": {
                "title": id,
                "version": "1.0.0",
                "x-fal-metadata": { "endpointId": id, "category": category },
            },
            "components": { "schemas": schemas },
            "paths": {
                (format!("/{id}")): { "post": {
                    "requestBody": { "required": true, "content": reference(input) },
                    "responses": { "200": { "description": "Accepted into the queue." } },
                } },
                (format!("/{id}/requests/{{request_id}}")): { "get": {
                    "parameters": [
                        { "name": "request_id", "in": "path", "required": true, "schema": { "type": "string" } },
                    ],
                    "responses": { "200": { "description": "The result.", "content": reference(output) } },
                } },
            },
            "servers": [{ "url": "https://queue.fal.run" }],
        },
    }))
}

struct Roots<'a> {
    id: &'a str,
    kind: &'a str,
    input: &'a str,
    output: &'a str,
}

impl Roots<'_> {
    /// What the phrase book calls a component.
    fn owner<'a>(&self, component: &'a str) -> &'a str {
        match component {
            name if name == self.input => "input",
            name if name == self.output => "output",
            name => name,
        }
    }
}

/// The components: input, output, then the others by name.
fn schemas(openapi: &Value, roots: &Roots<'_>, words: &Words, findings: &mut Findings) -> Value {
    let empty = Map::new();
    let schemas = openapi.pointer("/components/schemas").and_then(Value::as_object).unwrap_or(&empty);
    let known = names(schemas);
    let mut sorted: Vec<_> = schemas.iter().filter(|(name, _)| *name != OF_THE_QUEUE).collect();
    sorted.sort_by_key(|(name, _)| (**name != roots.input, **name != roots.output, (*name).clone()));
    let forms = sorted.into_iter().map(|(name, schema)| {
        let at = format!("/openapi/components/schemas/{name}");
        let owner = roots.owner(name);
        let place = Place { id: roots.id, kind: roots.kind, owner };
        let lookup = |property: &str, at: &str, findings: &mut Findings| {
            let phrase = words.of_name(place, property);
            match phrase {
                Some(phrase) => unknown_names(phrase.text(), &known).for_each(|name| {
                    findings.add(at, format_args!("its phrase speaks of `{name}`, which is not here"))
                }),
                None => findings.add(at, "no phrase"),
            }
            phrase.cloned()
        };
        let mut form = schema::form(schema, &at, &lookup, findings);
        if owner == name {
            match words.of_type(roots.id, name) {
                Some(text) => form = schema::described(form, Some(&Phrase::Text(text.to_owned()))),
                None => findings.add(&at, "no phrase for the type"),
            }
        }
        (name.clone(), form)
    });
    Value::Object(forms.collect())
}

/// What an endpoint makes: the same parameter is worded differently for an image and for a song.
fn kind_of(category: &str) -> Option<&'static str> {
    Some(match category {
        "text-to-image" | "image-to-image" => "image",
        "text-to-video" | "image-to-video" | "video-to-video" | "audio-to-video" => "video",
        "text-to-audio" | "text-to-speech" | "audio-to-audio" | "video-to-audio" | "speech-to-speech" => {
            "audio"
        }
        "speech-to-text" | "llm" | "vision" | "video-to-text" | "audio-to-text" | "image-to-json"
        | "unknown" => "text",
        "training" => "model",
        "image-to-3d" | "text-to-3d" | "3d-to-3d" => "shape",
        _ => return None,
    })
}

/// The component that a path refers to.
fn root<'a>(openapi: &'a Value, path: &str, pointer: &str) -> Option<&'a str> {
    let reference = openapi.get("paths")?.get(path)?.pointer(pointer)?.as_str()?;
    reference.strip_prefix("#/components/schemas/")
}

/// Everything that a phrase may name: properties, and values of enums and constants.
fn names(schemas: &Map<String, Value>) -> BTreeSet<String> {
    fn walk(value: &Value, names: &mut BTreeSet<String>) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    match (key.as_str(), value) {
                        ("properties", Value::Object(properties)) => names.extend(properties.keys().cloned()),
                        ("enum", Value::Array(values)) => {
                            names.extend(values.iter().filter_map(Value::as_str).map(str::to_owned));
                        }
                        ("const", Value::String(value)) => drop(names.insert(value.clone())),
                        _ => {}
                    }
                    walk(value, names);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| walk(item, names)),
            _ => {}
        }
    }
    let mut names = BTreeSet::from(["true", "false", "null"].map(str::to_owned));
    schemas.values().for_each(|schema| walk(schema, &mut names));
    names
}

/// The names between backticks that look like a parameter or a value and that the document does not have.
fn unknown_names<'a>(text: &'a str, known: &'a BTreeSet<String>) -> impl Iterator<Item = &'a str> {
    let quoted = text.split('`').enumerate().filter(|(n, _)| n % 2 == 1).map(|(_, quoted)| quoted);
    quoted.filter(|name| {
        let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        plain && name.starts_with(|c: char| c.is_ascii_lowercase()) && !known.contains(*name)
    })
}
