//! Makes the documents of a failure smaller while the failure stays.

use serde_json::{Value, json};

use super::{
    app::{App, Failure, check},
    writer::Part,
};
use crate::compare::Direction;

/// The number of times that a smaller document is searched.
const ROUNDS: usize = 8;

/// The number of documents that are tried in a round. Most of the time of a round is the compiler's.
const CANDIDATES: usize = 16;

/// Returns the smallest app found that fails in the same way, and its failure.
pub(super) fn shrink(app: &App, failure: &Failure) -> (App, Failure) {
    let mut smallest = (app.clone(), failure.clone());
    let needs_no_compiler = app.generate().is_err();
    for round in 0..ROUNDS {
        let mut candidates = if round == 0 { slices(&smallest.0, &smallest.1) } else { Vec::new() };
        candidates.extend(smaller(&smallest.0));
        candidates.sort_by_key(|parts| size(parts));
        candidates.dedup();
        let most = if needs_no_compiler { 2000 } else { CANDIDATES };
        // Large steps and small ones.
        let step = candidates.len().div_ceil(most).max(1);
        let apps: Vec<App> = candidates
            .into_iter()
            .step_by(step)
            .enumerate()
            .map(|(index, parts)| App::with_parts(index, format!("s{index}"), parts))
            .collect();
        let failures: Vec<(usize, Failure)> = if needs_no_compiler {
            let failures =
                apps.iter().enumerate().filter_map(|(index, app)| Some((index, app.generate().err()?)));
            failures.collect()
        } else {
            check("shrink", &apps).failures.into_iter().map(|failure| (failure.app, failure)).collect()
        };
        let same = failures.into_iter().filter(|(_, found)| found.class == failure.class);
        let best = same.min_by_key(|(index, found)| (size(&apps[*index].parts), found.text.len()));
        match best {
            Some((index, found)) => smallest = (apps[index].clone(), found),
            None if step == 1 => break,
            None => {}
        }
    }
    smallest
}

fn size(parts: &[Part]) -> usize {
    let text = |part: &Part| {
        let components: usize = part.components.values().map(|schema| schema.to_string().len() + 10).sum();
        part.input.to_string().len() + part.output.to_string().len() + components
    };
    parts.iter().map(text).sum()
}

/// Returns an object without properties.
fn empty() -> Value {
    json!({ "type": "object", "properties": {} })
}

/// Returns copies that have nothing but the place of the failure, or one property of it.
fn slices(app: &App, failure: &Failure) -> Vec<Vec<Part>> {
    let mut found = Vec::new();
    let Some((index, direction)) = failure.place else { return found };
    let mut part = app.parts[index].clone();
    match direction {
        Direction::Input => part.output = empty(),
        Direction::Output => part.input = empty(),
    }
    let name = match direction {
        Direction::Input => "Input",
        Direction::Output => "Output",
    };
    let schema = part.components.get(name).cloned().unwrap_or_else(|| match direction {
        Direction::Input => part.input.clone(),
        Direction::Output => part.output.clone(),
    });
    let wanted = failure.pointer.split('/').nth(1).map(|token| token.replace("~1", "/").replace("~0", "~"));
    for property in
        schema.get("properties").and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name)
    {
        if wanted.as_ref().is_some_and(|wanted| wanted != property) {
            continue;
        }
        let mut schema = schema.clone();
        retain_property(&mut schema, property);
        let mut part = part.clone();
        part.components.remove("Input");
        part.components.remove("Output");
        match direction {
            Direction::Input => part.input = schema,
            Direction::Output => part.output = schema,
        }
        found.push(vec![without_unused(part)]);
    }
    found.push(vec![without_unused(part)]);
    found
}

fn retain_property(schema: &mut Value, name: &str) {
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        properties.retain(|key, _| key == name);
    }
    if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|key| key == name);
    }
}

