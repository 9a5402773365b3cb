//! Validates inputs and explains violations in the `detail` list of fal's apps, worded as pydantic v2 does.

use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use jsonschema::paths::{Location, LocationSegment};
use jsonschema::{JsonType, ValidationError};
use serde_json::{Map, Value, json};

use crate::models::{Model, ParameterPlace, match_id};

mod error_detail;
mod format;
mod lax;
mod lax_scalar;
mod tagged_union;

pub(crate) use format::Format;
pub(crate) use tagged_union::TaggedUnion;

use error_detail::{ErrorDetail, MAX_DETAILS, component, error_details, value_fault};
use lax::LaxValidator;

/// The most values in a body. A parsed value takes far more memory than the two bytes it may be written in.
const MAX_VALUES: usize = 200_000;

/// The longest part of a body that a refusal repeats, in characters.
const MAX_SHOWN_BODY: usize = 10_000;

/// An input that was checked.
pub(crate) enum CheckedInput {
    /// With its numbers and booleans converted, if they were written as text or as another type of number.
    Accepted(Value),
    /// With the violations in the order of the model's parameters.
    Refused(Vec<Value>),
}

/// Validates an input as fal's apps do: by pydantic, in its lax mode.
///
/// # Errors
///
/// Returns the reason if the model's own schema is unusable.
pub(crate) fn check_input(model: &Model, input: Value) -> Result<CheckedInput, String> {
    let validator = model.input_validator().map_err(Clone::clone)?;
    // This also says that texts are in their format and that unions have their tags; see `Components::validator`.
    if validator.is_valid(&input) {
        // To JSON Schema, 2.0 is an integer. To the model, it has to be 2. Other values are in their types already.
        let converted = if holds_whole_float(&input) {
            LaxValidator::new(model).validate(&model.input, &input, &[json!("body")], 0).ok()
        } else {
            None
        };
        return Ok(CheckedInput::Accepted(converted.unwrap_or(input)));
    }
    let mut details = match LaxValidator::new(model).validate(&model.input, &input, &[json!("body")], 0) {
        Ok(converted) if validator.is_valid(&converted) => return Ok(CheckedInput::Accepted(converted)),
        // A rule that pydantic does not have.
        Ok(converted) => {
            let mut details = Vec::new();
            // The converter has judged these already: fractions are multiples within a tolerance only, and the first
            // alternative of a union that fits is taken.
            let is_judged = |error: &ValidationError<'_>| {
                matches!(
                    error.kind(),
                    Kind::MultipleOf { .. } | Kind::OneOfMultipleValid { .. } | Kind::Format { .. }
                )
            };
            for error in validator.iter_errors(&converted) {
                match rule_words(model, &error) {
                    None if is_judged(&error) => {}
                    Some(words) => {
                        let loc = location(error.instance_path(), &[]);
                        details.push(value_fault(words, &loc, &converted));
                    }
                    None => explain(&error, &[], &mut details),
                }
                if details.len() >= MAX_DETAILS {
                    break;
                }
            }
            if details.is_empty() {
                return Ok(CheckedInput::Accepted(converted));
            }
            keep_first_per_location(details)
        }
        Err(details) => details,
    };
    let (root, _) = model.components.resolve(&model.input);
    let order = root.get("x-fal-order-properties").and_then(Value::as_array);
    let rank = |detail: &ErrorDetail| {
        let name = detail.loc.get(1);
        order.and_then(|order| order.iter().position(|property| Some(property) == name)).unwrap_or(usize::MAX)
    };
    details.sort_by_key(rank);
    details.truncate(MAX_DETAILS);
    Ok(CheckedInput::Refused(details.into_iter().map(ErrorDetail::into_json).collect()))
}

/// Returns true if a number without a fraction is written as a float somewhere in a value.
fn holds_whole_float(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.is_f64() && number.as_f64().is_some_and(|float| float.fract() == 0.0),
        Value::Array(items) => items.iter().any(holds_whole_float),
        Value::Object(members) => members.values().any(holds_whole_float),
        _ => false,
    }
}

