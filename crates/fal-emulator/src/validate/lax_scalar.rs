//! Conversions of scalars, as pydantic does them in its lax mode.

use serde_json::{Number, Value, json};

/// A scalar type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scalar {
    Integer,
    Number,
    Boolean,
}

/// The type and the message of an error.
pub(super) type Fault = (&'static str, &'static str);

pub(super) const INT_TYPE: Fault = ("int_type", "Input should be a valid integer");
const INT_PARSING: Fault =
    ("int_parsing", "Input should be a valid integer, unable to parse string as an integer");
const INT_PARSING_SIZE: Fault =
    ("int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size");
const INT_FROM_FLOAT: Fault =
    ("int_from_float", "Input should be a valid integer, got a number with a fractional part");
pub(super) const FLOAT_TYPE: Fault = ("float_type", "Input should be a valid number");
const FLOAT_PARSING: Fault =
    ("float_parsing", "Input should be a valid number, unable to parse string as a number");
pub(super) const BOOL_TYPE: Fault = ("bool_type", "Input should be a valid boolean");
const BOOL_PARSING: Fault = ("bool_parsing", "Input should be a valid boolean, unable to interpret input");

/// The longest text of an integer that pydantic reads, in bytes.
const MAX_DIGITS: usize = 4300;

/// Returns the value if it has exactly this type.
pub(super) fn strict(scalar: Scalar, value: &Value) -> Result<Value, Fault> {
    let is_exact = match scalar {
        Scalar::Integer => value.is_i64() || value.is_u64(),
        // An integer is a float even in strict mode.
        Scalar::Number => value.is_number(),
        Scalar::Boolean => value.is_boolean(),
    };
    if is_exact { Ok(value.clone()) } else { convert(scalar, value).and(Err(INT_TYPE)) }
}

/// Converts a value to a type.
pub(super) fn convert(scalar: Scalar, value: &Value) -> Result<Value, Fault> {
    match scalar {
        Scalar::Integer => to_integer(value),
        Scalar::Number => to_number(value),
        Scalar::Boolean => to_boolean(value),
    }
}

fn to_integer(value: &Value) -> Result<Value, Fault> {
    match value {
        Value::Bool(bit) => Ok(json!(u8::from(*bit))),
        Value::Number(number) if number.is_f64() => {
            let number = number.as_f64().unwrap_or_default();
            whole(number).ok_or(INT_FROM_FLOAT)
        }
        Value::Number(_) => Ok(value.clone()),
        Value::String(text) if text.trim().len() > MAX_DIGITS => Err(INT_PARSING_SIZE),
        Value::String(text) => parse_integer(text).ok_or(INT_PARSING),
        _ => Err(INT_TYPE),
    }
}

fn to_number(value: &Value) -> Result<Value, Fault> {
    match value {
        Value::Bool(bit) => Ok(json!(f64::from(u8::from(*bit)))),
        Value::Number(_) => Ok(value.clone()),
        Value::String(text) => parse_number(text).ok_or(FLOAT_PARSING),
        _ => Err(FLOAT_TYPE),
    }
}

fn to_boolean(value: &Value) -> Result<Value, Fault> {
    let bit = |whole: Option<i64>| match whole {
        Some(0) => Ok(Value::Bool(false)),
        Some(1) => Ok(Value::Bool(true)),
        _ => Err(BOOL_PARSING),
    };
    match value {
        Value::Bool(_) => Ok(value.clone()),
        Value::Number(number) if number.is_f64() => match whole(number.as_f64().unwrap_or_default()) {
            Some(whole) if whole.is_i64() => bit(whole.as_i64()),
            _ => Err(BOOL_TYPE),
        },
        Value::Number(number) => bit(number.as_i64()),
        Value::String(text) => match text.to_ascii_lowercase().as_str() {
            "1" | "on" | "t" | "true" | "y" | "yes" => Ok(Value::Bool(true)),
            "0" | "off" | "f" | "false" | "n" | "no" => Ok(Value::Bool(false)),
            _ => Err(BOOL_PARSING),
        },
        _ => Err(BOOL_TYPE),
    }
}

/// Returns a number without a fraction as an integer.
fn whole(number: f64) -> Option<Value> {
    let is_whole = number.fract() == 0.0 && number.is_finite();
    // Beyond this, the number stays as it is, because no integer type holds it.
    let fits = number.abs() < 9.2e18;
    is_whole.then(|| if fits { json!(number as i64) } else { json!(number) })
}

/// Parses `5`, `+5`, `-5`, `007`, `1_000` and `5.0`, also with white space around them.
fn parse_integer(text: &str) -> Option<Value> {
    let text = text.trim();
    let (digits, fraction) = text.split_once('.').map_or((text, None), |(digits, rest)| (digits, Some(rest)));
    if !fraction.is_none_or(|zeros| !zeros.is_empty() && zeros.bytes().all(|byte| byte == b'0')) {
        return None;
    }
    let plain = without_underscores(digits)?;
    let number = plain.strip_prefix('+').unwrap_or(&plain);
    if number.is_empty() || !number.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if let Ok(number) = number.parse::<i64>() {
        return Some(json!(number));
    }
    number.parse::<u64>().map(Value::from).or_else(|_| number.parse::<f64>().map(Value::from)).ok()
}

fn parse_number(text: &str) -> Option<Value> {
    let plain = without_underscores(text.trim())?;
    let number = plain.parse::<f64>().ok()?;
    Number::from_f64(number).map(Value::Number)
}

/// Removes single underscores between digits. Returns `None` if there are others.
fn without_underscores(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let is_digit =
        |index: Option<usize>| index.and_then(|index| bytes.get(index)).is_some_and(u8::is_ascii_digit);
    let is_between = |index: usize| is_digit(index.checked_sub(1)) && is_digit(Some(index + 1));
    let all = bytes.iter().enumerate().all(|(index, byte)| *byte != b'_' || is_between(index));
    all.then(|| text.replace('_', ""))
}
