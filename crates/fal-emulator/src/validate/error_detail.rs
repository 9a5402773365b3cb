//! Single entries of the `detail` list, with the type, message and context of pydantic.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::{JsonType, ValidationError};
use serde_json::{Value, json};

use super::lax_scalar::{self, Scalar};

/// The most violations that are explained.
pub(super) const MAX_DETAILS: usize = 200;

/// An entry of the `detail` list.
pub(super) struct ErrorDetail {
    pub(super) loc: Vec<Value>,
    pub(super) kind: &'static str,
    message: String,
    input: Value,
    context: Option<Value>,
}

impl ErrorDetail {
    pub(super) fn into_json(self) -> Value {
        let mut json = json!({
            "type": self.kind, "loc": self.loc, "msg": self.message, "input": self.input,
        });
        if let Some(context) = self.context {
            json["ctx"] = context;
        }
        json
    }
}

/// Creates an entry without a context.
pub(super) fn type_fault(kind: &'static str, message: &str, loc: &[Value], input: &Value) -> ErrorDetail {
    ErrorDetail { loc: loc.to_vec(), kind, message: message.to_owned(), input: input.clone(), context: None }
}

/// Creates an entry with a context.
pub(super) fn context_fault(
    kind: &'static str,
    message: String,
    context: Value,
    loc: &[Value],
    input: &Value,
) -> ErrorDetail {
    ErrorDetail { loc: loc.to_vec(), kind, message, input: input.clone(), context: Some(context) }
}

/// Creates the entry for a tuple with too many items.
pub(super) fn long_tuple(most: usize, actual: usize, loc: &[Value], input: &Value) -> ErrorDetail {
    let items = plural(most as u64, "item");
    let message = format!("Tuple should have at most {most} {items} after validation, not {actual}");
    let context = json!({"field_type": "Tuple", "max_length": most, "actual_length": actual});
    context_fault("too_long", message, context, loc, input)
}

/// Creates the entry for a value without the property that tells the alternatives of a union apart.
pub(super) fn missing_tag(name: &str, loc: &[Value], input: &Value) -> ErrorDetail {
    let name = python_repr(&json!(name));
    let message = format!("Unable to extract tag using discriminator {name}");
    context_fault("union_tag_not_found", message, json!({"discriminator": name}), loc, input)
}

/// Creates the entry for a value whose property `name` names no alternative of a union.
pub(super) fn unknown_tag(
    name: &str,
    tag: &Value,
    expected: &[Value],
    loc: &[Value],
    input: &Value,
) -> ErrorDetail {
    let name = python_repr(&json!(name));
    let tag = tag.as_str().map_or_else(|| python_repr(tag), str::to_owned);
    let expected = expected.iter().map(python_repr).collect::<Vec<_>>().join(", ");
    let message =
        format!("Input tag '{tag}' found using {name} does not match any of the expected tags: {expected}");
    let context = json!({"discriminator": name, "tag": tag, "expected_tags": expected});
    context_fault("union_tag_invalid", message, context, loc, input)
}

/// Creates the entry for a value that a check in the app's own code refuses.
pub(super) fn value_fault(words: &str, loc: &[Value], input: &Value) -> ErrorDetail {
    let message = format!("Value error, {words}");
    context_fault("value_error", message, json!({"error": {}}), loc, input)
}

/// Creates the entry for a value that is not one of the literals.
pub(super) fn literal(allowed: &[Value], loc: &[Value], input: &Value) -> ErrorDetail {
    let (kind, message, context) = describe_literal(allowed);
    ErrorDetail { loc: loc.to_vec(), kind, message, input: input.clone(), context }
}

/// Creates the entry for a value that is not a member of an enum.
pub(super) fn enumeration(allowed: &[Value], loc: &[Value], input: &Value) -> ErrorDetail {
    ErrorDetail { kind: "enum", ..literal(allowed, loc, input) }
}

/// Creates the entry for a list that is too short or too long.
pub(super) fn sequence(
    kind: &'static str,
    bound: &str,
    key: &str,
    limit: u64,
    loc: &[Value],
    input: &Value,
) -> ErrorDetail {
    let (kind, message, context) = describe_sequence(kind, bound, key, limit, input);
    ErrorDetail { loc: loc.to_vec(), kind, message, input: input.clone(), context }
}

