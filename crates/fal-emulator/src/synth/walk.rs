//! Walks an output schema and puts a value in every place.

use std::cell::Cell;

use serde_json::{Map, Value, json};

use super::request::Request;
use super::stage::Stage;
use super::transcript::{self, Stretch};
use super::{count, file, scalar};
use crate::hosts::Base;
use crate::models::Model;
use crate::store::Store;

/// How deep optional parts are filled in; recursive schemas would not end otherwise.
const MAX_DEPTH: usize = 10;

pub(super) struct Walk<'a> {
    pub(super) model: &'a Model,
    pub(super) request: &'a Request,
    pub(super) store: &'a Store,
    pub(super) base: &'a Base,
    pub(super) stage: &'a Stage,
    /// Counts the files that were made.
    pub(super) files: &'a Cell<u32>,
}

/// Where in the output a value goes.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    /// The name of the property, or of the list around it; empty at the root.
    pub(super) field: &'a str,
    /// The position in the list around it.
    pub(super) index: Option<usize>,
    /// An example that the schema around it gives.
    pub(super) example: Option<&'a str>,
    /// The stretch of a recording that the object around it stands for.
    stretch: Option<&'a Stretch>,
    depth: usize,
}

impl<'a> Place<'a> {
    pub(super) fn root() -> Self {
        Self { field: "", index: None, example: None, stretch: None, depth: 0 }
    }

    pub(super) fn property<'b>(self, name: &'b str) -> Place<'b>
    where
        'a: 'b,
    {
        Place { field: name, index: None, example: None, depth: self.depth + 1, ..self }
    }

    fn item(self, index: usize) -> Self {
        Self { index: Some(index), depth: self.depth + 1, ..self }
    }
}

