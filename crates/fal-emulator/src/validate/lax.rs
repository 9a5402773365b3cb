//! Validation in the lax mode of pydantic: numbers and booleans may be written as text, and unions report the errors of
//! every alternative.
//!
//! This covers the schemas that pydantic itself writes. Rules that it does not write are left to the JSON Schema
//! validator.

use serde_json::{Map, Number, Value, json};

use super::error_detail::{
    ErrorDetail, MAX_DETAILS, enumeration, literal, long_tuple, missing_tag, number_fault, python_repr,
    sequence, text_fault, type_fault, unknown_tag, value_fault,
};
use super::format::Format;
use super::lax_scalar::{self, Scalar};
use super::tagged_union::TaggedUnion;
use crate::components::Components;
use crate::models::Model;

/// The nesting from which anything is accepted.
const MAX_DEPTH: usize = 64;

/// The message for a value that is no object where a model is expected.
const NO_MODEL: &str = "Input should be a valid dictionary or object to extract fields from";

type Outcome = Result<Value, Vec<ErrorDetail>>;

/// A validator of inputs.
#[derive(Clone, Copy)]
pub(super) struct LaxValidator<'a> {
    components: &'a Components,
    /// `true` if no value is converted: how pydantic first tries the alternatives of a union.
    strict: bool,
    /// `true` if the models of files in fal's package take URLs as texts: in apps whose own document is served.
    reads_files: bool,
}

impl<'a> LaxValidator<'a> {
    pub(super) fn new(model: &'a Model) -> Self {
        Self { components: &model.components, strict: false, reads_files: model.is_own_app }
    }

    /// Validates a value. Returns it with everything converted, or what is wrong with it.
    pub(super) fn validate(self, schema: &Value, value: &Value, loc: &[Value], depth: usize) -> Outcome {
        if depth > MAX_DEPTH {
            return Ok(value.clone());
        }
        let (schema, component) = self.components.resolve(schema);
        if let Some(union) = TaggedUnion::parse(schema, self.components) {
            return self.validate_tagged(&union, value, loc, depth);
        }
        if let Some(branches) = branches(schema) {
            return self.validate_union(branches, value, loc, depth);
        }
        if let Some(options) = options(schema) {
            let find = |value: &Value| {
                let exact = options.iter().find(|option| *option == value);
                exact.or_else(|| options.iter().find(|option| is_same(option, value)))
            };
            // An enum of integers takes integers in texts, unlike a literal.
            let from_text = || {
                let converts = component.is_some() && !self.strict && has_integers(&options);
                find(&converts.then(|| lax_scalar::convert(Scalar::Integer, value).ok())??)
            };
            return match find(value).or_else(from_text) {
                Some(option) => Ok(option.clone()),
                None if component.is_some() => Err(vec![enumeration(&options, loc, value)]),
                None => Err(vec![literal(&options, loc, value)]),
            };
        }
        // Beside properties, these are rules about them.
        if let Some([only]) = schema.get("allOf").and_then(Value::as_array).map(Vec::as_slice)
            && schema.get("properties").is_none()
        {
            return self.validate(only, value, loc, depth + 1);
        }
        match type_of(schema) {
            "integer" => self.validate_number(schema, Scalar::Integer, value, loc),
            "number" => self.validate_number(schema, Scalar::Number, value, loc),
            "boolean" => self.convert(Scalar::Boolean, value, loc),
            "string" => self.validate_text(schema, value, loc),
            "array" if schema.get("prefixItems").is_some() => self.validate_tuple(schema, value, loc, depth),
            "array" => self.validate_list(schema, value, loc, depth),
            "object" => self.validate_object(schema, component, value, loc, depth),
            "null" if !value.is_null() => {
                Err(vec![type_fault("none_required", "Input should be None", loc, value)])
            }
            _ => Ok(value.clone()),
        }
    }

