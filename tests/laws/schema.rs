//! A schema of a document, as a validator and as a tree without references.

use jsonschema::Validator;
use serde_json::{Map, Value, json};

const PREFIX: &str = "#/components/schemas/";

/// The number of times that a component may contain itself in a tree. Deeper instances are not generated.
const MAX_RECURSION: usize = 2;

/// The number of schemas in a tree. Objects with many references to themselves would exceed any memory.
const MAX_NODES: usize = 50_000;

/// Marks an object whose other fields are not in the tree, because components contain themselves too often.
const CUT: &str = "x-cut";

/// The schema of the input or output of an endpoint.
pub(crate) struct Schema {
    /// The schema with references and `allOf` resolved, for generators and comparisons.
    pub(crate) tree: Value,
    validator: Validator,
}

impl Schema {
    /// Reads the schema that `reference` names. Published documents refer to components that do not exist; those accept
    /// anything.
    pub(crate) fn new(openapi: &Value, reference: &Value) -> Self {
        let mut components =
            openapi.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default();
        components.values_mut().for_each(rename_bounds);
        components.values_mut().for_each(rewrite_nullable);
        components.values_mut().for_each(imply_objects);
        if !reference.is_object() {
            return Self { tree: reference.clone(), validator: validator(reference) };
        }
        let mut reference = reference.clone();
        rename_bounds(&mut reference);
        imply_objects(&mut reference);
        let reference = &reference;
        let mut wanted = Vec::new();
        collect_references(reference, &mut wanted);
        components.values().for_each(|schema| collect_references(schema, &mut wanted));
        for name in wanted {
            components.entry(name).or_insert_with(|| json!({}));
        }
        let mut tree = Inliner { components: &components, path: Vec::new(), nodes: 0 }.inline(reference);
        distribute(&mut tree);
        let mut root = reference.clone();
        root["components"] = json!({ "schemas": components });
        Self { tree, validator: validator(&root) }
    }

    /// Returns the verdict of the validator.
    pub(crate) fn accepts(&self, instance: &Value) -> bool {
        self.validator.is_valid(instance)
    }

    /// Returns the first error of the validator.
    pub(crate) fn reason(&self, instance: &Value) -> String {
        self.validator.iter_errors(instance).next().map_or_else(
            || "valid".to_owned(),
            |error| {
                let text: String = error.to_string().chars().take(200).collect();
                format!("at `{}`: {text}", error.instance_path())
            },
        )
    }
}

fn validator(root: &Value) -> Validator {
    let options = jsonschema::draft202012::options().should_validate_formats(false).build(root);
    options.unwrap_or_else(|error| panic!("{root} is no schema: {error}"))
}

/// Returns the name of the component that a reference leads to, without the escapes of JSON pointers and URIs.
pub(crate) fn referenced(schema: &Value) -> Option<String> {
    let escaped = schema.get("$ref")?.as_str()?.strip_prefix(PREFIX)?;
    let mut bytes = Vec::new();
    let mut rest = escaped.bytes();
    while let Some(byte) = rest.next() {
        let code = match byte {
            b'%' => rest.clone().take(2).map(char::from).collect::<String>(),
            _ => String::new(),
        };
        match u8::from_str_radix(&code, 16) {
            Ok(decoded) => {
                rest.nth(1);
                bytes.push(decoded);
            }
            Err(_) => bytes.push(byte),
        }
    }
    Some(String::from_utf8_lossy(&bytes).replace("~1", "/").replace("~0", "~"))
}

/// Returns true if the value of the keyword is data, which may look like a schema.
fn is_data(keyword: &str) -> bool {
    matches!(keyword, "default" | "const" | "enum" | "example" | "examples")
}

/// Calls `change` with each part of a schema. The keys of `properties` are names, not keywords.
fn each_part(schema: &mut Map<String, Value>, change: fn(&mut Value)) {
    for (key, value) in schema.iter_mut().filter(|(key, _)| !is_data(key)) {
        match value {
            Value::Object(names) if key == "properties" => names.values_mut().for_each(change),
            value => change(value),
        }
    }
}

/// Bounds under their names in Python, and their keywords, each of which limits values of one type only.
const PYTHON_BOUNDS: &[(&str, &[&str])] = &[
    ("ge", &["minimum"]),
    ("gt", &["exclusiveMinimum"]),
    ("le", &["maximum"]),
    ("lt", &["exclusiveMaximum"]),
    ("min", &["minimum"]),
    ("max", &["maximum"]),
    ("multiple_of", &["multipleOf"]),
    ("min_length", &["minLength", "minItems"]),
    ("max_length", &["maxLength", "maxItems"]),
    ("min_items", &["minItems"]),
    ("max_items", &["maxItems"]),
];

/// Adds the keywords of bounds under their names in Python, which JSON Schema ignores, but whose authors mean bounds.
fn rename_bounds(schema: &mut Value) {
    match schema {
        Value::Array(parts) => parts.iter_mut().for_each(rename_bounds),
        Value::Object(object) => {
            for (name, keywords) in PYTHON_BOUNDS {
                let Some(bound) = object.get(*name).filter(|bound| bound.is_number()).cloned() else {
                    continue;
                };
                for keyword in *keywords {
                    object.entry(*keyword).or_insert_with(|| bound.clone());
                }
            }
            each_part(object, rename_bounds);
        }
        _ => {}
    }
}

