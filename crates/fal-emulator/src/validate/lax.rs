//! Validation in the lax mode of pydantic: numbers and booleans may be written as text, and unions report the errors of
//! every alternative.
//!
//! This covers the schemas that pydantic itself writes. Rules that it does not write are left to the JSON Schema
//! validator.

use serde_json::{Map, Number, Value, json};

use super::error_detail::{
    ErrorDetail, MAX_DETAILS, enumeration, literal, number_fault, python_repr, sequence, text_fault,
    type_fault,
};
use super::lax_scalar::{self, Scalar};
use crate::components::Components;
use crate::models::Model;

/// The nesting from which anything is accepted.
const MAX_DEPTH: usize = 64;

type Outcome = Result<Value, Vec<ErrorDetail>>;

/// A validator of inputs.
#[derive(Clone, Copy)]
pub(super) struct LaxValidator<'a> {
    components: &'a Components,
    /// `true` if no value is converted: how pydantic first tries the alternatives of a union.
    strict: bool,
}

impl<'a> LaxValidator<'a> {
    pub(super) fn new(model: &'a Model) -> Self {
        Self { components: &model.components, strict: false }
    }

    /// Validates a value. Returns it with everything converted, or what is wrong with it.
    pub(super) fn validate(self, schema: &Value, value: &Value, loc: &[Value], depth: usize) -> Outcome {
        if depth > MAX_DEPTH {
            return Ok(value.clone());
        }
        let (schema, component) = self.components.resolve(schema);
        if let Some(branches) = branches(schema) {
            return self.validate_union(branches, value, loc, depth);
        }
        if let Some(options) = options(schema) {
            let exact = options.iter().find(|option| *option == value);
            return match exact.or_else(|| options.iter().find(|option| is_same(option, value))) {
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
            "string" => validate_text(schema, value, loc),
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
        let Value::Object(object) = value else {
            return Err(vec![if component.is_some() || properties.is_some() {
                let text = "Input should be a valid dictionary or object to extract fields from";
                type_fault("model_attributes_type", text, loc, value)
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
                Some(name) => format!("enum[{name}]"),
                None => format!("literal[{}]", options.iter().map(python_repr).collect::<Vec<_>>().join(",")),
            };
        }
        let is_limited = |names: &[&str]| names.iter().any(|name| schema.get(*name).is_some());
        let limits = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];
        let constrained = |name: &str, is_limited: bool| {
            if is_limited { format!("constrained-{name}") } else { name.to_owned() }
        };
        match type_of(schema) {
            "integer" => constrained("int", is_limited(&limits)),
            "number" => constrained("float", is_limited(&limits)),
            "string" => constrained("str", is_limited(&["minLength", "maxLength", "pattern"])),
            "boolean" => "bool".to_owned(),
            "null" => "none".to_owned(),
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

fn validate_text(schema: &Value, value: &Value, loc: &[Value]) -> Outcome {
    let Value::String(text) = value else {
        return Err(vec![type_fault("string_type", "Input should be a valid string", loc, value)]);
    };
    match text_fault(schema, text, loc, value) {
        Some(fault) => Err(vec![fault]),
        None => Ok(value.clone()),
    }
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