    fn validate_union(self, branches: &[Value], value: &Value, loc: &[Value], depth: usize) -> Outcome {
        let is_null = |branch: &&Value| type_of(self.components.resolve(branch).0) == "null";
        if value.is_null() && branches.iter().any(|branch| is_null(&branch)) {
            return Ok(Value::Null);
        }
        let real: Vec<&Value> = branches.iter().filter(|branch| !is_null(branch)).collect();
        if let [only] = real.as_slice() {
            return self.validate(only, value, loc, depth + 1);
        }
        let strict = Self { strict: true, ..self };
        if let Some(exact) =
            real.iter().find_map(|branch| strict.validate(branch, value, loc, depth + 1).ok())
        {
            return Ok(exact);
        }
        let mut found = Vec::new();
        for branch in real {
            let loc = with(loc, json!(self.label(branch, 0)));
            match self.validate(branch, value, &loc, depth + 1) {
                Ok(converted) => return Ok(converted),
                Err(faults) => found.extend(faults),
            }
        }
        found.truncate(MAX_DETAILS);
        Err(found)
    }

    /// Validates a value of a union whose alternatives a property distinguishes. Errors have the tag in their path.
    fn validate_tagged(self, union: &TaggedUnion<'_>, value: &Value, loc: &[Value], depth: usize) -> Outcome {
        let Value::Object(object) = value else {
            return Err(vec![type_fault("model_attributes_type", NO_MODEL, loc, value)]);
        };
        let Some(tag) = object.get(union.property) else {
            return Err(vec![missing_tag(union.property, loc, value)]);
        };
        match union.alternatives.iter().find(|(known, _)| known == tag) {
            Some((tag, schema)) => self.validate(schema, value, &with(loc, tag.clone()), depth + 1),
            None => Err(vec![unknown_tag(union.property, tag, &union.tags(), loc, value)]),
        }
    }

    fn validate_text(self, schema: &Value, value: &Value, loc: &[Value]) -> Outcome {
        if let Some(format) = Format::of_schema(schema) {
            // In its strict mode, pydantic takes objects of Python only, but for URLs.
            if self.strict && !matches!(format, Format::Url | Format::WebUrl) {
                return Err(vec![type_fault("string_type", "", loc, value)]);
            }
            return format.convert(value, loc);
        }
        let Value::String(text) = value else {
            return Err(vec![type_fault("string_type", "Input should be a valid string", loc, value)]);
        };
        match text_fault(schema, text, loc, value) {
            Some(fault) => Err(vec![fault]),
            None => Ok(value.clone()),
        }
    }

    /// Validates a list in which each position has a type of its own.
    fn validate_tuple(self, schema: &Value, value: &Value, loc: &[Value], depth: usize) -> Outcome {
        let Value::Array(items) = value else {
            return Err(vec![type_fault("tuple_type", "Input should be a valid tuple", loc, value)]);
        };
        let parts =
            schema.get("prefixItems").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        // Without a limit, the items after the first ones have a type too.
        let rest = schema.get("items").filter(|rest| rest.is_object());
        let is_closed = rest.is_none() && schema.get("maxItems").is_some();
        if is_closed && items.len() > parts.len() {
            return Err(vec![long_tuple(parts.len(), items.len(), loc, value)]);
        }
        let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or_default();
        let (mut converted, mut found) = (Vec::new(), Vec::new());
        let anything = json!({});
        for index in 0..items.len().max(parts.len()) {
            let loc = with(loc, json!(index));
            let part = parts.get(index).or(rest).unwrap_or(&anything);
            match items.get(index) {
                Some(item) => match self.validate(part, item, &loc, depth + 1) {
                    Ok(item) => converted.push(item),
                    Err(faults) => found.extend(faults),
                },
                None if (index as u64) < least => {
                    found.push(type_fault("missing", "Field required", &loc, value));
                }
                None => {}
            }
            if found.len() >= MAX_DETAILS {
                break;
            }
        }
        if found.is_empty() { Ok(Value::Array(converted)) } else { Err(found) }
    }

    fn convert(self, scalar: Scalar, value: &Value, loc: &[Value]) -> Outcome {
        let converted =
            if self.strict { lax_scalar::strict(scalar, value) } else { lax_scalar::convert(scalar, value) };
        converted.map_err(|(kind, message)| vec![type_fault(kind, message, loc, value)])
    }

    fn validate_number(self, schema: &Value, scalar: Scalar, value: &Value, loc: &[Value]) -> Outcome {
        let converted = self.convert(scalar, value, loc)?;
        match number_fault(schema, &converted, loc, value) {
            Some(fault) => Err(vec![fault]),
            None => Ok(converted),
        }
    }