/// Returns a number that is an integer.
fn as_integer(number: &Value) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// Returns the entry for the first limit of a number schema that `number` breaks.
pub(super) fn number_fault(
    schema: &Value,
    number: &Value,
    loc: &[Value],
    input: &Value,
) -> Option<ErrorDetail> {
    let found = number.as_f64()?;
    let limit = |name: &str| schema.get(name).filter(|limit| limit.is_number());
    let breaks = |name: &str, is_broken: &dyn Fn(f64, f64) -> bool| {
        limit(name).filter(|limit| limit.as_f64().is_some_and(|limit| is_broken(found, limit)))
    };
    // With the tolerance of pydantic.
    let multiple = |found: f64, of: f64| {
        // A float does not hold all integers.
        if let (Some(found), true, true) = (as_integer(number), of.fract() == 0.0, of.abs() < 1e15) {
            return of != 0.0 && found % (of as i128) != 0;
        }
        let (rest, tolerance) = ((found % of).abs(), found.abs() / 1e9);
        of != 0.0 && rest > tolerance && (rest - of.abs()).abs() > tolerance
    };
    let fault = if let Some(limit) = breaks("multipleOf", &multiple) {
        ("multiple_of", "a multiple of", "multiple_of", limit)
    } else if let Some(limit) = breaks("maximum", &|found, limit| found > limit) {
        ("less_than_equal", "less than or equal to", "le", limit)
    } else if let Some(limit) = breaks("exclusiveMaximum", &|found, limit| found >= limit) {
        ("less_than", "less than", "lt", limit)
    } else if let Some(limit) = breaks("minimum", &|found, limit| found < limit) {
        ("greater_than_equal", "greater than or equal to", "ge", limit)
    } else {
        let limit = breaks("exclusiveMinimum", &|found, limit| found <= limit)?;
        ("greater_than", "greater than", "gt", limit)
    };
    let (kind, relation, key, limit) = fault;
    let shown = limit.as_f64().map_or_else(|| limit.clone(), whole_if_possible);
    Some(ErrorDetail {
        loc: loc.to_vec(),
        kind,
        message: format!("Input should be {relation} {shown}"),
        input: input.clone(),
        context: Some(json!({key: limit})),
    })
}

/// Returns the entry for the first limit on its length that a text breaks.
pub(super) fn text_fault(schema: &Value, text: &str, loc: &[Value], input: &Value) -> Option<ErrorDetail> {
    let length = text.chars().count() as u64;
    let limit = |name: &str| schema.get(name).and_then(Value::as_u64);
    let fault = |kind, bound: &str, key: &str, limit: u64| ErrorDetail {
        loc: loc.to_vec(),
        kind,
        message: format!("String should have at {bound} {limit} {}", plural(limit, "character")),
        input: input.clone(),
        context: Some(json!({key: limit})),
    };
    if let Some(least) = limit("minLength").filter(|least| length < *least) {
        return Some(fault("string_too_short", "least", "min_length", least));
    }
    let most = limit("maxLength").filter(|most| length > *most)?;
    Some(fault("string_too_long", "most", "max_length", most))
}

/// Returns the entries for one violation: several if it concerns several properties.
pub(super) fn error_details(error: &ValidationError<'_>, loc: Vec<Value>) -> Vec<ErrorDetail> {
    let input = error.instance().as_ref().clone();
    let at = |name: &Value, kind, message: &str, input| {
        let loc = loc.iter().chain([name]).cloned().collect();
        ErrorDetail { loc, kind, message: message.to_owned(), input, context: None }
    };
    match error.kind() {
        Kind::Required { property } => vec![at(property, "missing", "Field required", input)],
        Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => unexpected
            .iter()
            .map(|name| {
                let extra = input.get(name).cloned().unwrap_or_default();
                at(&json!(name), "extra_forbidden", "Extra inputs are not permitted", extra)
            })
            .collect(),
        _ => {
            let (kind, message, context) = describe(error, &input);
            vec![ErrorDetail { loc, kind, message, input, context }]
        }
    }
}

/// Returns the component whose own type was violated, and not the type of a part of it.
pub(super) fn component(error: &ValidationError<'_>) -> Option<String> {
    let rest = error.schema_path().as_str().strip_prefix("/components/schemas/")?;
    let (name, keyword) = rest.split_once('/')?;
    (!keyword.contains('/')).then(|| name.to_owned())
}