/// Rewrites `nullable` of OpenAPI 3.0 as a union with null.
fn rewrite_nullable(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(rewrite_nullable),
        Value::Object(object) => {
            object.iter_mut().filter(|(key, _)| !is_data(key)).for_each(|(_, value)| rewrite_nullable(value));
            if object.remove("nullable") == Some(Value::Bool(true)) {
                let mut outer = Map::new();
                for key in ["default", "example", "examples"] {
                    outer.extend(object.remove(key).map(|value| (key.to_owned(), value)));
                }
                let inner = std::mem::take(object);
                outer.insert("anyOf".to_owned(), json!([inner, { "type": "null" }]));
                *object = outer;
            }
        }
        _ => {}
    }
}

/// Adds the type where only `properties` says that a schema is one of objects: JSON Schema would accept any text there,
/// but nobody means that.
fn imply_objects(schema: &mut Value) {
    match schema {
        Value::Array(parts) => parts.iter_mut().for_each(imply_objects),
        Value::Object(object) => {
            let has_type = object.contains_key("type");
            if object.get("properties").is_some_and(Value::is_object) {
                object.entry("type").or_insert_with(|| json!("object"));
            }
            for (key, value) in object.iter_mut().filter(|(key, _)| !is_data(key)) {
                match value {
                    // The type beside a union is that of its members.
                    Value::Array(members) if has_type && matches!(key.as_str(), "anyOf" | "oneOf") => {
                        let members = members.iter_mut().filter_map(Value::as_object_mut);
                        members.flat_map(Map::values_mut).for_each(imply_objects);
                    }
                    // Here keys are names, not keywords.
                    Value::Object(names) if key == "properties" => names.values_mut().for_each(imply_objects),
                    value => imply_objects(value),
                }
            }
        }
        _ => {}
    }
}

fn collect_references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        Value::Object(object) => {
            found.extend(referenced(schema));
            object.values().for_each(|value| collect_references(value, found));
        }
        _ => {}
    }
}

/// Replaces references by the components that they name, and `allOf` by one schema.
struct Inliner<'c> {
    components: &'c Map<String, Value>,
    /// The components around the current schema.
    path: Vec<String>,
    nodes: usize,
}

impl Inliner<'_> {
    /// Returns `false`, for which no instance is generated, where components contain themselves too often.
    fn inline(&mut self, schema: &Value) -> Value {
        let Value::Object(object) = schema else { return schema.clone() };
        let mut object = object.clone();
        drop_rules(&mut object);
        let object = &object;
        self.nodes += 1;
        if self.nodes > MAX_NODES {
            return json!(false);
        }
        let mut merged = Map::new();
        if let Some(name) = referenced(schema) {
            if self.path.iter().filter(|outer| **outer == name).count() > MAX_RECURSION {
                return json!(false);
            }
            let target = self.components.get(&name).cloned().unwrap_or_default();
            self.path.push(name);
            let target = self.inline(&target);
            self.path.pop();
            if target == json!(false) {
                return target;
            }
            merge(&mut merged, target);
        }
        for part in object.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            let part = self.inline(part);
            if part == json!(false) {
                return part;
            }
            merge(&mut merged, part);
        }
        let mut own = Map::new();
        for (key, value) in object.iter().filter(|(key, _)| !matches!(key.as_str(), "$ref" | "allOf")) {
            let value = match (key.as_str(), value) {
                (key, _) if is_data(key) => value.clone(),
                ("properties", Value::Object(properties)) => {
                    properties.iter().map(|(name, property)| (name.clone(), self.inline(property))).collect()
                }
                (_, Value::Array(parts)) => parts.iter().map(|part| self.inline(part)).collect(),
                _ => self.inline(value),
            };
            if key == "additionalProperties" && value == json!(false) && object[key] != json!(false) {
                own.insert(CUT.to_owned(), json!(true));
            }
            own.insert(key.clone(), value);
        }
        merge(&mut merged, Value::Object(own));
        Value::Object(merged)
    }
}

/// Removes rules about which properties an object has together. The validator knows them, and generators need not.
fn drop_rules(object: &mut Map<String, Value>) {
    let Some(Value::Object(properties)) = object.get("properties").cloned() else { return };
    let is_condition = |schema: &Value| {
        schema.as_object().is_some_and(|schema| {
            let known = |names: &Value| {
                names.as_object().is_some_and(|names| names.keys().all(|name| properties.contains_key(name)))
            };
            schema.iter().all(|(key, value)| match key.as_str() {
                "required" | "description" => true,
                // As `imply_objects` writes.
                "type" => value == "object",
                "properties" => known(value),
                _ => false,
            })
        })
    };
    let is_rule = |key: &str, value: &Value| match (key, value) {
        ("anyOf" | "oneOf", Value::Array(branches)) => branches.iter().all(is_condition),
        ("not" | "if" | "then", value) => is_condition(value),
        ("dependentRequired" | "description", _) => true,
        _ => false,
    };
    object.retain(|key, value| key == "description" || !is_rule(key, value));
    if let Some(Value::Array(parts)) = object.get_mut("allOf") {
        parts.retain(|part| {
            !part.as_object().is_some_and(|part| part.iter().all(|(key, value)| is_rule(key, value)))
        });
    }
}

