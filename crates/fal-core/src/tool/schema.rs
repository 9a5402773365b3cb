//! Schemas in the forms that language models take.

use serde_json::{Map, Value, json};

/// The keywords that hold schemas, alone or in a list.
const INNER: &[&str] = &["items", "anyOf", "oneOf", "prefixItems", "additionalProperties", "not"];

/// Returns a schema without `allOf`, whose objects have no other properties than they name.
pub(super) fn close(schema: Value) -> Value {
    let Value::Object(mut schema) = schema else { return schema };
    schema.remove("$schema");
    schema.remove("title");
    // `oneOf` is not taken by strict modes, and the forms of a parameter do not overlap in what matters.
    if let Some(forms) = schema.remove("oneOf") {
        schema.insert("anyOf".to_owned(), forms);
    }
    // Rules about properties stand beside them, where language models take none. The description says them too.
    if schema.contains_key("properties") {
        schema.remove("allOf");
    }
    if let Some(Value::Array(parts)) = schema.remove("allOf") {
        for part in parts {
            let Value::Object(part) = part else { continue };
            for (keyword, value) in part {
                merge(&mut schema, keyword, value);
            }
        }
        return close(Value::Object(schema));
    }
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        properties.values_mut().for_each(|property| *property = close(property.take()));
    }
    for keyword in INNER {
        match schema.get_mut(*keyword) {
            Some(Value::Array(forms)) => forms.iter_mut().for_each(|form| *form = close(form.take())),
            Some(inner @ Value::Object(_)) => *inner = close(inner.take()),
            _ => {}
        }
    }
    if schema.contains_key("properties") && !schema.get("additionalProperties").is_some_and(Value::is_object)
    {
        schema.insert("additionalProperties".to_owned(), false.into());
    }
    Value::Object(schema)
}

/// Adds a keyword of a part of `allOf`. What stands beside `allOf` is nearer to the parameter, and wins.
fn merge(schema: &mut Map<String, Value>, keyword: String, value: Value) {
    match (keyword.as_str(), schema.get_mut(&keyword), value) {
        ("properties", Some(Value::Object(own)), Value::Object(more)) => {
            for (name, property) in more {
                own.entry(name).or_insert(property);
            }
        }
        ("required", Some(Value::Array(own)), Value::Array(more)) => {
            let new: Vec<Value> = more.into_iter().filter(|name| !own.contains(name)).collect();
            own.extend(new);
        }
        (_, Some(_), _) => {}
        (_, None, value) => drop(schema.insert(keyword, value)),
    }
}

/// The keywords that stay in a strict schema; bounds become words, and a constant becomes an enum of one value.
const STRICT: &[&str] = &["type", "description", "enum", "anyOf", "items", "properties"];

/// Returns a closed schema in the part of JSON Schema that strict modes take.
pub(super) fn strict(schema: &Value) -> Value {
    let Value::Object(schema) = schema else { return schema.clone() };
    let mut made = Map::new();
    for keyword in STRICT {
        let Some(value) = schema.get(*keyword) else { continue };
        let value = match (*keyword, value) {
            ("anyOf", Value::Array(forms)) => forms.iter().map(strict).collect(),
            ("items", items) => strict(items),
            ("properties", Value::Object(properties)) => {
                let required = required(schema);
                let kept = properties.iter().filter_map(|(name, property)| {
                    let is_required = required.contains(&name.as_str());
                    let strict = strict(property);
                    match (is_required, is_expressible(property)) {
                        (true, _) => Some((name.clone(), strict)),
                        (false, true) => Some((name.clone(), or_null(strict))),
                        (false, false) => None,
                    }
                });
                let kept: Map<String, Value> = kept.collect();
                made.insert("required".to_owned(), kept.keys().cloned().collect());
                made.insert("additionalProperties".to_owned(), false.into());
                Value::Object(kept)
            }
            (_, value) => value.clone(),
        };
        made.insert((*keyword).to_owned(), value);
    }
    if let Some(constant) = schema.get("const") {
        made.insert("enum".to_owned(), json!([constant]));
    }
    let words = describe_bounds(schema);
    if !words.is_empty() {
        let description = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let description = format!("{description} {words}").trim_start().to_owned();
        made.insert("description".to_owned(), description.into());
    }
    Value::Object(made)
}

/// Returns the names of the properties that an object requires.
pub(super) fn required(schema: &Map<String, Value>) -> Vec<&str> {
    let names = schema.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Returns true for a schema whose values have a form that strict modes can hold a model to. Optional properties do not
/// count, because a strict schema leaves out those that have none.
pub(super) fn is_expressible(schema: &Value) -> bool {
    let is_list = |schema: &Value| {
        schema.get("prefixItems").is_none() && schema.get("items").is_some_and(is_expressible)
    };
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => {
            let required = schema.as_object().map(required).unwrap_or_default();
            let properties = schema.get("properties").and_then(Value::as_object);
            let is_required = |name: &String| required.contains(&name.as_str());
            properties.is_some_and(|properties| {
                properties.values().any(is_expressible)
                    && properties.iter().all(|(name, schema)| !is_required(name) || is_expressible(schema))
            })
        }
        Some("array") => is_list(schema),
        Some(_) => true,
        None => match schema.get("anyOf").and_then(Value::as_array) {
            Some(forms) => forms.iter().all(is_expressible),
            None => schema.get("enum").is_some() || schema.get("const").is_some(),
        },
    }
}

/// Returns a schema that takes null too.
fn or_null(mut schema: Value) -> Value {
    let null = || json!({ "type": "null" });
    if let Some(Value::Array(forms)) = schema.get_mut("anyOf") {
        if !forms.contains(&null()) {
            forms.push(null());
        }
        return schema;
    }
    let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
    let mut either = json!({ "anyOf": [schema, { "type": "null" }] });
    if let Some(description) = description {
        either["description"] = description;
    }
    either
}

/// Returns the bounds and the default of a parameter in words.
fn describe_bounds(schema: &Map<String, Value>) -> String {
    let mut words = Vec::new();
    for (keyword, text) in BOUNDS {
        if let Some(value) = schema.get(*keyword) {
            words.push(format!("{text} {value}."));
        }
    }
    words.join(" ")
}

/// The keywords that strict modes do not take, and what they mean.
const BOUNDS: &[(&str, &str)] = &[
    ("minimum", "At least"),
    ("exclusiveMinimum", "More than"),
    ("maximum", "At most"),
    ("exclusiveMaximum", "Less than"),
    ("multipleOf", "A multiple of"),
    ("minLength", "Number of characters at least"),
    ("maxLength", "Number of characters at most"),
    ("minItems", "Number of items at least"),
    ("maxItems", "Number of items at most"),
    ("pattern", "Matches the regular expression"),
    ("default", "Default"),
];