/// Returns the type, message and context of a violation.
fn describe(error: &ValidationError<'_>, input: &Value) -> (&'static str, String, Option<Value>) {
    let number = |kind, relation: &str, key: &str, limit: &Value| {
        (kind, format!("Input should be {relation} {limit}"), Some(json!({key: limit})))
    };
    match error.kind() {
        Kind::Minimum { limit } => number("greater_than_equal", "greater than or equal to", "ge", limit),
        Kind::Maximum { limit } => number("less_than_equal", "less than or equal to", "le", limit),
        Kind::ExclusiveMinimum { limit } => number("greater_than", "greater than", "gt", limit),
        Kind::ExclusiveMaximum { limit } => number("less_than", "less than", "lt", limit),
        Kind::MultipleOf { multiple_of } => {
            let limit = whole_if_possible(*multiple_of);
            number("multiple_of", "a multiple of", "multiple_of", &limit)
        }
        Kind::Enum { options } => describe_literal(options.as_array().map_or(&[], Vec::as_slice)),
        Kind::Constant { expected_value } => describe_literal(std::slice::from_ref(&**expected_value)),
        Kind::MaxLength { limit } => (
            "string_too_long",
            format!("String should have at most {limit} {}", plural(*limit, "character")),
            Some(json!({"max_length": limit})),
        ),
        Kind::MinLength { limit } => (
            "string_too_short",
            format!("String should have at least {limit} {}", plural(*limit, "character")),
            Some(json!({"min_length": limit})),
        ),
        Kind::MaxItems { limit } => describe_sequence("too_long", "most", "max_length", *limit, input),
        Kind::MinItems { limit } => describe_sequence("too_short", "least", "min_length", *limit, input),
        Kind::Pattern { pattern } => (
            "string_pattern_mismatch",
            format!("String should match pattern '{pattern}'"),
            Some(json!({"pattern": pattern})),
        ),
        Kind::Type { kind: TypeKind::Single(kind) } => {
            let (kind, message) = describe_type(*kind, input, component(error).is_some());
            (kind, message.to_owned(), None)
        }
        other => (
            "value_error",
            format!("Value error, {error}"),
            Some(json!({"error": {"keyword": other.keyword()}})),
        ),
    }
}

fn describe_type(kind: JsonType, input: &Value, is_model: bool) -> (&'static str, &'static str) {
    let fault = |scalar, default| lax_scalar::convert(scalar, input).err().unwrap_or(default);
    match kind {
        JsonType::Integer => fault(Scalar::Integer, lax_scalar::INT_TYPE),
        JsonType::Number => fault(Scalar::Number, lax_scalar::FLOAT_TYPE),
        JsonType::Boolean => fault(Scalar::Boolean, lax_scalar::BOOL_TYPE),
        JsonType::String => ("string_type", "Input should be a valid string"),
        JsonType::Array => ("list_type", "Input should be a valid list"),
        JsonType::Object if is_model => {
            ("model_attributes_type", "Input should be a valid dictionary or object to extract fields from")
        }
        JsonType::Object => ("dict_type", "Input should be a valid dictionary"),
        JsonType::Null => ("none_required", "Input should be None"),
    }
}

fn describe_literal(allowed: &[Value]) -> (&'static str, String, Option<Value>) {
    let quoted: Vec<String> = allowed.iter().map(python_repr).collect();
    let expected = match quoted.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} or {last}", first.join(", ")),
        _ => quoted.concat(),
    };
    let message = format!("Input should be {expected}");
    ("literal_error", message, Some(json!({"expected": expected})))
}

/// Returns a value as Python writes it in its source.
pub(super) fn python_repr(value: &Value) -> String {
    match value {
        Value::String(text) => {
            let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
            let mut quoted = String::from(quote);
            for letter in text.chars() {
                match letter {
                    '\n' => quoted.push_str("\\n"),
                    '\r' => quoted.push_str("\\r"),
                    '\t' => quoted.push_str("\\t"),
                    '\\' => quoted.push_str("\\\\"),
                    letter if letter == quote => quoted.extend(['\\', letter]),
                    letter if letter.is_ascii_control() => {
                        quoted.push_str(&format!("\\x{:02x}", u32::from(letter)));
                    }
                    letter => quoted.push(letter),
                }
            }
            quoted.push(quote);
            quoted
        }
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Null => "None".to_owned(),
        other => other.to_string(),
    }
}

fn describe_sequence(
    kind: &'static str,
    bound: &str,
    key: &str,
    limit: u64,
    input: &Value,
) -> (&'static str, String, Option<Value>) {
    let actual = input.as_array().map_or(0, Vec::len);
    let items = plural(limit, "item");
    (
        kind,
        format!("List should have at {bound} {limit} {items} after validation, not {actual}"),
        Some(json!({"field_type": "List", key: limit, "actual_length": actual})),
    )
}

fn plural(count: u64, noun: &str) -> String {
    if count == 1 { noun.to_owned() } else { format!("{noun}s") }
}

fn whole_if_possible(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e15 { json!(number as i64) } else { json!(number) }
}