    fn validate_list(self, schema: &Value, value: &Value, loc: &[Value], depth: usize) -> Outcome {
        let Value::Array(items) = value else {
            return Err(vec![type_fault("list_type", "Input should be a valid list", loc, value)]);
        };
        if let Some(most) =
            schema.get("maxItems").and_then(Value::as_u64).filter(|most| items.len() as u64 > *most)
        {
            return Err(vec![sequence("too_long", "most", "max_length", most, loc, value)]);
        }
        let mut converted = Vec::new();
        let mut found = Vec::new();
        let anything = json!({});
        let item_schema = schema.get("items").filter(|items| items.is_object()).unwrap_or(&anything);
        for (index, item) in items.iter().enumerate() {
            match self.validate(item_schema, item, &with(loc, json!(index)), depth + 1) {
                Ok(item) => converted.push(item),
                Err(faults) => found.extend(faults),
            }
            if found.len() >= MAX_DETAILS {
                break;
            }
        }
        if !found.is_empty() {
            return Err(found);
        }
        let least = schema.get("minItems").and_then(Value::as_u64);
        match least.filter(|least| (converted.len() as u64) < *least) {
            Some(least) => Err(vec![sequence("too_short", "least", "min_length", least, loc, value)]),
            None => Ok(Value::Array(converted)),
        }
    }

    fn validate_object(
        self,
        schema: &Value,
        component: Option<&str>,
        value: &Value,
        loc: &[Value],
        depth: usize,
    ) -> Outcome {
        let properties = schema.get("properties").and_then(Value::as_object);
        if let (true, Value::String(url)) = (self.reads_files && is_toolkit_file(schema), value) {
            let scheme = url.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
            if !scheme.is_some_and(|scheme| ["http", "https", "data"].contains(&scheme.as_str())) {
                return Err(vec![value_fault("value must be a valid URL", loc, value)]);
            }
            return Ok(json!({"url": url}));
        }
        let Value::Object(object) = value else {
            return Err(vec![if component.is_some() || properties.is_some() {
                type_fault("model_attributes_type", NO_MODEL, loc, value)
            } else {
                type_fault("dict_type", "Input should be a valid dictionary", loc, value)
            }]);
        };
        let required = schema.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|required| required.iter().any(|property| property == name));
        let mut converted = object.clone();
        let mut found = Vec::new();
        for (name, schema) in properties.unwrap_or(&Map::new()) {
            let loc = with(loc, json!(name));
            match object.get(name) {
                Some(property) => match self.validate(schema, property, &loc, depth + 1) {
                    Ok(property) => drop(converted.insert(name.clone(), property)),
                    Err(faults) => found.extend(faults),
                },
                None if is_required(name) => {
                    found.push(type_fault("missing", "Field required", &loc, value));
                }
                None => {}
            }
        }
        let known = |name: &str| properties.is_some_and(|properties| properties.contains_key(name));
        // Names that the schema requires without describing them.
        for name in required.into_iter().flatten().filter_map(Value::as_str) {
            if !known(name) && !object.contains_key(name) {
                found.push(type_fault("missing", "Field required", &with(loc, json!(name)), value));
            }
        }
        let more = schema.get("additionalProperties");
        for (name, property) in object.iter().filter(|(name, _)| !known(name)) {
            let loc = with(loc, json!(name));
            match more {
                Some(Value::Bool(false)) => {
                    let text = "Extra inputs are not permitted";
                    found.push(type_fault("extra_forbidden", text, &loc, property));
                }
                Some(schema @ Value::Object(_)) => match self.validate(schema, property, &loc, depth + 1) {
                    Ok(property) => drop(converted.insert(name.clone(), property)),
                    Err(faults) => found.extend(faults),
                },
                _ => {}
            }
        }
        found.truncate(MAX_DETAILS);
        if found.is_empty() { Ok(Value::Object(converted)) } else { Err(found) }
    }

    /// Returns the name that pydantic gives an alternative.
    fn label(self, schema: &Value, depth: usize) -> String {
        let (schema, component) = self.components.resolve(schema);
        if depth > 8 {
            return "any".to_owned();
        }
        if let Some(union) = TaggedUnion::parse(schema, self.components) {
            let alternatives = union.alternatives.iter();
            let labels: Vec<_> = alternatives.map(|(_, schema)| self.label(schema, depth + 1)).collect();
            return format!("tagged-union[{}]", labels.join(","));
        }
        if let Some(branches) = branches(schema) {
            let is_null = |branch: &&Value| type_of(self.components.resolve(branch).0) == "null";
            let labels: Vec<_> = branches
                .iter()
                .filter(|branch| !is_null(branch))
                .map(|branch| self.label(branch, depth + 1))
                .collect();
            let inner =
                if labels.len() == 1 { labels.concat() } else { format!("union[{}]", labels.join(",")) };
            return if branches.iter().any(|branch| is_null(&branch)) {
                format!("nullable[{inner}]")
            } else {
                inner
            };
        }
        if let Some(options) = options(schema) {
            return match component {
                Some(name) if has_integers(&options) => format!("int-enum[{name}]"),
                Some(name) => format!("enum[{name}]"),
                None => format!("literal[{}]", options.iter().map(python_repr).collect::<Vec<_>>().join(",")),
            };
        }
        let is_limited = |names: &[&str]| names.iter().any(|name| schema.get(*name).is_some());
        let limits = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
        let constrained = |name: &str, is_limited: bool| {
            if is_limited { format!("constrained-{name}") } else { name.to_owned() }
        };
        let format = Format::of_schema(schema);
        match type_of(schema) {
            "integer" => constrained("int", is_limited(&limits)),
            "number" => constrained("float", is_limited(&limits)),
            "string" if format.is_some() => format.map(Format::label).unwrap_or_default().to_owned(),
            "string" => constrained("str", is_limited(&["minLength", "maxLength", "pattern"])),
            "boolean" => "bool".to_owned(),
            "null" => "none".to_owned(),
            "array" if schema.get("prefixItems").is_some() => {
                let parts = schema.get("prefixItems").and_then(Value::as_array).into_iter().flatten();
                let parts: Vec<_> = parts.map(|part| self.label(part, depth + 1)).collect();
                format!("tuple[{}]", parts.join(", "))
            }
            "array" => {
                let inner =
                    schema.get("items").map_or("any".to_owned(), |items| self.label(items, depth + 1));
                format!("list[{inner}]")
            }
            "object" => match component {
                Some(name) => name.to_owned(),
                None => {
                    let values = schema.get("additionalProperties").filter(|values| values.is_object());
                    let inner = values.map_or("any".to_owned(), |values| self.label(values, depth + 1));
                    format!("dict[str,{inner}]")
                }
            },
            _ => "any".to_owned(),
        }
    }
}