/// Checks the parameters in the path and the query of a call. Returns those that are set, with everything converted, and the
/// violations in the order of the model's parameters.
pub(crate) fn check_parameters(
    model: &Model,
    id: &str,
    query: &[(String, String)],
) -> (Map<String, Value>, Vec<Value>) {
    let path = if model.parameters.is_empty() { None } else { match_id(&model.id, id) };
    let (mut values, mut problems) = (Map::new(), Vec::new());
    for parameter in &model.parameters {
        let name = parameter.name.as_str();
        let (schema, _) = model.components.resolve(&parameter.schema);
        let mut given = query.iter().filter(|(key, _)| key == name).map(|(_, value)| json!(value));
        let value = match parameter.place {
            ParameterPlace::Path => {
                let found = path.iter().flatten().find(|(key, _)| *key == name);
                found.map(|(_, value)| json!(value))
            }
            ParameterPlace::Query if takes_list(schema) => {
                let all: Vec<Value> = given.collect();
                (!all.is_empty()).then(|| json!(all))
            }
            // Of a parameter that is repeated, the last value counts.
            ParameterPlace::Query => given.next_back(),
        };
        let loc = [json!(parameter.place.name()), json!(name)];
        match value {
            Some(value) => match LaxValidator::new(model).validate(&parameter.schema, &value, &loc, 0) {
                Ok(converted) => drop(values.insert(name.to_owned(), converted)),
                Err(details) => problems.extend(details.into_iter().map(ErrorDetail::into_json)),
            },
            None if parameter.is_required => {
                problems.push(json!({"type": "missing", "loc": loc, "msg": "Field required", "input": null}));
            }
            None => {}
        }
    }
    (values, problems)
}

/// Returns true if a parameter of a query is a list, also one that may be null.
fn takes_list(schema: &Value) -> bool {
    let is_list = |schema: &Value| schema.get("type").is_some_and(|kind| kind == "array");
    is_list(schema) || schema.get("anyOf").and_then(Value::as_array).into_iter().flatten().any(is_list)
}

