//! Turns an AsyncAPI document into the form of an OpenAPI document, with the messages of each channel.
//!
//! fal publishes one for an app whose sessions exchange messages over WebRTC. Its operations are written from the client's
//! perspective: what `send` names goes to the app.

use indexmap::{IndexMap, IndexSet};
use serde_json::{Map, Value, json};

use super::references::SCHEMAS;
use crate::{
    error::{Error, pointer},
    schema::Document,
};

/// The key under which the document then holds its sessions.
pub(crate) const SESSIONS: &str = "x-fal-sessions";

/// The maximum number of references that lead from one to the next. Documents have at most two.
const MAX_REFERENCES: usize = 32;

/// Replaces an AsyncAPI document by its schemas and, for each channel, those of the messages in both directions.
///
/// # Errors
///
/// Fails if a reference to a channel, a message or a payload leads nowhere.
pub(super) fn to_openapi(document: &Document) -> Result<Value, Error> {
    let source = &document.openapi;
    let mut reader = Reader { document, schemas: Map::new() };
    let schemas = source.pointer("/components/schemas").and_then(Value::as_object);
    reader.schemas = schemas.cloned().unwrap_or_default();
    reader.schemas.values_mut().for_each(expand_discriminators);

    let mut channels: IndexMap<String, [IndexSet<String>; 2]> = IndexMap::new();
    let operations = source.get("operations").and_then(Value::as_object);
    for (name, operation) in operations.into_iter().flatten() {
        let at = pointer("/operations", name);
        let direction = usize::from(operation.get("action").and_then(Value::as_str) == Some("receive"));
        let channel = operation.get("channel").unwrap_or(&Value::Null);
        let (channel, channel_at) = reader.follow(channel, &pointer(&at, "channel"))?;
        let messages = channel.get("messages").and_then(Value::as_object);
        let listed = operation.get("messages").and_then(Value::as_array);
        let all = messages.into_iter().flatten();
        let found: Vec<(String, &Value)> = match listed {
            Some(listed) => {
                let at = pointer(&at, "messages");
                listed.iter().enumerate().map(|(index, message)| (pointer(&at, index), message)).collect()
            }
            None => {
                let at = pointer(&channel_at, "messages");
                all.map(|(name, message)| (pointer(&at, name), message)).collect()
            }
        };
        let payloads = &mut channels.entry(channel_at).or_default()[direction];
        for (at, message) in found {
            payloads.insert(reader.read_payload(message, &at)?);
        }
    }
    let sessions: Vec<Value> = channels
        .iter()
        .map(|(at, payloads)| {
            let key = at.rsplit('/').next().unwrap_or_default();
            let address = source.pointer(at).and_then(|channel| channel.get("address")?.as_str());
            let [send, receive] = payloads.each_ref().map(|payloads| reader.union_of(payloads));
            json!({ "at": at, "address": address.unwrap_or(key), "send": send, "receive": receive })
        })
        .collect();
    let servers = source.get("servers").and_then(Value::as_object);
    let protocol = servers.and_then(|servers| servers.values().next()?.get("protocol")?.as_str());
    let mut openapi = json!({
        "openapi": "3.1.0",
        "info": source.get("info").cloned().unwrap_or_default(),
        "paths": {},
        "components": { "schemas": reader.schemas },
        "x-fal-protocol": protocol.unwrap_or("a connection of its own"),
    });
    openapi[SESSIONS] = sessions.into();
    Ok(openapi)
}

struct Reader<'a> {
    document: &'a Document,
    /// The component schemas, with the payloads that are defined elsewhere.
    schemas: Map<String, Value>,
}

impl<'a> Reader<'a> {
    /// Returns the value that a reference leads to, or `value` itself, with its JSON pointer.
    fn follow(&self, mut value: &'a Value, at: &str) -> Result<(&'a Value, String), Error> {
        let mut place = at.to_owned();
        for _ in 0..MAX_REFERENCES {
            let Some(reference) = value.get("$ref").and_then(Value::as_str) else {
                return Ok((value, place));
            };
            let target = reference.strip_prefix('#').unwrap_or_default();
            let found = self.document.openapi.pointer(target).filter(|_| !target.is_empty());
            let Some(found) = found else {
                return Err(self
                    .error(&place, format!("`{reference}` leads nowhere"))
                    .with_help("correct the reference; other files and URLs are never read"));
            };
            (value, place) = (found, target.to_owned());
        }
        Err(self.error(at, "the reference leads back to itself").with_help("write out what it refers to"))
    }

    /// Returns the reference to the payload of a message, which becomes a component unless it is one.
    fn read_payload(&mut self, message: &'a Value, at: &str) -> Result<String, Error> {
        let (message, at) = self.follow(message, at)?;
        let name = at.rsplit('/').next().unwrap_or_default().to_owned();
        // A payload may be in an object that names the format of its schema.
        let payload = message.get("payload").map(|payload| payload.get("schema").unwrap_or(payload));
        let Some(payload) = payload else {
            return Err(self
                .error(&at, "the message has no `payload`")
                .with_help("describe the payload, or leave the message out"));
        };
        if let Some(reference) = payload.get("$ref").and_then(Value::as_str) {
            return Ok(reference.to_owned());
        }
        let mut payload = payload.clone();
        expand_discriminators(&mut payload);
        let mut free = name.clone();
        while self.schemas.contains_key(&free) {
            free.push('_');
        }
        self.schemas.insert(free.clone(), payload);
        Ok(format!("{SCHEMAS}{free}"))
    }

    /// Returns the schema of one of several messages. They are distinguished by `type` if each of them lists its values.
    fn union_of(&self, payloads: &IndexSet<String>) -> Value {
        let lists_type = |reference: &String| {
            let schema = reference.strip_prefix(SCHEMAS).and_then(|name| self.schemas.get(name));
            let kind = schema.and_then(|schema| schema.pointer("/properties/type"));
            kind.is_some_and(|kind| kind.get("const").or(kind.get("enum")).is_some())
        };
        let references: Vec<Value> = payloads.iter().map(|target| json!({ "$ref": target })).collect();
        match references.as_slice() {
            [] => Value::Null,
            [only] => only.clone(),
            _ if payloads.iter().all(lists_type) => {
                json!({ "oneOf": references, "discriminator": { "propertyName": "type" } })
            }
            _ => json!({ "oneOf": references }),
        }
    }

    fn error(&self, at: &str, message: impl Into<String>) -> Error {
        Error::new(&self.document.file, message).with_pointer(format!("{}{at}", self.document.base))
    }
}

/// Rewrites the discriminators of AsyncAPI, which are the names of properties, to those of OpenAPI.
fn expand_discriminators(schema: &mut Value) {
    match schema {
        Value::Object(object) => {
            let is_union = ["anyOf", "oneOf"].iter().any(|key| object.contains_key(*key));
            if let Some(Value::String(name)) = object.get("discriminator").filter(|_| is_union) {
                let discriminator = json!({ "propertyName": name });
                object.insert("discriminator".into(), discriminator);
            }
            object.values_mut().for_each(expand_discriminators);
        }
        Value::Array(items) => items.iter_mut().for_each(expand_discriminators),
        _ => {}
    }
}
