//! Reads `itemSchema` of OpenAPI 3.2, the schema of the items of a reply that is a sequence.
//!
//! For lines of JSON, it is that of a line. For server-sent events, it is that of an event with its `data`, and FastAPI writes
//! the type of the data as the `contentSchema` of a text.

use serde_json::{Map, Value, json};

use super::references::SCHEMAS;
use crate::{
    error::pointer,
    schema::media_types::{is_event_stream, is_lines},
};

/// The keyword.
pub(crate) const ITEM_SCHEMA: &str = "itemSchema";

/// The fields of a server-sent event.
const EVENT_FIELDS: &[&str] = &["comment", "data", "event", "id", "retry"];

/// Gives each sequence without a `schema` the one that follows from its `itemSchema`: the type of the data of an event,
/// or a list of lines.
pub(super) fn read_item_schemas(openapi: &mut Value) {
    let mut found = Vec::new();
    for place in ["paths", "components/responses"] {
        let at = format!("/{place}");
        if let Some(value) = openapi.pointer(&at) {
            collect(openapi, value, &at, &mut found);
        }
    }
    for (at, schema) in found {
        if let Some(Value::Object(media)) = openapi.pointer_mut(&at) {
            media.insert("schema".to_owned(), schema);
        }
    }
}

/// Collects the pointers of sequences, with their schemas.
fn collect(openapi: &Value, value: &Value, at: &str, found: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                let at = pointer(at, key);
                match (key.as_str(), value) {
                    ("schema" | "example" | "examples", _) => {}
                    ("content", Value::Object(content)) => {
                        let schemas = content.iter().filter_map(|(media_type, media)| {
                            Some((pointer(&at, media_type), schema_of(openapi, media_type, media)?))
                        });
                        found.extend(schemas);
                    }
                    _ => collect(openapi, value, &at, found),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                collect(openapi, item, &pointer(at, index), found);
            }
        }
        _ => {}
    }
}

/// Returns the schema of a sequence that has an `itemSchema` alone.
fn schema_of(openapi: &Value, media_type: &str, media: &Value) -> Option<Value> {
    let item = media.get(ITEM_SCHEMA)?;
    if media.get("schema").is_some() {
        return None;
    }
    if is_event_stream(media_type) {
        return Some(data_schema(openapi, item));
    }
    is_lines(media_type).then(|| json!({ "type": "array", "items": item }))
}

/// Returns the schema of the data of events, which is `item` itself unless it describes whole events.
fn data_schema(openapi: &Value, item: &Value) -> Value {
    if let Some(data) = find_data(openapi, item) {
        return data;
    }
    // Events of several kinds, each with data of its own.
    for keyword in ["oneOf", "anyOf"] {
        let branches = item.get(keyword).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let data: Option<Vec<Value>> = branches.iter().map(|branch| find_data(openapi, branch)).collect();
        if let Some(data) = data.filter(|data| !data.is_empty()) {
            return json!({ "anyOf": data });
        }
    }
    item.clone()
}

/// Returns the schema of the data of an event. `None` if the schema is not that of an event.
fn find_data(openapi: &Value, event: &Value) -> Option<Value> {
    let reference = event.get("$ref").and_then(Value::as_str);
    let component = reference.and_then(|reference| reference.strip_prefix(SCHEMAS));
    let event = match component {
        Some(name) => openapi.pointer("/components/schemas")?.get(name)?,
        None => event,
    };
    let properties: &Map<String, Value> = event.get("properties")?.as_object()?;
    let data = properties.get("data")?;
    if !properties.keys().all(|name| EVENT_FIELDS.contains(&name.as_str())) {
        return None;
    }
    Some(match data.get("contentSchema") {
        Some(schema) => schema.clone(),
        // The text is JSON of any form.
        None if data.get("type") == Some(&json!("string")) => json!({}),
        None => data.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the schema that follows for a media type with this `itemSchema`.
    fn schema(media_type: &str, item: Value) -> Value {
        let mut openapi = json!({
            "paths": { "/": { "post": { "responses": { "200": { "content": { media_type: { ITEM_SCHEMA: item } } } } } } },
            "components": { "schemas": { "Event": { "properties": { "data": { "$ref": "#/x" }, "id": {} } } } },
        });
        read_item_schemas(&mut openapi);
        let at = pointer("/paths/~1/post/responses/200/content", media_type);
        openapi.pointer(&at).and_then(|media| media.get("schema")).cloned().unwrap_or_default()
    }

    #[test]
    fn events_have_the_type_of_their_data() {
        let item = json!({ "$ref": "#/components/schemas/Item" });
        let fastapi = json!({ "type": "object", "required": ["data"], "properties": {
            "data": { "type": "string", "contentMediaType": "application/json", "contentSchema": item },
            "event": { "type": "string" }, "id": { "type": "string" }, "retry": { "type": "integer" },
        } });
        assert_eq!(schema("text/event-stream; charset=utf-8", fastapi.clone()), item);
        assert_eq!(
            schema("text/event-stream", json!({ "oneOf": [fastapi, fastapi] })),
            json!({ "anyOf": [item, item] })
        );
        assert_eq!(schema("text/event-stream", item.clone()), item);
        let event = json!({ "$ref": "#/components/schemas/Event" });
        assert_eq!(schema("text/event-stream", event), json!({ "$ref": "#/x" }));
        let text = json!({ "properties": { "data": { "type": "string" } } });
        assert_eq!(schema("text/event-stream", text), json!({}));
        // An object with a property of that name is no event.
        let own = json!({ "properties": { "data": { "type": "string" }, "step": { "type": "integer" } } });
        assert_eq!(schema("text/event-stream", own.clone()), own);
    }

    #[test]
    fn lines_are_a_list() {
        let item = json!({ "type": "integer" });
        for media_type in ["application/jsonl", "application/x-ndjson"] {
            assert_eq!(schema(media_type, item.clone()), json!({ "type": "array", "items": item }));
        }
        assert_eq!(schema("application/json", item), Value::Null);
    }
}