/// Parses a JSON body.
///
/// # Errors
///
/// Returns FastAPI's `detail` list for a missing or malformed body.
pub(crate) fn parse_body(bytes: &[u8]) -> Result<Value, Vec<Value>> {
    if bytes.is_empty() {
        return Err(vec![json!({
            "type": "missing", "loc": ["body"], "msg": "Field required", "input": null,
        })]);
    }
    if count_values(bytes) > MAX_VALUES {
        let reason = format!("fal-emulator accepts at most {MAX_VALUES} values");
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

/// Checks that a body is declared as JSON, or not declared at all.
///
/// # Errors
///
/// Returns FastAPI's `detail` list: to it, any other body is a text, which is no input.
pub(crate) fn check_content_type(content_type: Option<&[u8]>, body: &[u8]) -> Result<(), Vec<Value>> {
    let text = String::from_utf8_lossy(content_type.unwrap_or_default()).to_ascii_lowercase();
    let kind = text.split(';').next().unwrap_or_default().trim();
    let is_json =
        kind.strip_prefix("application/").is_some_and(|kind| kind == "json" || kind.ends_with("+json"));
    if kind.is_empty() || is_json || body.is_empty() {
        return Ok(());
    }
    let message = "Input should be a valid dictionary or object to extract fields from";
    let shown: String = String::from_utf8_lossy(body).chars().take(MAX_SHOWN_BODY).collect();
    Err(vec![json!({"type": "model_attributes_type", "loc": ["body"], "msg": message, "input": shown})])
}

/// Returns an upper bound for the number of values in a JSON text, without parsing it.
fn count_values(bytes: &[u8]) -> usize {
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

/// Returns the description of the rule about the parameters of an input that a violation is about: a part of `allOf` beside
/// properties.
fn rule_words<'m>(model: &'m Model, error: &ValidationError<'_>) -> Option<&'m str> {
    let (owner, rest) = error.schema_path().as_str().split_once("/allOf/")?;
    let schema = if owner.is_empty() { &model.input } else { model.openapi.pointer(owner)? };
    schema.get("properties")?;
    let index: usize = rest.split('/').next()?.parse().ok()?;
    schema.get("allOf")?.get(index)?.get("description")?.as_str()
}

/// Adds the details of one violation. Of several alternatives, those are explained that the input resembles.
fn explain(error: &ValidationError<'_>, labels: &[String], details: &mut Vec<ErrorDetail>) {
    let (Kind::AnyOf { context } | Kind::OneOfNotValid { context }) = error.kind() else {
        details.extend(error_details(error, location(error.instance_path(), labels)));
        return;
    };
    let path = error.instance_path();
    let real: Vec<_> = context.iter().filter(|branch| !expects_null(branch, path)).collect();
    let meant: Vec<_> = real.iter().filter(|branch| has_right_type(branch, path)).collect();
    let shown: Vec<_> = if meant.is_empty() { real.iter().collect() } else { meant };
    for branch in &shown {
        let mut labels = labels.to_vec();
        // pydantic names the alternative, which only helps if there are several.
        if shown.len() > 1 {
            labels.extend(label(branch, path));
        }
        for error in branch.iter().take(MAX_DETAILS) {
            explain(error, &labels, details);
        }
    }
}

/// Returns true if an alternative accepts the value's JSON type and only rejects its content.
fn has_right_type(branch: &[ValidationError<'_>], path: &Location) -> bool {
    !branch.iter().any(|error| {
        error.instance_path() == path
            && match error.kind() {
                Kind::Type { .. } => true,
                Kind::AnyOf { context } | Kind::OneOfNotValid { context } => {
                    !context.iter().any(|branch| has_right_type(branch, path))
                }
                _ => false,
            }
    })
}

fn expects_null(branch: &[ValidationError<'_>], path: &Location) -> bool {
    branch.iter().any(|error| {
        error.instance_path() == path
            && matches!(error.kind(), Kind::Type { kind: TypeKind::Single(JsonType::Null) })
    })
}

/// Returns the name that pydantic gives an alternative: its component, or the Python type.
fn label(branch: &[ValidationError<'_>], path: &Location) -> Option<String> {
    let error = branch.iter().find(|error| error.instance_path() == path)?;
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

fn location(path: &Location, labels: &[String]) -> Vec<Value> {
    let mut loc = vec![json!("body")];
    loc.extend(path.segments().map(|segment| match segment {
        LocationSegment::Property(name) => json!(name),
        LocationSegment::Index(index) => json!(index),
    }));
    loc.extend(labels.iter().map(|label| json!(label)));
    loc
}

/// Keeps one violation per location. pydantic reports only the first, but prefers the error that a value is not
/// one of the literals.
fn keep_first_per_location(details: Vec<ErrorDetail>) -> Vec<ErrorDetail> {
    let mut kept: Vec<ErrorDetail> = Vec::new();
    for detail in details {
        match kept.iter_mut().find(|other| other.loc == detail.loc) {
            Some(other) if detail.kind == "literal_error" => *other = detail,
            Some(_) => {}
            None => kept.push(detail),
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
        match check_input(&model(schema, json!({})), input).unwrap() {
            CheckedInput::Accepted(_) => json!([]),
            CheckedInput::Refused(details) => Value::Array(details),
        }
    }

    fn check_value(schema: Value, value: Value) -> Value {
        let mut found = check(json!({"v": schema}), json!({"prompt": "", "v": value}));
        assert_eq!(found.as_array().unwrap().len(), 1, "{found}");
        found[0].take()
    }

    #[test]
    fn only_values_outside_strings_count() {
        for (text, count) in
            [("1", 1), ("[]", 2), ("[1, 2]", 3), (r#"{"a,[{": "b\",["}"#, 2), (r#"["\\", 1]"#, 3)]
        {
            assert_eq!(count_values(text.as_bytes()), count, "{text}");
        }
        assert!(parse_body(format!("[{}1]", "1,".repeat(MAX_VALUES)).as_bytes()).is_err());
        assert!(parse_body(format!("\"{}\"", "1,".repeat(MAX_VALUES)).as_bytes()).is_ok());
    }

    #[test]
    fn violations_follow_the_order_of_the_parameters() {
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
    fn a_broken_rule_about_several_parameters_is_told_in_its_words() {
        let schema = json!({
            "type": "object",
            "properties": {"prompt": {"type": "string"}, "shots": {"type": "integer"}},
            "allOf": [{"description": "One of them.", "oneOf": [{"required": ["prompt"]}, {"required": ["shots"]}]}],
        });
        let model = model(schema, json!({}));
        for input in [json!({}), json!({"prompt": "a", "shots": 1})] {
            let Ok(CheckedInput::Refused(details)) = check_input(&model, input.clone()) else {
                panic!("{input} was accepted")
            };
            let expected = json!({"type": "value_error", "loc": ["body"], "msg": "Value error, One of them.",
                "input": input, "ctx": {"error": {}}});
            assert_eq!(details, [expected]);
        }
        // Other mistakes are found as without the rule.
        let Ok(CheckedInput::Accepted(converted)) = check_input(&model, json!({"shots": "3"})) else {
            panic!("a number in a text was refused")
        };
        assert_eq!(converted, json!({"shots": 3}));
    }

    #[test]
    fn every_violation_has_the_type_of_pydantic() {
        let cases = [
            (json!({"type": "string"}), json!(1), "string_type"),
            (json!({"type": "integer"}), json!(1.5), "int_from_float"),
            (json!({"type": "integer"}), json!("9".repeat(4301)), "int_parsing_size"),
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
            (json!({"type": "integer", "minimum": 1}), json!("0"), "greater_than_equal"),
            (json!({"minimum": 1}), json!(0), "greater_than_equal"),
            (json!({"exclusiveMinimum": 0}), json!(0), "greater_than"),
            (json!({"exclusiveMaximum": 1}), json!(1), "less_than"),
            (json!({"multipleOf": 8, "type": "integer"}), json!(12), "multiple_of"),
            (json!({"multipleOf": 1e-6, "type": "number"}), json!(0.00000015), "multiple_of"),
            (json!({"maxLength": 2}), json!("abc"), "string_too_long"),
            (json!({"minLength": 1}), json!(""), "string_too_short"),
            (json!({"maxItems": 1}), json!([1, 2]), "too_long"),
            (json!({"minItems": 1}), json!([]), "too_short"),
            (json!({"pattern": "^a"}), json!("b"), "string_pattern_mismatch"),
        ];
        for (schema, value, kind) in cases {
            let found = check_value(schema, value.clone());
            assert_eq!(found["type"], kind);
            assert_eq!(found["loc"], json!(["body", "v"]));
            assert_eq!(found["input"], value);
        }
    }

    #[test]
    fn a_violation_of_an_optional_value_does_not_mention_null() {
        let schema = json!({"anyOf": [{"type": "integer", "maximum": 9}, {"type": "null"}]});
        let found = check_value(schema.clone(), json!(10));
        assert_eq!((&found["type"], &found["loc"]), (&json!("less_than_equal"), &json!(["body", "v"])));
        assert_eq!(check_value(schema, json!([]))["type"], "int_type");
    }

    #[test]
    fn the_alternative_that_the_value_resembles_is_explained() {
        let schema = json!({"anyOf": [
            {"type": "object", "properties": {"width": {"type": "integer", "minimum": 1}}},
            {"type": "string", "enum": ["square"]},
        ]});
        let of = |value: Value| -> Vec<String> {
            let found = check(json!({"v": schema}), json!({"prompt": "", "v": value}));
            found.as_array().unwrap().iter().map(|detail| detail["loc"].to_string()).collect()
        };
        let literal = r#"["body","v","literal['square']"]"#;
        assert_eq!(of(json!("round")), [r#"["body","v","dict[str,any]"]"#, literal]);
        assert_eq!(of(json!({"width": 0})), [r#"["body","v","dict[str,any]","width"]"#, literal]);
        assert_eq!(of(json!("square")), [""; 0]);
        assert_eq!(of(json!({"width": "5"})), [""; 0]);
    }

    #[test]
    fn lists_literals_and_large_integers_are_judged_as_python_does() {
        // The length comes before the items.
        let lists = json!({"type": "array", "maxItems": 1, "items": {"type": "array"}});
        assert_eq!(check_value(lists, json!([1, 2]))["type"], "too_long");
        let of = |schema: Value, value: Value| check(json!({"v": schema}), json!({"prompt": "", "v": value}));
        for (value, is_accepted) in
            [(json!(true), true), (json!(2.0), true), (json!(false), false), (json!("1"), false)]
        {
            let found = of(json!({"type": "integer", "enum": [1, 2, 4]}), value.clone());
            assert_eq!(found == json!([]), is_accepted, "{value}: {found}");
        }
        let even = json!({"type": "integer", "multipleOf": 8});
        assert_eq!(check_value(even.clone(), json!(9_007_199_254_740_993_i64))["type"], "multiple_of");
        assert_eq!(of(even, json!(9_007_199_254_740_992_i64)), json!([]));
        // Alternatives with the same name are each reported.
        let limited = |most: u32| json!({"type": "integer", "maximum": most});
        let union = json!({"anyOf": [limited(8), limited(9), {"type": "boolean"}]});
        assert_eq!(of(union, json!("x")).as_array().unwrap().len(), 3);
    }

    #[test]
    fn fractions_are_multiples_within_a_tolerance() {
        let properties = json!({"rate": {"type": "number", "multipleOf": 1e-6}});
        for rate in [json!(0.0007), json!(0.09999999999999999), json!(1e-6), json!("0.0005"), json!(0)] {
            assert_eq!(check(properties.clone(), json!({"prompt": "", "rate": rate})), json!([]), "{rate}");
        }
    }

    #[test]
    fn accepted_values_have_the_type_of_their_parameter() {
        let nullable = |kind: &str| json!({"anyOf": [{"type": kind}, {"type": "null"}]});
        let sizes = json!({"anyOf": [
            {"type": "string", "enum": ["square"]},
            {"type": "object", "properties": {"width": {"type": "integer"}}},
        ]});
        for (schema, value, expected) in [
            (json!({"type": "integer"}), json!(2.0), json!(2)),
            (json!({"type": "integer"}), json!(1e3), json!(1000)),
            (json!({"type": "integer"}), json!(-0.0), json!(0)),
            (json!({"type": "integer"}), json!("2"), json!(2)),
            (json!({"type": "integer"}), json!(" 2.0 "), json!(2)),
            (json!({"type": "integer"}), json!(true), json!(1)),
            (json!({"type": "integer", "enum": [1, 2]}), json!(2.0), json!(2)),
            (json!({"type": "number"}), json!("2.5"), json!(2.5)),
            (json!({"type": "number"}), json!(2.0), json!(2.0)),
            (json!({"type": "number"}), json!(true), json!(1.0)),
            (json!({"type": "boolean"}), json!("true"), json!(true)),
            (json!({"type": "boolean"}), json!("off"), json!(false)),
            (json!({"type": "boolean"}), json!("1"), json!(true)),
            (json!({"type": "boolean"}), json!(1), json!(true)),
            (json!({"type": "boolean"}), json!(0.0), json!(false)),
            (nullable("integer"), json!(2.0), json!(2)),
            (nullable("boolean"), json!("no"), json!(false)),
            (json!({"anyOf": [{"type": "integer"}, {"type": "string"}]}), json!(2.0), json!(2)),
            (json!({"anyOf": [{"type": "integer"}, {"type": "number"}]}), json!(2.0), json!(2.0)),
            (json!({"type": "array", "items": {"type": "integer"}}), json!([1.0, 2]), json!([1, 2])),
            (sizes, json!({"width": 640.0}), json!({"width": 640})),
            // Not for a converter: any value is allowed.
            (json!({}), json!([2.0, "2"]), json!([2.0, "2"])),
        ] {
            let model = model(json!({"type": "object", "properties": {"v": schema}}), json!({}));
            let Ok(CheckedInput::Accepted(found)) = check_input(&model, json!({"v": value})) else {
                panic!("{schema} refuses {value}")
            };
            assert_eq!(found["v"], expected, "{schema} {value}");
        }
    }

    /// Checks an input of the recorded cases; see `tests/pydantic/generate.py`.
    fn compare(model: &Model, case: &Value) -> Option<String> {
        let sorted = |details: &[Value]| {
            let mut lines: Vec<String> = details
                .iter()
                .map(|detail| {
                    let numbers = |value: &Value| value.to_string().replace(".0}", "}");
                    let context = numbers(detail.get("ctx").unwrap_or(&Value::Null));
                    format!("{} {} {} {context}", detail["type"], detail["loc"], detail["msg"])
                })
                .collect();
            lines.sort();
            lines
        };
        let input = &case["input"];
        let expected = case.get("errors").and_then(Value::as_array).map(|errors| sorted(errors));
        let found = match check_input(model, input.clone()).unwrap() {
            CheckedInput::Accepted(_) => None,
            CheckedInput::Refused(details) => Some(sorted(&details)),
        };
        (found != expected).then(|| format!("{input}\n   here: {found:?}\n   pydantic: {expected:?}"))
    }

    #[test]
    fn verdicts_are_those_of_pydantic() {
        let recorded = match std::env::var("PYDANTIC_CASES") {
            Ok(path) => std::fs::read_to_string(path).unwrap(),
            Err(_) => include_str!("../tests/pydantic/cases.json").to_owned(),
        };
        let recorded: Value = serde_json::from_str(&recorded).unwrap();
        let (mut count, mut differences) = (0, Vec::new());
        for group in recorded["groups"].as_array().unwrap() {
            let mut document = json!({
                "info": {"x-fal-metadata": {"endpointId": "acme/app"}},
                "paths": {"/acme/app": {"post": {
                    "requestBody": {"content": {"application/json": {"schema": {
                        "$ref": format!("#/components/schemas/{}", group["name"].as_str().unwrap())}}}},
                    "responses": {"200": {"content": {"application/json": {"schema": {}}}}},
                }}},
            });
            document["components"] = json!({"schemas": group["components"]});
            let model = Model::parse(document).unwrap().unwrap();
            let cases = group["cases"].as_array().unwrap();
            count += cases.len();
            differences.extend(cases.iter().filter_map(|case| compare(&model, case)));
        }
        let shown = differences.iter().take(30).cloned().collect::<Vec<_>>().join("\n");
        assert!(differences.is_empty(), "{} of {count} differ:\n{shown}", differences.len());
        assert!(count >= 4000);
    }

    #[test]
    fn bodies_of_another_type_than_json_are_texts() {
        let check = |kind: &'static str| check_content_type(Some(kind.as_bytes()), b"{}");
        for kind in ["application/json", "Application/JSON; charset=utf-8", "application/problem+json", ""] {
            assert!(check(kind).is_ok(), "{kind}");
        }
        assert!(
            check_content_type(None, b"{}").is_ok() && check_content_type(Some(b"text/plain"), b"").is_ok()
        );
        for kind in ["text/plain", "application/x-www-form-urlencoded", "text/json", "application/jsonp"] {
            let found = check(kind).unwrap_err();
            assert_eq!(
                (&found[0]["type"], &found[0]["loc"]),
                (&json!("model_attributes_type"), &json!(["body"]))
            );
            assert_eq!(found[0]["input"], "{}", "{kind}");
        }
    }

    #[test]
    fn malformed_bodies_are_reported_with_their_position() {
        let found = parse_body(b"{\"prompt\":\n \"a").unwrap_err();
        assert_eq!(found[0]["type"], "json_invalid");
        assert_eq!(found[0]["loc"], json!(["body", 13]));
        assert_eq!(parse_body(b"").unwrap_err()[0]["type"], "missing");
        assert_eq!(parse_body(b" {} ").unwrap(), json!({}));
    }
}
