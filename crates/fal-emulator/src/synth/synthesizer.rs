//! Walks an output schema and generates a value for every field.

use std::cell::Cell;

use serde_json::{Map, Value, json};

use super::call_parameters::CallParameters;
use super::production::Production;
use super::run_progress::RunProgress;
use super::transcript::{self, Segment};
use super::{file, rules, scalar};
use crate::hosts::BaseUrls;
use crate::models::Model;
use crate::store::{Lifecycle, Store};

/// The depth below which optional parts are left out; recursive schemas would never end otherwise.
const MAX_DEPTH: usize = 10;
/// The largest number of objects of one model inside one another, so that the output of a recursive model stays readable.
const MAX_NESTED: usize = 2;
/// The largest number of values of one output. A schema whose parts refer to each other has many more.
const MAX_VALUES: u32 = 50_000;
/// The number of values that one with a `pattern` counts as.
const PATTERN_COST: u32 = 100;
/// The largest number of items of a list that only the schema asks for.
const MAX_ITEMS: usize = 1_000;

/// The number of tokens of an answer.
const COMPLETION_TOKENS: f64 = 16.0;

/// Generates values for one output.
pub(super) struct Synthesizer<'a> {
    pub(super) model: &'a Model,
    pub(super) parameters: &'a CallParameters,
    pub(super) store: &'a Store,
    pub(super) base: &'a BaseUrls,
    /// The lifetime and the readers of the files.
    pub(super) lifecycle: &'a Lifecycle,
    pub(super) progress: &'a RunProgress,
    /// `true` if the safety checker flags the output.
    pub(super) is_flagged: bool,
    /// The media that were generated so far.
    pub(super) production: &'a Cell<Production>,
}

/// The position of a value in the output, and the hints inherited from the schemas around it.
#[derive(Clone, Copy)]
pub(super) struct FieldContext<'a> {
    /// The name of the property, or of the property that holds the list; empty at the root.
    pub(super) field: &'a str,
    /// The index in the enclosing list.
    pub(super) index: Option<usize>,
    /// An example from an enclosing schema.
    pub(super) example: Option<&'a str>,
    /// The segment of a transcript that the enclosing object represents.
    segment: Option<&'a Segment>,
    /// The component that the value is a part of, with those around it.
    parent: Option<&'a Parent<'a>>,
    depth: usize,
}

/// A component around a value.
struct Parent<'a> {
    component: &'a str,
    outer: Option<&'a Parent<'a>>,
}

impl<'a> FieldContext<'a> {
    pub(super) fn root() -> Self {
        Self { field: "", index: None, example: None, segment: None, parent: None, depth: 0 }
    }

    pub(super) fn property<'b>(self, name: &'b str) -> FieldContext<'b>
    where
        'a: 'b,
    {
        FieldContext { field: name, index: None, example: None, depth: self.depth + 1, ..self }
    }

    fn item(self, index: usize) -> Self {
        Self { index: Some(index), depth: self.depth + 1, ..self }
    }
}