/// Removes components that nothing refers to.
fn without_unused(mut part: Part) -> Part {
    loop {
        let components = part.components.clone();
        let (before, roots) = (components.len(), [&part.input, &part.output]);
        part.components.retain(|name, _| {
            roots.iter().any(|schema| names(schema, name))
                || components.iter().any(|(other, schema)| other != name && names(schema, name))
        });
        if part.components.len() == before {
            return part;
        }
    }
}

/// Returns true if a schema refers to a component.
fn names(schema: &Value, name: &str) -> bool {
    match schema {
        Value::Array(parts) => parts.iter().any(|part| names(part, name)),
        Value::Object(object) => {
            crate::schema::referenced(schema).is_some_and(|found| found == name)
                || object.values().any(|value| names(value, name))
        }
        _ => false,
    }
}

/// Returns copies with one part of a schema left out.
fn smaller(app: &App) -> Vec<Vec<Part>> {
    let mut found = Vec::new();
    if app.parts.len() > 1 {
        found.extend(app.parts.iter().map(|part| vec![part.clone()]));
    }
    for (index, part) in app.parts.iter().enumerate() {
        let mut push = |part: Part| {
            let mut parts = app.parts.clone();
            parts[index] = without_unused(part);
            found.push(parts);
        };
        for input in variants(&part.input) {
            push(Part { input, ..part.clone() });
        }
        for output in variants(&part.output) {
            push(Part { output, ..part.clone() });
        }
        for (name, schema) in &part.components {
            for schema in variants(schema) {
                let mut part = part.clone();
                part.components.insert(name.clone(), schema);
                push(part);
            }
        }
    }
    found
}

/// Returns the schemas that are one step simpler than `schema`.
fn variants(schema: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    let Value::Object(object) = schema else { return found };
    if *schema != empty() && object.contains_key("properties") {
        found.push(empty());
    }
    for key in ["anyOf", "oneOf", "allOf", "prefixItems"] {
        found.extend(object.get(key).and_then(Value::as_array).into_iter().flatten().cloned());
    }
    for key in ["items", "additionalProperties"] {
        found.extend(object.get(key).filter(|schema| schema.is_object()).cloned());
    }
    for (key, value) in object {
        let mut without = object.clone();
        without.remove(key);
        if !matches!(
            key.as_str(),
            "type" | "properties" | "$ref" | "const" | "enum" | "anyOf" | "oneOf" | "prefixItems"
        ) {
            found.push(Value::Object(without.clone()));
        }
        let mut replace = |value: Value| {
            let mut changed = object.clone();
            changed.insert(key.clone(), value);
            found.push(Value::Object(changed));
        };
        match (key.as_str(), value) {
            ("properties", Value::Object(properties)) => {
                for (name, property) in properties {
                    for property in variants(property) {
                        let mut properties = properties.clone();
                        properties.insert(name.clone(), property);
                        replace(properties.into());
                    }
                }
                for name in properties.keys() {
                    let mut changed = object.clone();
                    let kept = properties.iter().filter(|(key, _)| *key != name);
                    changed.insert(
                        "properties".to_owned(),
                        kept.map(|(key, value)| (key.clone(), value.clone())).collect(),
                    );
                    if let Some(Value::Array(required)) = changed.get_mut("required") {
                        required.retain(|key| key != name);
                    }
                    found.push(Value::Object(changed));
                }
            }
            ("anyOf" | "oneOf" | "allOf" | "prefixItems" | "enum" | "required", Value::Array(items)) => {
                if items.len() > 1 {
                    for index in 0..items.len() {
                        let mut items = items.clone();
                        items.remove(index);
                        replace(items.into());
                    }
                }
                for (index, item) in items.iter().enumerate().filter(|(_, item)| item.is_object()) {
                    for item in variants(item) {
                        let mut items = items.clone();
                        items[index] = item;
                        replace(items.into());
                    }
                }
            }
            ("items" | "additionalProperties", value) => variants(value).into_iter().for_each(replace),
            _ => {}
        }
    }
    found
}
