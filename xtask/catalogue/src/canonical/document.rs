//! A record in canonical form.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{
    descriptions::{Context, Description, Descriptions},
    findings::{Findings, Missing, Subject, describe_facts},
    rules,
    schema::{self, PropertySchema},
    undecided,
};

/// Keys of a record's metadata that are kept, beside the name and the description, which are replaced.
const METADATA: &[&str] =
    &["category", "status", "kind", "license_type", "model_url", "stream_url", "x-provenance"];

/// The key of a path's protocol, if that is not HTTP.
const PROTOCOL: &str = "x-fal-protocol";

/// The schema of the status of a queued request, which is alike in every document and dropped.
pub(super) const QUEUE_STATUS: &str = "QueueStatus";

/// Returns the canonical form of the record of an endpoint, which comes from the platform or is canonical already.
///
/// Facts never wait for descriptions: those that are missing, and keys and categories that are not known, are findings.
///
/// # Errors
///
/// If the record describes no endpoint.
pub(crate) fn canonicalize(record: &Value, descriptions: &Descriptions) -> Result<(Value, Findings), String> {
    canonicalize_update(record, None, descriptions)
}

/// Returns the canonical form of a record in place of a committed document, whose facts stay where those of the record
/// are undecided: a category that is not known, and bounds that contradict one another or the default.
///
/// # Errors
///
/// If the record describes no endpoint.
pub(crate) fn canonicalize_update(
    record: &Value,
    committed: Option<&Value>,
    descriptions: &Descriptions,
) -> Result<(Value, Findings), String> {
    let id = record["endpoint_id"].as_str().ok_or("/endpoint_id: is missing")?;
    let mut openapi = with_plain_names(&record["openapi"]);
    if let Some(error) = openapi.get("error") {
        return Err(format!("/openapi/error: fal has no document of `{id}`: {error}"));
    }
    let mut findings = Findings::default();
    undecided::keep_committed(&mut openapi, committed, &mut findings.notes);
    let openapi = &openapi;
    let original = &record["metadata"];
    let endpoint = descriptions.endpoint(id);
    let category = endpoint.and_then(|endpoint| endpoint.category.as_deref());
    let category = category.or_else(|| original["category"].as_str()).unwrap_or_default();
    let (category, kind) = match output_kind(category) {
        Some(kind) => (category, kind),
        None => {
            let committed = committed.and_then(|document| document["metadata"]["category"].as_str());
            let committed = committed.and_then(|category| Some((category, output_kind(category)?)));
            let outcome = committed.map_or_else(
                || "descriptions for a kind do not apply".to_owned(),
                |(category, _)| format!("the committed category `{category}` is kept"),
            );
            findings.notes.push(format!(
                "/metadata/category: the kind of output of `{category}` is not known, so {outcome}: add it to \
                 `output_kind` in xtask/catalogue/src/canonical/document.rs"
            ));
            committed.unwrap_or((category, ""))
        }
    };
    let (Some(input), Some(output)) = referenced_roots(openapi, id) else {
        return Err("/openapi/paths: the endpoint has no input or no output".to_owned());
    };
    let roots = Roots { id, kind, input, output };
    if endpoint.is_none() {
        findings.missing.push(roots.missing(Subject::Endpoint, &original["description"], String::new()));
    }
    let schemas = schemas(openapi, &roots, descriptions, &mut findings);

    let mut metadata = Map::new();
    // The name of a model is a fact, and its description is prose.
    let name = endpoint.map_or(original["display_name"].clone(), |endpoint| json!(endpoint.name));
    if name.is_string() {
        metadata.insert("display_name".to_owned(), name);
    }
    if let Some(endpoint) = endpoint {
        metadata.insert("description".to_owned(), json!(endpoint.description));
    }
    for &key in METADATA {
        match record["metadata"].get(key) {
            Some(_) if key == "category" => drop(metadata.insert(key.to_owned(), json!(category))),
            Some(value) => drop(metadata.insert(key.to_owned(), value.clone())),
            None => {}
        }
    }
    if let Some(date) = original["date"].as_str() {
        // The day is enough to sort by.
        metadata.insert("date".to_owned(), json!(date.split('T').next()));
    }
    let mut route = Map::new();
    // Realtime routes say their protocol there.
    if let Some(protocol) = openapi["paths"][format!("/{id}")].get(PROTOCOL) {
        route.insert(PROTOCOL.to_owned(), protocol.clone());
    }
    let reference = |name: &str| json!({ "application/json": { "schema": { "$ref": format!("#/components/schemas/{name}") } } });
    route.insert(
        "post".to_owned(),
        json!({
            "requestBody": { "required": true, "content": reference(input) },
            "responses": { "200": { "description": "Accepted into the queue." } },
        }),
    );
    let document = json!({
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
                (format!("/{id}")): route,
                (format!("/{id}/requests/{{request_id}}")): { "get": {
                    "parameters": [
                        { "name": "request_id", "in": "path", "required": true, "schema": { "type": "string" } },
                    ],
                    "responses": { "200": { "description": "The result.", "content": reference(output) } },
                } },
            },
            "servers": [{ "url": "https://queue.fal.run" }],
        },
    });
    Ok((document, findings))
}