/// Returns true for the models of files in fal's own package for apps, which also take a URL as a text.
fn is_toolkit_file(schema: &Value) -> bool {
    let has =
        |name: &&str| schema.get("properties").is_some_and(|properties| properties.get(*name).is_some());
    let title = schema.get("title").and_then(Value::as_str).unwrap_or_default();
    ["File", "Image", "Video", "Audio"].contains(&title)
        && ["url", "content_type", "file_name", "file_size"].iter().all(has)
        && schema.get("required") == Some(&json!(["url"]))
}

/// Returns true if all options are integers.
fn has_integers(options: &[Value]) -> bool {
    !options.is_empty() && options.iter().all(|option| option.is_i64() || option.is_u64())
}

fn branches(schema: &Value) -> Option<&[Value]> {
    ["anyOf", "oneOf"].iter().find_map(|name| schema.get(*name)?.as_array()).map(Vec::as_slice)
}

fn options(schema: &Value) -> Option<Vec<Value>> {
    match (schema.get("const"), schema.get("enum")) {
        (Some(only), _) => Some(vec![only.clone()]),
        (None, options) => options?.as_array().cloned(),
    }
}

/// Returns the type of a schema, or of the first of several that is not null.
fn type_of(schema: &Value) -> &str {
    let named = match schema.get("type") {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).find(|name| *name != "null"),
        other => other.and_then(Value::as_str),
    };
    named.unwrap_or(if schema.get("properties").is_some() { "object" } else { "" })
}

/// Compares values as Python does, where booleans are numbers.
fn is_same(option: &Value, value: &Value) -> bool {
    let number = |value: &Value| match value {
        Value::Bool(bit) => Some(f64::from(u8::from(*bit))),
        other => other.as_number().and_then(Number::as_f64),
    };
    match (number(option), number(value)) {
        (Some(one), Some(other)) => one == other,
        _ => option == value,
    }
}

fn with(loc: &[Value], last: Value) -> Vec<Value> {
    loc.iter().cloned().chain([last]).collect()
}
