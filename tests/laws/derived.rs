//! Schemas derived from the published one, which must mean the same: the schema of the normalised document, and the one
//! that the generated type implements with `schemars`.

use fal_codegen::{
    normalize::{PREFIX_ITEMS, REQUIREMENTS, normalize, requirements::Requirement},
    schema::{Record, read},
};
use jsonschema::Validator;
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use crate::{
    cases::Case,
    compare::Direction,
    documents::Document,
    schema::{branches, properties},
};

/// Describes the deviations of the schemas that are derived from one input schema.
pub(crate) fn differences(document: &Document, cases: &[Case], own: &Value) -> Vec<String> {
    let Some((input, _)) = &document.schemas else { return Vec::new() };
    let (normalized, fixups) = normalized(document);
    // A fixup changes the meaning of a document on purpose.
    if fixups > 0 {
        return Vec::new();
    }
    let mut deviations = Vec::new();
    for (name, root) in [("normalised", &normalized), ("JsonSchema", own)] {
        let derived = validator(root);
        let differs = cases.iter().filter(|case| case.direction == Direction::Input);
        let mut differs = differs.filter(|case| derived.is_valid(&case.instance) != case.valid);
        if let Some(case) = differs.next() {
            let more = differs.count();
            let verdict = if case.valid { "valid" } else { "invalid" };
            let instance: String = case.instance.to_string().chars().take(600).collect();
            deviations.push(format!(
                "{}: {name} (and {more} more), {} is {verdict}: {instance}",
                document.id, case.kind
            ));
        }
    }
    let mut pointer = String::new();
    missing(&input.tree, own, own, &mut pointer, &mut deviations, &document.id);
    deviations
}

fn validator(root: &Value) -> Validator {
    let options = jsonschema::draft202012::options().should_validate_formats(false).build(root);
    options.unwrap_or_else(|error| panic!("invalid schema: {error}\n{root}"))
}

/// Returns the input schema of the normalised document as JSON Schema, and the number of fixups.
fn normalized(document: &Document) -> (Value, usize) {
    let mut records = read(&document.file, &document.text, None);
    let Some(Ok(Record::Document(record))) = records.pop() else { panic!("{}: no document", document.id) };
    let normalized = normalize(*record).unwrap();
    let mut openapi = serde_json::to_value(&normalized.openapi).unwrap();
    let mut schemas = openapi["components"]["schemas"].take();
    relax(&mut schemas);
    let body = &normalized.document["paths"][format!("/{}", document.id)]["post"]["requestBody"];
    let mut root = body["content"]["application/json"]["schema"].clone();
    assert!(root.is_object(), "{}: the normalised document has no input", document.id);
    relax(&mut root);
    root["components"] = json!({ "schemas": schemas });
    (root, normalized.fixups.len())
}

/// Converts OpenAPI 3.0 back to JSON Schema: the reverse of the normalisation rules.
fn relax(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(relax),
        Value::Object(object) => {
            let data =
                |key: &str| matches!(key, "default" | "enum" | "example") || key.starts_with("x-examples");
            object.iter_mut().filter(|(key, _)| !data(key)).for_each(|(_, value)| relax(value));
            for (flag, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
                if object.get(flag) == Some(&json!(true)) {
                    let bound = object.remove(bound).unwrap();
                    object.insert(flag.to_owned(), bound);
                }
            }
            if let Some(rules) = object.remove(REQUIREMENTS) {
                let rules = Vec::<Requirement>::deserialize(rules).unwrap();
                object.insert("allOf".to_owned(), rules.iter().map(Requirement::to_schema).collect());
            }
            if let Some(items) = object.remove(PREFIX_ITEMS) {
                object.remove("items");
                object.insert("prefixItems".to_owned(), items);
            }
            if object.remove("nullable") == Some(json!(true)) {
                let inner = Value::Object(std::mem::take(object));
                *object = Map::from_iter([("anyOf".to_owned(), json!([inner, { "type": "null" }]))]);
            }
        }
        _ => {}
    }
}

/// Finds properties, descriptions and defaults that the type's own schema lacks.
fn missing(
    published: &Value,
    own: &Value,
    root: &Value,
    pointer: &mut String,
    deviations: &mut Vec<String>,
    id: &str,
) {
    let candidates: Vec<&Value> =
        branches(published).into_iter().filter(|branch| branch.get("properties").is_some()).collect();
    let [object] = candidates.as_slice() else { return };
    let Some(own) = resolve(own, root, &|schema| schema.get("properties").is_some()) else { return };
    for (name, property) in properties(object) {
        let length = pointer.len();
        pointer.push_str(&format!("/{name}"));
        match own["properties"].get(name) {
            None => deviations.push(format!("{id}: JsonSchema has no `{pointer}`")),
            Some(mine) => {
                for keyword in ["description", "default"] {
                    let Some(wanted) = property.get(keyword) else { continue };
                    let found = mine.get(keyword);
                    let same = match keyword {
                        "description" => found.is_some_and(|found| words(found) == words(wanted)),
                        // A default that its own schema refuses is left out.
                        _ => found == Some(wanted) || !fits(property, wanted, found),
                    };
                    if !same {
                        deviations.push(format!(
                            "{id}: JsonSchema says {keyword} {found:?} of `{pointer}`, not {wanted}"
                        ));
                    }
                }
                let inner = property.get("items").unwrap_or(property);
                let mine = resolve(mine, root, &|schema| schema.get("items").is_some())
                    .filter(|_| property.get("items").is_some())
                    .map_or(mine, |mine| &mine["items"]);
                missing(inner, mine, root, pointer, deviations, id);
            }
        }
        pointer.truncate(length);
    }
}

/// Returns true if the type can have the default. The default of a text may be published as an integer.
fn fits(property: &Value, default: &Value, found: Option<&Value>) -> bool {
    let constant = property.get("const").map(std::slice::from_ref);
    let values = property.get("enum").and_then(Value::as_array).map(Vec::as_slice).or(constant);
    let is_integer = branches(property)
        .iter()
        .all(|branch| matches!(branch.get("type").and_then(Value::as_str), Some("integer" | "null")));
    let is_whole = default.as_f64().is_none_or(|default| default.fract() == 0.0);
    let Some(values) = values else { return !default.is_null() && (is_whole || !is_integer) };
    let as_text = json!(default.to_string());
    values.contains(default) || (values.contains(&as_text) && found != Some(&as_text))
}

fn words(text: &Value) -> Vec<&str> {
    text.as_str().unwrap_or_default().split_whitespace().collect()
}

/// Finds the part of a schema that satisfies `has`, behind references and unions.
fn resolve<'s>(schema: &'s Value, root: &'s Value, has: &dyn Fn(&Value) -> bool) -> Option<&'s Value> {
    if has(schema) {
        return Some(schema);
    }
    if let Some(name) =
        schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix("#/$defs/"))
    {
        return resolve(root["$defs"].get(name)?, root, has);
    }
    let parts =
        ["anyOf", "allOf"].into_iter().filter_map(|keyword| schema.get(keyword)?.as_array()).flatten();
    parts.into_iter().find_map(|part| resolve(part, root, has))
}