impl Synthesizer<'_> {
    /// Generates a value that satisfies `schema`.
    pub(super) fn make_value(&self, schema: &Value, context: &FieldContext<'_>) -> Value {
        let mut production = self.production.get();
        // Compiling a pattern can take as long as making many values.
        let cost = if schema.get("pattern").is_some() { PATTERN_COST } else { 1 };
        production.values = production.values.saturating_add(cost);
        self.production.set(production);
        if production.values > MAX_VALUES {
            return Value::Null;
        }
        let (resolved, component) = self.model.components.resolve(schema);
        let parent = component.map(|component| Parent { component, outer: context.parent });
        let mut context = FieldContext { parent: parent.as_ref().or(context.parent), ..*context };
        context.example = file::example(schema).or(context.example);
        let merged = self.merge_all_of(resolved);
        let schema = merged.as_ref().unwrap_or(resolved);
        if self.is_flagged
            && super::is_nsfw_flag(context.field)
            && let Some(verdict) = nsfw_verdict(schema)
        {
            return verdict;
        }
        if let Some(value) = self.known_value(schema, &context) {
            return value;
        }
        if let Some(branches) = branches(schema) {
            return match self.choose_branch(branches, &context) {
                Some(branch) if context.depth < MAX_DEPTH => self.make_value(branch, &context),
                _ => Value::Null,
            };
        }
        if file::describes_file(schema, component) {
            return file::make_object(self, schema, component, &context);
        }
        match schema_type(schema) {
            "object" => self.make_object(schema, &context),
            "array" => self.make_array(schema, &context),
            "string" => self.make_text(schema, &context),
            "integer" | "number" => scalar::make_number(schema, self.plausible_number(context.field)),
            "boolean" => json!(false),
            _ => Value::Null,
        }
    }

    /// Returns true if `schema`, which may be a reference, allows `value`.
    pub(super) fn allows(&self, schema: &Value, value: &Value) -> bool {
        file::allows(self.model.components.resolve(schema).0, value)
    }

    /// Merges the parts of `allOf` into one schema, except for rules between its properties, which stay; `None` if the
    /// schema has no `allOf`.
    fn merge_all_of(&self, schema: &Value) -> Option<Value> {
        let parts = schema.get("allOf")?.as_array()?;
        let mut whole = schema.as_object()?.clone();
        whole.remove("allOf");
        let has_properties = whole.contains_key("properties");
        let (rules, parts): (Vec<_>, Vec<_>) =
            parts.iter().partition(|part| has_properties && rules::is_rule(part));
        if !rules.is_empty() {
            whole.insert("allOf".to_owned(), json!(rules));
        }
        for part in parts {
            let (part, _) = self.model.components.resolve(part);
            let nested = self.merge_all_of(part);
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

    /// Returns the value if the schema, the recording or the input already decides it.
    fn known_value(&self, schema: &Value, context: &FieldContext<'_>) -> Option<Value> {
        if let Some(only) = schema.get("const") {
            return Some(only.clone());
        }
        let fits = |value: &Value| scalar::satisfies(schema, value);
        if let Some(value) = context.segment.and_then(|segment| segment.property(context.field))
            && file::allows(schema, &value)
        {
            return Some(value);
        }
        let kind = schema_type(schema);
        let is_plain =
            ["string", "integer", "number", "boolean"].contains(&kind) || schema.get("enum").is_some();
        if !is_plain {
            return None;
        }
        if context.field == "partial" && kind == "boolean" {
            return Some(json!(!self.progress.is_finished()));
        }
        let seed = json!(self.parameters.seed);
        let echo = if context.field == "seed" { Some(&seed) } else { self.parameters.get(context.field) };
        // A URL in the input is never a file of the output.
        let echo = echo.filter(|value| fits(value) && !is_url(context.field));
        // A default of the schema is that of a call that has used nothing.
        let measured =
            || self.measured_number(context.field).map(|number| scalar::make_number(schema, number));
        let measured = ["integer", "number"].contains(&kind).then(measured).flatten().filter(fits);
        if let (None, Some(measured)) = (echo, measured) {
            return Some(measured);
        }
        let default = schema.get("default").filter(|value| fits(value));
        let first = || schema.get("enum").and_then(|allowed| allowed.get(0));
        echo.or(default).or_else(first).cloned()
    }

    /// Chooses the alternative to fill in: a file if there is one, else the first that is not null. A model inside itself is
    /// chosen only if there is nothing else.
    fn choose_branch<'a>(&self, branches: &'a [Value], context: &FieldContext<'_>) -> Option<&'a Value> {
        let is_file = |branch: &&Value| {
            let (schema, component) = self.model.components.resolve(branch);
            file::describes_file(schema, component)
        };
        let is_null = |branch: &Value| branch.get("type").is_some_and(|kind| kind == "null");
        let mut real = branches.iter().filter(|branch| !is_null(branch));
        let shallow = real.clone().find(|branch| !self.recurs(branch, context, 0));
        let file = branches.iter().find(is_file);
        file.or(shallow).or_else(|| if branches.iter().any(is_null) { None } else { real.next() })
    }

    /// Returns true if a value would be a model too deep inside itself.
    fn recurs(&self, schema: &Value, context: &FieldContext<'_>, depth: usize) -> bool {
        let (schema, component) = self.model.components.resolve(schema);
        let parents = std::iter::successors(context.parent, |parent| parent.outer);
        let known = parents.filter(|parent| component == Some(parent.component)).take(MAX_NESTED).count();
        if known == MAX_NESTED {
            return true;
        }
        let is_null = |branch: &&Value| branch.get("type").is_some_and(|kind| kind == "null");
        // Unions inside unions are rare, and looking into all of many would take long.
        let few = branches(schema).filter(|branches| depth < 2 && branches.len() <= 64).unwrap_or_default();
        let real = few.iter().filter(|branch| !is_null(branch));
        real.clone().next().is_some() && real.clone().all(|branch| self.recurs(branch, context, depth + 1))
    }

    fn make_object(&self, schema: &Value, context: &FieldContext<'_>) -> Value {
        let mut object = Map::new();
        let required = schema.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|required| required.iter().any(|property| property == name));
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, schema) in properties.into_iter().flatten() {
            let is_nullable = branches(schema).is_some();
            let is_absent = name.contains("error")
                || context.depth >= MAX_DEPTH
                || !is_nullable && self.recurs(schema, context, 0);
            if is_absent && !is_required(name) {
                continue;
            }
            object.insert(name.clone(), self.make_value(schema, &context.property(name)));
        }
        let undeclared = required.into_iter().flatten().filter_map(Value::as_str);
        for name in undeclared {
            object.entry(name).or_insert_with(|| json!({}));
        }
        let others = schema.get("additionalProperties");
        if context.field == "timings" && others.is_some_and(|others| *others != json!(false)) {
            let others = others.filter(|others| others.is_object()).unwrap_or(&Value::Null);
            object.insert("inference".to_owned(), scalar::make_number(others, 0.21));
        }
        rules::keep(schema, object)
    }

    fn make_array(&self, schema: &Value, context: &FieldContext<'_>) -> Value {
        if let Some(parts) = schema.get("prefixItems").and_then(Value::as_array) {
            return parts
                .iter()
                .enumerate()
                .map(|(index, part)| self.make_value(part, &context.item(index)))
                .collect();
        }
        let anything = json!({"type": "string"});
        let items = schema.get("items").unwrap_or(&anything);
        if let Some(segments) = self.segments(context.field, items) {
            let limit = schema.get("maxItems").and_then(Value::as_u64).unwrap_or(u64::MAX);
            return segments
                .iter()
                .take(usize::try_from(limit).unwrap_or(usize::MAX))
                .enumerate()
                .map(|(index, segment)| {
                    self.make_value(items, &FieldContext { segment: Some(segment), ..context.item(index) })
                })
                .collect();
        }
        let bound = |name: &str| {
            schema.get(name).and_then(Value::as_u64).and_then(|bound| usize::try_from(bound).ok())
        };
        let least = bound("minItems").unwrap_or(0).min(MAX_ITEMS);
        let length = if context.depth >= MAX_DEPTH || self.recurs(items, context, 0) {
            least
        } else {
            let wanted = self.wanted_items(items, context);
            wanted.min(bound("maxItems").unwrap_or(usize::MAX)).max(least)
        };
        (0..length).map(|index| self.make_value(items, &context.item(index))).collect()
    }

    /// Returns how many items a list gets before its bounds apply: one for each result that was asked
    /// for if the list has an item for each, else one.
    fn wanted_items(&self, items: &Value, context: &FieldContext<'_>) -> usize {
        let is_per_result =
            context.field.contains("nsfw") || context.field == "seeds" || self.holds_files(items, context);
        if is_per_result { self.parameters.result_count() } else { 1 }
    }

    /// Returns the transcript segments that the items of a list represent, if items have times.
    fn segments(&self, field: &str, items: &Value) -> Option<Vec<Segment>> {
        let (schema, _) = self.model.components.resolve(items);
        let properties = schema.get("properties")?.as_object()?;
        let has = |names: &[&str]| names.iter().any(|name| properties.contains_key(*name));
        let is_timed = has(&["timestamp", "start", "start_time"])
            && has(&["text", "word", "speaker", "end", "end_time"]);
        if !is_timed {
            return None;
        }
        let sentences = transcript::split_into_sentences(self.parameters.source_seconds());
        let level = self.parameters.get("chunk_level").and_then(Value::as_str);
        if level == Some("none") {
            return Some(transcript::merge(&sentences).into_iter().collect());
        }
        let is_words = field.contains("word") || properties.contains_key("word") || level == Some("word");
        Some(if is_words { transcript::split_into_words(&sentences) } else { sentences })
    }

    fn holds_files(&self, items: &Value, context: &FieldContext<'_>) -> bool {
        let (schema, component) = self.model.components.resolve(items);
        match branches(schema).and_then(|branches| self.choose_branch(branches, context)) {
            Some(branch) => self.holds_files(branch, context),
            None => file::describes_file(schema, component) || is_url(context.field),
        }
    }

    /// Returns a number that the call decides: the length of its recording, or the tokens that it used. They add up.
    fn measured_number(&self, field: &str) -> Option<f64> {
        let parameters = self.parameters;
        let prompt_tokens = || (parameters.prompt.chars().count() as f64 / 4.0).ceil().max(1.0);
        Some(match field {
            "duration" | "durations" | "duration_seconds" | "audio_duration" | "video_duration" => {
                parameters.seconds()
            }
            "duration_ms" | "audio_duration_ms" => (parameters.seconds() * 1000.0).round(),
            "prompt_tokens" | "input_tokens" => prompt_tokens(),
            "completion_tokens" | "output_tokens" => COMPLETION_TOKENS,
            "total_tokens" => prompt_tokens() + COMPLETION_TOKENS,
            "cached_tokens" | "cache_write_tokens" | "reasoning_tokens" => 0.0,
            // In US dollars, at one for a million of tokens.
            "cost" => (prompt_tokens() + COMPLETION_TOKENS) / 1e6,
            _ => return None,
        })
    }

    /// Returns a plausible number for a field.
    fn plausible_number(&self, field: &str) -> f64 {
        let ends_with = |names: &[&str]| names.iter().any(|name| field.ends_with(name));
        match field {
            "width" | "height" => 1024.0,
            "fps" => 24.0,
            // The pictures of the emulator show nothing that anybody minds.
            _ if ["nsfw", "unsafe", "toxic"].iter().any(|name| field.contains(name)) => 0.01,
            _ if ends_with(&["score", "scores", "confidence", "probability", "probabilities"]) => 0.9,
            _ => self.measured_number(field).unwrap_or(1.0),
        }
    }

    fn make_text(&self, schema: &Value, context: &FieldContext<'_>) -> Value {
        if schema.get("format").is_some_and(|format| format == "binary") {
            return file::make_base64(self, context);
        }
        if is_url(context.field) && schema.get("maxLength").is_none() {
            return file::make_url(self, context);
        }
        let transcribes = self.model.category() == "speech-to-text";
        if transcribes && ["text", "output", "transcript"].contains(&context.field) {
            let sentences = transcript::split_into_sentences(self.parameters.source_seconds());
            return json!(self.progress.truncate(&transcript::join_text(&sentences)));
        }
        if context.field == "prompt" {
            return json!(self.parameters.prompt);
        }
        let made = scalar::make_text(schema, context.field);
        // Long texts count as many values, so that a list of them ends too.
        let mut production = self.production.get();
        let length = made.as_str().map_or(0, str::len);
        production.values = production.values.saturating_add(u32::try_from(length / 100).unwrap_or(u32::MAX));
        self.production.set(production);
        match made {
            Value::String(text)
                if ["output", "text"].contains(&context.field) && schema.get("minLength").is_none() =>
            {
                json!(self.progress.truncate(&text))
            }
            text => text,
        }
    }
}