/// Returns a document whose components have plain names: `Image` for `ImageType2` and `registry__models__Image`, which
/// programs made, unless the document has an `Image` too.
pub(super) fn with_plain_names(openapi: &Value) -> Value {
    let components = openapi.pointer("/components/schemas").and_then(Value::as_object);
    let mut renamed: BTreeMap<String, String> = BTreeMap::new();
    // Of two with the same plain name, the first in the alphabet gets it, whatever the order of keys is.
    let names: BTreeSet<&String> = components.into_iter().flat_map(Map::keys).collect();
    for name in names {
        let plain = name.rsplit("__").next().unwrap_or(name);
        let plain = plain.trim_end_matches(|c: char| c.is_ascii_digit());
        let plain = match plain.strip_suffix("Type") {
            Some(plain) if plain.len() + "Type".len() < name.len() => plain,
            _ => name.rsplit("__").next().unwrap_or(name),
        };
        let is_taken = components.is_some_and(|components| components.contains_key(plain))
            || renamed.values().any(|other| other == plain);
        if plain != name && !plain.is_empty() && !is_taken {
            renamed.insert(name.clone(), plain.to_owned());
        }
    }
    if renamed.is_empty() { openapi.clone() } else { rename(openapi, &renamed) }
}

/// Renames components and the references to them.
fn rename(value: &Value, renamed: &BTreeMap<String, String>) -> Value {
    const SCHEMAS: &str = "#/components/schemas/";
    match value {
        Value::String(text) => {
            let name = text.strip_prefix(SCHEMAS).and_then(|name| renamed.get(name));
            name.map_or_else(|| value.clone(), |name| json!(format!("{SCHEMAS}{name}")))
        }
        Value::Array(items) => items.iter().map(|item| rename(item, renamed)).collect(),
        Value::Object(object) => object
            .iter()
            .map(|(key, value)| {
                let key = renamed.get(key).filter(|_| value.is_object()).unwrap_or(key);
                (key.clone(), rename(value, renamed))
            })
            .collect(),
        _ => value.clone(),
    }
}

/// The components that are the input and the output of an endpoint.
struct Roots<'a> {
    id: &'a str,
    kind: &'static str,
    input: &'a str,
    output: &'a str,
}

impl Roots<'_> {
    /// Returns the finding that something has no description. `original` is the text of fal.
    fn missing(&self, subject: Subject, original: &Value, facts: String) -> Missing {
        Missing {
            endpoint_id: self.id.to_owned(),
            kind: self.kind,
            subject,
            misfit: None,
            original: original.as_str().unwrap_or_default().to_owned(),
            facts,
        }
    }

    /// Returns the name of a component in the keys of descriptions.
    fn owner<'a>(&self, component: &'a str) -> &'a str {
        match component {
            name if name == self.input => "input",
            name if name == self.output => "output",
            name => name,
        }
    }
}