/// Keywords that restrict instances of one type, which may stand beside a union.
const LIMITS: &[&str] = &[
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
];

/// Writes lists of types as unions, and moves limits that stand beside a union into its members.
fn distribute(schema: &mut Value) {
    match schema {
        Value::Array(parts) => parts.iter_mut().for_each(distribute),
        Value::Object(object) => {
            if let Some(Value::Array(kinds)) = object.get("type").cloned()
                && !object.contains_key("enum")
                && !object.contains_key("const")
            {
                let mut inner = Map::new();
                let own = ["default", "example", "examples", "description", "title", "deprecated"];
                let moved: Vec<String> =
                    object.keys().filter(|key| !own.contains(&key.as_str())).cloned().collect();
                for key in moved {
                    inner.extend(object.remove(&key).map(|value| (key, value)));
                }
                let members = kinds.into_iter().map(|kind| {
                    let mut member = inner.clone();
                    member.insert("type".to_owned(), kind);
                    Value::Object(member)
                });
                object.insert("anyOf".to_owned(), members.collect());
            }
            let limits: Vec<(&str, Value)> =
                LIMITS.iter().filter_map(|key| Some((*key, object.get(*key)?.clone()))).collect();
            for member in object.get_mut("anyOf").and_then(Value::as_array_mut).into_iter().flatten() {
                let Some(member) = member.as_object_mut() else { continue };
                for (key, limit) in &limits {
                    member.entry(*key).or_insert_with(|| limit.clone());
                }
            }
            each_part(object, distribute);
        }
        _ => {}
    }
}

/// Adds the keywords of `from`. Properties and requirements are combined; other keywords are replaced.
fn merge(into: &mut Map<String, Value>, from: Value) {
    let Value::Object(from) = from else { return };
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(old)), Value::Object(new)) if key == "properties" => old.extend(new),
            (Some(Value::Array(old)), Value::Array(new)) if key == "required" => old.extend(new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// Returns the members of a union, or the schema itself.
pub(crate) fn branches(schema: &Value) -> Vec<&Value> {
    let union = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array);
    union.map_or_else(|| vec![schema], |parts| parts.iter().flat_map(branches).collect())
}

/// Returns the members of a union that an instance may belong to: those that it fits, or else those of its type.
pub(crate) fn matching_branches<'s>(schema: &'s Value, instance: &Value) -> Vec<&'s Value> {
    let all = branches(schema);
    let exact: Vec<&Value> = all.iter().copied().filter(|branch| fits(branch, instance)).collect();
    if exact.is_empty() {
        all.into_iter().filter(|branch| has_type(branch, instance)).collect()
    } else {
        exact
    }
}

fn has_type(schema: &Value, instance: &Value) -> bool {
    matches!(
        (schema.get("type").and_then(Value::as_str), instance),
        (None, _)
            | (Some("object"), Value::Object(_))
            | (Some("array"), Value::Array(_))
            | (Some("integer" | "number"), Value::Number(_))
            | (Some("string"), Value::String(_))
            | (Some("boolean"), Value::Bool(_))
            | (Some("null"), Value::Null)
    )
}

/// Returns true if an instance has the shape of a schema, bounds aside.
fn fits(schema: &Value, instance: &Value) -> bool {
    if schema.get("anyOf").is_some() || schema.get("oneOf").is_some() {
        return branches(schema).into_iter().any(|branch| fits(branch, instance));
    }
    if !has_type(schema, instance) || schema.get("const").is_some_and(|value| value != instance) {
        return false;
    }
    if let Some(values) = schema.get("enum").and_then(Value::as_array)
        && !values.contains(instance)
    {
        return false;
    }
    match instance {
        Value::Object(object) => {
            let rest = schema.get("additionalProperties");
            required(schema).all(|name| object.contains_key(name))
                && object.iter().all(|(name, value)| {
                    match properties(schema).find(|(known, _)| *known == name) {
                        Some((_, property)) => fits(property, value),
                        None => match rest {
                            None => true,
                            Some(Value::Bool(is_allowed)) => *is_allowed || schema.get(CUT).is_some(),
                            Some(rest) => fits(rest, value),
                        },
                    }
                })
        }
        Value::Array(items) => {
            let first = schema.get("prefixItems").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let rest = schema.get("items");
            first.iter().zip(items).all(|(schema, item)| fits(schema, item))
                && rest.is_none_or(|rest| items.iter().skip(first.len()).all(|item| fits(rest, item)))
        }
        Value::Number(number) => {
            schema["type"] != "integer" || number.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        _ => true,
    }
}

/// Returns the names of the required properties.
pub(crate) fn required(schema: &Value) -> impl Iterator<Item = &str> {
    schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Returns the properties with their names.
pub(crate) fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema.get("properties").and_then(Value::as_object).into_iter().flatten()
}