/// Returns the value by which a member says that the safety checker flags the output: `true`, or the highest probability. Returns
/// `None` if its schema has no such value. The keys of an object of verdicts are not known.
fn nsfw_verdict(schema: &Value) -> Option<Value> {
    match schema_type(schema) {
        "boolean" => Some(json!(true)),
        "integer" | "number" => {
            let highest = schema.get("maximum").and_then(Value::as_f64).unwrap_or(1.0);
            Some(scalar::make_number(schema, highest))
        }
        _ => None,
    }
}

/// Returns true if a member is a verdict of the safety checker, or a list of them.
pub(super) fn holds_verdict(model: &Model, schema: &Value, depth: usize) -> bool {
    let (schema, _) = model.components.resolve(schema);
    let holds = |part: &Value| depth < MAX_DEPTH && holds_verdict(model, part, depth + 1);
    nsfw_verdict(schema).is_some()
        || schema.get("items").is_some_and(holds)
        || branches(schema).is_some_and(|branches| branches.iter().any(holds))
}

fn branches(schema: &Value) -> Option<&[Value]> {
    schema.get("anyOf").or_else(|| schema.get("oneOf"))?.as_array().map(Vec::as_slice)
}

/// Returns the type of a schema, or the type that its keywords imply.
fn schema_type(schema: &Value) -> &str {
    match schema.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("null")
        }
        _ if schema.get("properties").is_some() => "object",
        _ if schema.get("items").is_some() || schema.get("prefixItems").is_some() => "array",
        _ if ["minimum", "maximum"].iter().any(|bound| schema.get(bound).is_some()) => "number",
        // Anything is allowed, so the emptiest value will do.
        _ => "object",
    }
}

fn is_url(field: &str) -> bool {
    field == "url" || field == "urls" || field.ends_with("_url") || field.ends_with("_urls")
}