/// Returns the components: input, output, then the others by name.
fn schemas(
    openapi: &Value,
    roots: &Roots<'_>,
    descriptions: &Descriptions,
    findings: &mut Findings,
) -> Value {
    let empty = Map::new();
    let schemas = openapi.pointer("/components/schemas").and_then(Value::as_object).unwrap_or(&empty);
    let known = names(schemas);
    let mut sorted: Vec<_> = schemas.iter().filter(|(name, _)| *name != QUEUE_STATUS).collect();
    sorted.sort_by_key(|(name, _)| (**name != roots.input, **name != roots.output, (*name).clone()));
    let forms = sorted.into_iter().map(|(name, schema)| {
        let at = format!("/openapi/components/schemas/{name}");
        let owner = roots.owner(name);
        let context = Context { endpoint_id: roots.id, kind: roots.kind, owner };
        let describe = |property: &PropertySchema<'_>, findings: &mut Findings| {
            let subject = Subject::Property { owner: owner.to_owned(), name: property.name.to_owned() };
            let facts = describe_facts(property.schema, property.required);
            let mut missing = roots.missing(subject, &property.schema["description"], facts);
            let found = descriptions.property(context, property.name);
            missing.misfit = found.and_then(|(description, file)| {
                let misfit = misfit(description.text(), &known, property.required)?;
                Some(format!("in schemas/descriptions/{file} {misfit}"))
            });
            let description = found.filter(|_| missing.misfit.is_none()).map(|(text, _)| text.clone());
            findings.missing.extend(description.is_none().then_some(missing));
            description
        };
        let mut schema = schema.clone();
        rules::remove(&mut schema);
        let schema = &schema;
        let mut form = schema::canonicalize(schema, &at, &describe, findings);
        if owner == "input" {
            rules::insert(&descriptions.rules(roots.id), roots.id, &mut form, &mut findings.notes);
        }
        if owner == name {
            match descriptions.type_text(roots.id, name) {
                Some(text) => {
                    form = schema::with_description(form, Some(&Description::Text(text.to_owned())));
                }
                None => {
                    let subject = Subject::Type(name.clone());
                    findings.missing.push(roots.missing(subject, &schema["description"], String::new()));
                }
            }
        }
        (name.clone(), form)
    });
    Value::Object(forms.collect())
}

/// Returns the kind of output of a category: the same parameter is described differently for images and for music.
fn output_kind(category: &str) -> Option<&'static str> {
    Some(match category {
        "text-to-image" | "image-to-image" => "image",
        "text-to-video" | "image-to-video" | "video-to-video" | "audio-to-video" => "video",
        "audio" | "speech" | "text-to-audio" | "text-to-speech" | "audio-to-audio" | "video-to-audio"
        | "speech-to-speech" => "audio",
        "speech-to-text" | "llm" | "vision" | "video-to-text" | "audio-to-text" | "image-to-json"
        | "image-to-text" | "text-to-json" | "text-to-text" | "json" | "unknown" => "text",
        "training" => "model",
        "image-to-3d" | "text-to-3d" | "3d-to-3d" | "3d" => "shape",
        _ => return None,
    })
}

/// Returns the components that are the input and the output of an endpoint.
pub(super) fn referenced_roots<'a>(openapi: &'a Value, id: &str) -> (Option<&'a str>, Option<&'a str>) {
    let input =
        referenced(openapi, &format!("/{id}"), "/post/requestBody/content/application~1json/schema/$ref");
    let output = referenced(
        openapi,
        &format!("/{id}/requests/{{request_id}}"),
        "/get/responses/200/content/application~1json/schema/$ref",
    );
    (input, output)
}

/// Returns the component that an operation refers to.
fn referenced<'a>(openapi: &'a Value, path: &str, pointer: &str) -> Option<&'a str> {
    let reference = openapi.get("paths")?.get(path)?.pointer(pointer)?.as_str()?;
    reference.strip_prefix("#/components/schemas/")
}

/// Returns the names that a description may mention: properties, and values of enums and constants.
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

/// Returns the reason why a description does not fit a property.
fn misfit(text: &str, known: &BTreeSet<String>, required: bool) -> Option<String> {
    if let Some(name) = unknown_names(text, known).next() {
        return Some(format!("names `{name}`, which the document does not have"));
    }
    let is_left_out = required && text.contains("Left out");
    is_left_out.then(|| "says what happens when it is left out, but it is required".to_owned())
}

/// Returns the names between backticks that look like a parameter or a value but are not in the document.
fn unknown_names<'a>(text: &'a str, known: &'a BTreeSet<String>) -> impl Iterator<Item = &'a str> {
    let quoted = text.split('`').enumerate().filter(|(n, _)| n % 2 == 1).map(|(_, quoted)| quoted);
    quoted.filter(|name| {
        let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
        plain && name.starts_with(|c: char| c.is_ascii_lowercase()) && !known.contains(*name)
    })
}
