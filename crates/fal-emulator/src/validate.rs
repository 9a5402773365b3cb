//! Turns schema violations into the `detail` list fal's apps reply with (pydantic v2's words).

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{JsonType, ValidationError};
use serde_json::{Value, json};

use crate::models::Model;
use crate::validate::messages::{Problem, problem};

mod messages;

/// How many values a body may hold: a few bytes each could otherwise cost a thousand times as much memory.
const MAX_VALUES: usize = 200_000;
/// How many problems are explained.
const MAX_PROBLEMS: usize = 200;

/// What is wrong with an input, one entry a place, in the order of the parameters; empty when
/// nothing is.
///
/// # Errors
///
/// Why the model's own schema cannot be used.
pub(crate) fn detail(model: &Model, input: &Value) -> Result<Vec<Value>, String> {
    let validator = model.input_validator().map_err(Clone::clone)?;
    let mut problems = Vec::new();
    for error in validator.iter_errors(input) {
        explain(&error, &[], &mut problems);
        if problems.len() >= MAX_PROBLEMS {
            break;
        }
    }
    let (root, _) = model.components.resolve(&model.input);
    let order = root.get("x-fal-order-properties").and_then(Value::as_array);
    let rank = |problem: &Problem| {
        let name = problem.loc.get(1);
        order.and_then(|order| order.iter().position(|property| Some(property) == name)).unwrap_or(usize::MAX)
    };
    problems.sort_by_key(rank);
    Ok(first_of_each_place(problems).into_iter().map(Problem::into_json).collect())
}

/// A missing or unreadable body, as FastAPI words it.
pub(crate) fn body(bytes: &[u8]) -> Result<Value, Vec<Value>> {
    if bytes.is_empty() {
        return Err(vec![json!({
            "type": "missing", "loc": ["body"], "msg": "Field required", "input": null,
        })]);
    }
    if values(bytes) > MAX_VALUES {
        let reason = format!("fal-emulator takes {MAX_VALUES} values at most");
        return Err(vec![json!({
            "type": "json_invalid", "loc": ["body", 0], "msg": "JSON decode error",
            "input": {}, "ctx": {"error": reason},
        })]);
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let before = bytes.split(|byte| *byte == b'\n').take(error.line().saturating_sub(1));
        let at = before.map(|line| line.len() + 1).sum::<usize>() + error.column().saturating_sub(1);
        let text = error.to_string();
        let reason = text.split(" at line ").next().unwrap_or_default();
        vec![json!({
            "type": "json_invalid", "loc": ["body", at], "msg": "JSON decode error",
            "input": {}, "ctx": {"error": reason},
        })]
    })
}

/// How many values a JSON text can hold at most, without reading it as JSON.
fn values(bytes: &[u8]) -> usize {
    let (mut is_string, mut is_escaped, mut count) = (false, false, 1);
    for byte in bytes {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_string => is_escaped = true,
            b'"' => is_string = !is_string,
            b',' | b'[' | b'{' if !is_string => count += 1,
            _ => {}
        }
    }
    count
}

/// Adds the problems of one violation, going down into the alternatives that were meant.
fn explain(error: &ValidationError<'_>, labels: &[String], problems: &mut Vec<Problem>) {
    let (Kind::AnyOf { context } | Kind::OneOfNotValid { context }) = error.kind() else {
        problems.extend(problem(error, location(error.instance_path(), labels)));
        return;
    };
    let place = error.instance_path();
    let real: Vec<_> = context.iter().filter(|branch| !expects_null(branch, place)).collect();
    let meant: Vec<_> = real.iter().filter(|branch| fits(branch, place)).collect();
    let shown: Vec<_> = if meant.is_empty() { real.iter().collect() } else { meant };
    for branch in &shown {
        let mut labels = labels.to_vec();
        // pydantic names the alternative; with one candidate left the name would only be noise.
        if shown.len() > 1 {
            labels.extend(label(branch, place));
        }
        for error in branch.iter().take(MAX_PROBLEMS) {
            explain(error, &labels, problems);
        }
    }
}