impl Walk<'_> {
    pub(super) fn value(&self, schema: &Value, place: &Place<'_>) -> Value {
        let (resolved, component) = self.model.components.resolve(schema);
        let mut place = *place;
        place.example = file::example(schema).or(place.example);
        let merged = self.merged(resolved);
        let schema = merged.as_ref().unwrap_or(resolved);
        if let Some(value) = self.settled(schema, &place) {
            return value;
        }
        if let Some(branches) = branches(schema) {
            return match self.chosen(branches) {
                Some(branch) if place.depth < MAX_DEPTH => self.value(branch, &place),
                _ => Value::Null,
            };
        }
        if file::is_described_by(schema, component) {
            return file::object(self, schema, component, &place);
        }
        match kind(schema) {
            "object" => self.object(schema, &place),
            "array" => self.array(schema, &place),
            "string" => self.text(schema, &place),
            "integer" | "number" => scalar::number(schema, wished(place.field)),
            "boolean" => json!(false),
            _ => Value::Null,
        }
    }

    /// Whether a known value may stand in a place of this schema.
    pub(super) fn accepts(&self, schema: &Value, value: &Value) -> bool {
        file::accepts(self.model.components.resolve(schema).0, value)
    }

    /// The one schema that `allOf` stands for.
    fn merged(&self, schema: &Value) -> Option<Value> {
        let parts = schema.get("allOf")?.as_array()?;
        let mut whole = schema.as_object()?.clone();
        whole.remove("allOf");
        for part in parts {
            let (part, _) = self.model.components.resolve(part);
            let nested = self.merged(part);
            for (key, value) in nested.as_ref().unwrap_or(part).as_object().into_iter().flatten() {
                match (whole.get_mut(key), value) {
                    (Some(Value::Object(known)), Value::Object(more)) => {
                        known.extend(more.clone());
                    }
                    (Some(Value::Array(known)), Value::Array(more)) => {
                        known.extend(more.iter().cloned());
                    }
                    (Some(_), _) => {}
                    (None, _) => {
                        whole.insert(key.clone(), value.clone());
                    }
                }
            }
        }
        Some(Value::Object(whole))
    }

    /// A value that the schema, the recording or the input already decides.
    fn settled(&self, schema: &Value, place: &Place<'_>) -> Option<Value> {
        if let Some(only) = schema.get("const") {
            return Some(only.clone());
        }
        let fits = |value: &Value| scalar::fits(schema, value);
        if let Some(value) = place.stretch.and_then(|stretch| stretch.property(place.field))
            && file::accepts(schema, &value)
        {
            return Some(value);
        }
        let kind = kind(schema);
        let is_plain =
            ["string", "integer", "number", "boolean"].contains(&kind) || schema.get("enum").is_some();
        if !is_plain {
            return None;
        }
        if place.field == "partial" && kind == "boolean" {
            return Some(json!(!self.stage.is_last()));
        }
        let seed = json!(self.request.seed);
        let echo = if place.field == "seed" { Some(&seed) } else { self.request.get(place.field) };
        // A URL of the input is not a file of the output.
        let echo = echo.filter(|value| fits(value) && !is_url(place.field));
        let default = schema.get("default").filter(|value| fits(value));
        let first = || schema.get("enum").and_then(|allowed| allowed.get(0));
        echo.or(default).or_else(first).cloned()
    }

    /// The alternative to fill in: a file when there is one, else the first that is not null.
    fn chosen<'a>(&self, branches: &'a [Value]) -> Option<&'a Value> {
        let is_file = |branch: &&Value| {
            let (schema, component) = self.model.components.resolve(branch);
            file::is_described_by(schema, component)
        };
        let is_null = |branch: &Value| branch.get("type").is_some_and(|kind| kind == "null");
        branches.iter().find(is_file).or_else(|| branches.iter().find(|branch| !is_null(branch)))
    }

    fn object(&self, schema: &Value, place: &Place<'_>) -> Value {
        let mut object = Map::new();
        let required = schema.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|required| required.iter().any(|property| property == name));
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, schema) in properties.into_iter().flatten() {
            let is_absent = name.contains("error") || place.depth >= MAX_DEPTH;
            if is_absent && !is_required(name) {
                continue;
            }
            object.insert(name.clone(), self.value(schema, &place.property(name)));
        }
        let undeclared = required.into_iter().flatten().filter_map(Value::as_str);
        for name in undeclared {
            object.entry(name).or_insert_with(|| json!({}));
        }
        let others = schema.get("additionalProperties");
        if place.field == "timings" && others.is_some_and(|others| *others != json!(false)) {
            let others = others.filter(|others| others.is_object()).unwrap_or(&Value::Null);
            object.insert("inference".to_owned(), scalar::number(others, 0.21));
        }
        Value::Object(object)
    }

    fn array(&self, schema: &Value, place: &Place<'_>) -> Value {
        if let Some(parts) = schema.get("prefixItems").and_then(Value::as_array) {
            return parts
                .iter()
                .enumerate()
                .map(|(index, part)| self.value(part, &place.item(index)))
                .collect();
        }
        let anything = json!({"type": "string"});
        let items = schema.get("items").unwrap_or(&anything);
        if let Some(stretches) = self.stretches(place.field, items) {
            let limit = schema.get("maxItems").and_then(Value::as_u64).unwrap_or(u64::MAX);
            return stretches
                .iter()
                .take(usize::try_from(limit).unwrap_or(usize::MAX))
                .enumerate()
                .map(|(index, stretch)| {
                    self.value(items, &Place { stretch: Some(stretch), ..place.item(index) })
                })
                .collect();
        }
        let count = match place.depth {
            depth if depth >= MAX_DEPTH => count::items(self.request, "", schema, false)
                .min(schema.get("minItems").and_then(Value::as_u64).unwrap_or(0) as usize),
            _ => count::items(self.request, place.field, schema, self.holds_files(items, place)),
        };
        (0..count).map(|index| self.value(items, &place.item(index))).collect()
    }

    /// The stretches that the items of a list stand for, when each has times of its own.
    fn stretches(&self, field: &str, items: &Value) -> Option<Vec<Stretch>> {
        let (schema, _) = self.model.components.resolve(items);
        let properties = schema.get("properties")?.as_object()?;
        let has = |names: &[&str]| names.iter().any(|name| properties.contains_key(*name));
        let is_timed = has(&["timestamp", "start", "start_time"])
            && has(&["text", "word", "speaker", "end", "end_time"]);
        if !is_timed {
            return None;
        }
        let sentences = transcript::sentences(self.request.source_seconds());
        let is_words = field.contains("word") || properties.contains_key("word");
        Some(if is_words { transcript::words(&sentences) } else { sentences })
    }

    fn holds_files(&self, items: &Value, place: &Place<'_>) -> bool {
        let (schema, component) = self.model.components.resolve(items);
        match branches(schema).and_then(|branches| self.chosen(branches)) {
            Some(branch) => self.holds_files(branch, place),
            None => file::is_described_by(schema, component) || is_url(place.field),
        }
    }

    fn text(&self, schema: &Value, place: &Place<'_>) -> Value {
        if schema.get("format").is_some_and(|format| format == "binary") {
            return file::base64(self, place);
        }
        if is_url(place.field) && schema.get("maxLength").is_none() {
            return file::url(self, place);
        }
        let transcribes = self.model.category() == "speech-to-text";
        if transcribes && ["text", "output", "transcript"].contains(&place.field) {
            let sentences = transcript::sentences(self.request.source_seconds());
            return json!(self.stage.text(&transcript::text(&sentences)));
        }
        if place.field == "prompt" {
            return json!(self.request.prompt);
        }
        match scalar::text(schema, place.field) {
            Value::String(text)
                if ["output", "text"].contains(&place.field) && schema.get("minLength").is_none() =>
            {
                json!(self.stage.text(&text))
            }
            text => text,
        }
    }
}

fn branches(schema: &Value) -> Option<&[Value]> {
    schema.get("anyOf").or_else(|| schema.get("oneOf"))?.as_array().map(Vec::as_slice)
}

/// The type of a schema, or what its keywords imply.
fn kind(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("null")
        }
        _ if schema.get("properties").is_some() => "object",
        _ if schema.get("items").is_some() || schema.get("prefixItems").is_some() => "array",
        _ if ["minimum", "maximum"].iter().any(|bound| schema.get(bound).is_some()) => "number",
        // Anything is allowed: an empty object reads as "nothing to say".
        _ => "object",
    }
}

fn is_url(field: &str) -> bool {
    field == "url" || field == "urls" || field.ends_with("_url") || field.ends_with("_urls")
}

/// A number that is plausible for its field.
fn wished(field: &str) -> f64 {
    match field {
        "width" | "height" => 1024.0,
        "fps" => 24.0,
        "score" | "confidence" | "probability" => 0.9,
        _ => 1.0,
    }
}
