//! `cargo xtask facts`: writes `schemas/catalogue.jsonl`, which describes to the emulator the endpoints without a crate.
//!
//! A line holds the facts of one endpoint: its types, bounds, defaults and allowed values. Prose is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use fal_codegen::Manifest;
use fal_codegen::workspace::SCHEMAS;
use serde_json::{Map, Value, json};

use crate::root;

/// The file, relative to `schemas/`.
const FILE: &str = "catalogue.jsonl";
const PREFIX: &str = "#/components/schemas/";
/// The metadata that are facts.
const METADATA: [&str; 5] = ["category", "display_name", "kind", "status", "stream_url"];

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Model records `{endpoint_id, metadata, openapi}` as the platform API returns them, or folders of them
    #[arg(required = true)]
    paths: Vec<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<(), String> {
    let schemas = root().join(SCHEMAS);
    let file = schemas.join("manifest.toml");
    let manifest = Manifest::parse("manifest.toml", &read(&file)?).map_err(|error| error.to_string())?;
    let with_crate: BTreeSet<&str> =
        manifest.crates.values().flat_map(|family| &family.endpoints).map(String::as_str).collect();
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    let mut files = Vec::new();
    arguments.paths.iter().try_for_each(|path| find_json(path, &mut files))?;
    for path in files {
        let record: Value =
            serde_json::from_str(&read(&path)?).map_err(|error| format!("{}: {error}", path.display()))?;
        let Some(facts) = facts(&record) else {
            println!("{}: skipped, because it describes no model", path.display());
            continue;
        };
        let id = facts["endpoint_id"].as_str().unwrap_or_default().to_owned();
        if !with_crate.contains(id.as_str()) {
            lines.insert(id, facts.to_string());
        }
    }
    let text: String = lines.values().flat_map(|line| [line.as_str(), "\n"]).collect();
    println!("{} endpoints", lines.len());
    let path = schemas.join(FILE);
    fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn find_json(path: &Path, found: &mut Vec<PathBuf>) -> Result<(), String> {
    if !path.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    let failed = |error| format!("{}: {error}", path.display());
    for entry in fs::read_dir(path).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() || path.extension().is_some_and(|extension| extension == "json") {
            find_json(&path, found)?;
        }
    }
    Ok(())
}

/// Returns the facts of a record. `None` if it describes no model.
fn facts(record: &Value) -> Option<Value> {
    let id = record.get("endpoint_id")?.as_str()?;
    let paths = record.pointer("/openapi/paths")?.as_object()?;
    let call = paths.get(&format!("/{id}"))?;
    let result = paths.get(&format!("/{id}/requests/{{request_id}}"))?;
    let input = call.pointer("/post/requestBody/content/application~1json/schema")?;
    let output = result.pointer("/get/responses/200/content/application~1json/schema")?;
    let known = record.pointer("/openapi/components/schemas").and_then(Value::as_object);
    let known = known.cloned().unwrap_or_default();
    let mut components = Map::new();
    let (input, output) = (bare(input, false), bare(output, false));
    let mut missing = Vec::new();
    references(&input, &mut missing);
    references(&output, &mut missing);
    while let Some(name) = missing.pop() {
        if let (false, Some(schema)) = (components.contains_key(&name), known.get(&name)) {
            let schema = bare(schema, false);
            references(&schema, &mut missing);
            components.insert(name, schema);
        }
    }
    let metadata: Map<String, Value> = METADATA
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), record.get("metadata")?.get(*name)?.clone())))
        .filter(|(_, value)| !value.is_null())
        .collect();
    let schema = |schema: &Value| json!({"application/json": {"schema": schema}});
    Some(json!({
        "endpoint_id": id,
        "metadata": metadata,
        "openapi": {
            "openapi": "3.0.4",
            "info": {"title": id, "version": "1.0.0"},
            "components": {"schemas": components},
            "paths": {
                format!("/{id}"): {"post": {"requestBody": {"required": true, "content": schema(&input)}}},
                format!("/{id}/requests/{{request_id}}"): {"get": {"responses": {"200": {"content": schema(&output)}}}},
            },
        },
    }))
}

/// Returns a schema without prose. `is_names` is true for an object whose keys are the names of properties.
fn bare(schema: &Value, is_names: bool) -> Value {
    match schema {
        Value::Array(items) => items.iter().map(|item| bare(item, false)).collect(),
        Value::Object(object) if is_names => {
            object.iter().map(|(name, value)| (name.clone(), bare(value, false))).collect()
        }
        Value::Object(object) => object
            .iter()
            .filter(|(key, _)| !is_prose(key))
            .map(|(key, value)| match key.as_str() {
                "default" | "const" | "enum" | "required" | "x-fal-order-properties" => {
                    (key.clone(), value.clone())
                }
                "x-fal" => (key.clone(), without(value, "limit_description")),
                _ => (key.clone(), bare(value, key == "properties")),
            })
            .collect(),
        _ => schema.clone(),
    }
}

fn is_prose(keyword: &str) -> bool {
    ["description", "example", "examples", "limit_description", "title"].contains(&keyword)
}

fn without(value: &Value, name: &str) -> Value {
    let mut value = value.clone();
    if let Value::Object(object) = &mut value {
        object.remove(name);
    }
    value
}

/// Adds the names of the components that a schema refers to.
fn references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Object(object) => {
            let target =
                object.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix(PREFIX));
            found.extend(target.map(str::to_owned));
            object.values().for_each(|value| references(value, found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_kept_and_prose_is_not() {
        let schema =
            |name: &str| json!({"application/json": {"schema": {"$ref": format!("{PREFIX}{name}")}}});
        let record = json!({
            "endpoint_id": "acme/paint",
            "metadata": {"category": "text-to-image", "description": "Paints.", "stream_url": null},
            "openapi": {
                "components": {"schemas": {
                    "In": {"title": "In", "properties": {
                        "title": {"type": "string", "description": "Words.", "examples": ["A"], "default": "x"},
                        "size": {"$ref": "#/components/schemas/Size"},
                    }},
                    "Size": {"type": "integer", "maximum": 9}, "Unused": {}, "Out": {},
                }},
                "paths": {
                    "/acme/paint": {"post": {"requestBody": {"content": schema("In")}}},
                    "/acme/paint/requests/{request_id}": {"get": {"responses": {"200": {"content": schema("Out")}}}},
                },
            },
        });
        let facts = facts(&record).unwrap();
        assert_eq!(facts["metadata"], json!({"category": "text-to-image"}));
        assert_eq!(
            facts["openapi"]["components"]["schemas"],
            json!({
                "In": {"properties": {
                    "title": {"type": "string", "default": "x"}, "size": {"$ref": "#/components/schemas/Size"},
                }},
                "Size": {"type": "integer", "maximum": 9}, "Out": {},
            })
        );
        assert!(super::facts(&json!({"endpoint_id": "a/b", "openapi": {"error": {}}})).is_none());
    }
}