/// Whether a branch took the value's JSON type and only minded what it holds.
fn fits(branch: &[ValidationError<'_>], place: &Location) -> bool {
    !branch.iter().any(|error| {
        error.instance_path() == place
            && match error.kind() {
                Kind::Type { .. } => true,
                Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                    !context.iter().any(|branch| fits(branch, place))
                }
                _ => false,
            }
    })
}

fn expects_null(branch: &[ValidationError<'_>], place: &Location) -> bool {
    branch.iter().any(|error| {
        error.instance_path() == place
            && matches!(error.kind(), Kind::Type { kind: TypeKind::Single(JsonType::Null) })
    })
}

/// The name pydantic would give an alternative: its component, or the Python type.
fn label(branch: &[ValidationError<'_>], place: &Location) -> Option<String> {
    let error = branch.iter().find(|error| error.instance_path() == place)?;
    if let Some(component) = component(error) {
        return Some(component);
    }
    let Kind::Type { kind: TypeKind::Single(kind) } = error.kind() else {
        return None;
    };
    let name = match kind {
        JsonType::Boolean => "bool",
        JsonType::Integer => "int",
        JsonType::Number => "float",
        JsonType::String => "str",
        JsonType::Array => "list",
        JsonType::Object => "dict",
        JsonType::Null => "none",
    };
    Some(name.to_owned())
}

/// The component whose own type, and not that of a part of it, was violated.
fn component(error: &ValidationError<'_>) -> Option<String> {
    let rest = error.schema_path().as_str().strip_prefix("/components/schemas/")?;
    let (name, keyword) = rest.split_once('/')?;
    (!keyword.contains('/')).then(|| name.to_owned())
}

fn location(path: &Location, labels: &[String]) -> Vec<Value> {
    let mut loc = vec![json!("body")];
    loc.extend(path.segments().map(|segment| match segment {
        LocationSegment::Property(name) => json!(name),
        LocationSegment::Index(index) => json!(index),
    }));
    loc.extend(labels.iter().map(|label| json!(label)));
    loc
}

/// pydantic stops at the first thing wrong with a value, and a literal checks nothing else.
fn first_of_each_place(problems: Vec<Problem>) -> Vec<Problem> {
    let mut kept: Vec<Problem> = Vec::new();
    for problem in problems {
        match kept.iter_mut().find(|other| other.loc == problem.loc) {
            Some(other) if problem.kind == "literal_error" => *other = problem,
            Some(_) => {}
            None => kept.push(problem),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::tests::model;

    fn check(properties: Value, input: Value) -> Value {
        let schema = json!({
            "type": "object", "required": ["prompt"], "properties": properties,
            "x-fal-order-properties": ["prompt", "size", "steps"],
        });
        Value::Array(detail(&model(schema, json!({})), &input).unwrap())
    }

    fn one(schema: Value, value: Value) -> Value {
        let mut found = check(json!({"v": schema}), json!({"prompt": "", "v": value}));
        assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
        found[0].take()
    }

    #[test]
    fn values_are_counted_outside_strings() {
        for (text, count) in
            [("1", 1), ("[]", 2), ("[1, 2]", 3), (r#"{"a,[{": "b\",["}"#, 2), (r#"["\\", 1]"#, 3)]
        {
            assert_eq!(values(text.as_bytes()), count, "{text}");
        }
        assert!(body(format!("[{}1]", "1,".repeat(MAX_VALUES)).as_bytes()).is_err());
        assert!(body(format!("\"{}\"", "1,".repeat(MAX_VALUES)).as_bytes()).is_ok());
    }

    #[test]
    fn problems_follow_the_order_of_the_parameters() {
        let properties =
            json!({"steps": {"type": "integer", "maximum": 50}, "size": {"enum": ["s", "m", "l"]}});
        let input = json!({"steps": 500, "size": "xl"});
        assert_eq!(
            check(properties, input.clone()),
            json!([
                {"type": "missing", "loc": ["body", "prompt"], "msg": "Field required", "input": input},
                {"type": "literal_error", "loc": ["body", "size"], "input": "xl",
                 "msg": "Input should be 's', 'm' or 'l'", "ctx": {"expected": "'s', 'm' or 'l'"}},
                {"type": "less_than_equal", "loc": ["body", "steps"], "input": 500,
                 "msg": "Input should be less than or equal to 50", "ctx": {"le": 50}},
            ])
        );
    }

    #[test]
    fn every_kind_has_pydantics_name() {
        let cases = [
            (json!({"type": "string"}), json!(1), "string_type"),
            (json!({"type": "integer"}), json!(1.5), "int_from_float"),
            (json!({"type": "integer"}), json!("x"), "int_parsing"),
            (json!({"type": "integer"}), json!([]), "int_type"),
            (json!({"type": "number"}), json!("x"), "float_parsing"),
            (json!({"type": "number"}), json!({}), "float_type"),
            (json!({"type": "boolean"}), json!("x"), "bool_parsing"),
            (json!({"type": "boolean"}), json!([]), "bool_type"),
            (json!({"type": "array"}), json!("x"), "list_type"),
            (json!({"type": "object"}), json!(1), "dict_type"),
            (json!({"const": "3"}), json!("4"), "literal_error"),
            (json!({"enum": ["a"], "type": "string"}), json!(4), "literal_error"),
            (json!({"minimum": 1}), json!(0), "greater_than_equal"),
            (json!({"exclusiveMinimum": 0}), json!(0), "greater_than"),
            (json!({"exclusiveMaximum": 1}), json!(1), "less_than"),
            (json!({"multipleOf": 8}), json!(12), "multiple_of"),
            (json!({"maxLength": 2}), json!("abc"), "string_too_long"),
            (json!({"minLength": 1}), json!(""), "string_too_short"),
            (json!({"maxItems": 1}), json!([1, 2]), "too_long"),
            (json!({"minItems": 1}), json!([]), "too_short"),
            (json!({"pattern": "^a"}), json!("b"), "string_pattern_mismatch"),
        ];
        for (schema, value, kind) in cases {
            let found = one(schema, value.clone());
            assert_eq!(found["type"], kind);
            assert_eq!(found["loc"], json!(["body", "v"]));
            assert_eq!(found["input"], value);
        }
    }

    #[test]
    fn an_optional_value_is_checked_as_what_it_is() {
        let schema = json!({"anyOf": [{"type": "integer", "maximum": 9}, {"type": "null"}]});
        let found = one(schema.clone(), json!(10));
        assert_eq!((&found["type"], &found["loc"]), (&json!("less_than_equal"), &json!(["body", "v"])));
        assert_eq!(one(schema, json!([]))["type"], "int_type");
    }

    #[test]
    fn of_several_alternatives_the_one_that_fits_is_explained() {
        let schema = json!({"anyOf": [
            {"type": "object", "properties": {"width": {"type": "integer", "minimum": 1}}},
            {"type": "string", "enum": ["square"]},
        ]});
        assert_eq!(one(schema.clone(), json!("round"))["type"], "literal_error");
        let found = one(schema.clone(), json!({"width": 0}));
        assert_eq!(found["loc"], json!(["body", "v", "width"]));
        let found = check(json!({"v": schema}), json!({"prompt": "", "v": 3}));
        assert_eq!(found[0]["loc"], json!(["body", "v", "dict"]));
        assert_eq!(found[1]["loc"], json!(["body", "v", "str"]));
    }

    #[test]
    fn bodies_that_are_no_json_say_where() {
        let found = body(b"{\"prompt\":\n \"a").unwrap_err();
        assert_eq!(found[0]["type"], "json_invalid");
        assert_eq!(found[0]["loc"], json!(["body", 13]));
        assert_eq!(body(b"").unwrap_err()[0]["type"], "missing");
        assert_eq!(body(b" {} ").unwrap(), json!({}));
    }
}
