//! The mistakes of an input, a line each, in the words of the client.

use serde_json::Value;

use crate::model::{Kind, Parameter};

/// The longest value that a line repeats, in characters.
const MAX_VALUE: usize = 60;
/// The most listed values that a line repeats.
const MAX_CHOICES: usize = 12;

/// Returns the line for a parameter that is missing.
pub(super) fn missing(name: &str) -> String {
    format!("{name}: is required")
}

/// Returns the lines for names that the model does not have.
pub(super) fn unknown_names(json: &Value, parameters: &[Parameter]) -> Vec<String> {
    let names = json.as_object().into_iter().flat_map(|object| object.keys());
    let is_known = |name: &&String| parameters.iter().any(|parameter| parameter.name == **name);
    names.filter(|name| !is_known(name)).map(|name| unknown_name(name, parameters)).collect()
}

/// Returns the line for a name that the model does not have.
pub(super) fn unknown_name(name: &str, parameters: &[Parameter]) -> String {
    let names = || parameters.iter().map(|parameter| parameter.name.as_str());
    let written = name.replace('-', "_");
    let nearest = names()
        .map(|known| (strsim::damerau_levenshtein(&written, known), known))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, known)| *distance <= known.chars().count() / 3 + 1);
    // A word of a longer name is a near miss too.
    let part = || names().find(|known| known.split('_').any(|word| word == written));
    let remedy = match nearest.map(|(_, known)| known).or_else(part) {
        Some(known) => format!("did you mean `{known}`?"),
        None if parameters.is_empty() => "the model takes none".to_owned(),
        None => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
    };
    format!("{name}: there is no such parameter; {remedy}")
}

/// Returns a line for each violation of fal's `detail` list.
pub(super) fn lines(details: &[Value], parameters: &[Parameter]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let place = |detail: &Value| detail["loc"].as_array().map(|loc| loc[1..].to_vec()).unwrap_or_default();
    for detail in details {
        let own = place(detail);
        let loc: Vec<&Value> = own.iter().collect();
        // An alternative that fits but for a part of it is meant, and the other ones are not.
        if loc.len() <= 2
            && details.iter().map(place).any(|other| other.len() > 2 && other.first() == own.first())
        {
            continue;
        }
        let first = loc.first().and_then(|name| name.as_str());
        let parameter = first.and_then(|name| parameters.iter().find(|parameter| parameter.name == name));
        let line = match parameter {
            // The alternatives of a union each have a complaint of their own.
            Some(parameter) if is_about_alternatives(parameter, &loc, detail) => {
                alternatives(parameter, detail)
            }
            _ => format!("{}{}", path(&loc), message(detail)),
        };
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

/// Returns true for a complaint about the value as a whole, of one of several alternatives.
fn is_about_alternatives(parameter: &Parameter, loc: &[&Value], detail: &Value) -> bool {
    matches!(parameter.kind, Kind::Union(_)) && loc.len() <= 2 && !detail["input"].is_object()
}

fn alternatives(parameter: &Parameter, detail: &Value) -> String {
    format!(
        "{}: must be {}, not {}",
        parameter.name,
        shorten_choices(&parameter.kind),
        shown(&detail["input"])
    )
}

fn shorten_choices(kind: &Kind) -> String {
    match kind {
        Kind::Union(kinds) => kinds.iter().map(shorten_choices).collect::<Vec<_>>().join(" or "),
        Kind::Choice(values) => choices(values),
        other => other.text(),
    }
}

/// Returns listed values in words.
fn choices(values: &[Value]) -> String {
    let quoted: Vec<String> = values
        .iter()
        .take(MAX_CHOICES)
        .map(|value| format!("`{}`", crate::model::parameter::value_text(value)))
        .collect();
    match values.len().saturating_sub(MAX_CHOICES) {
        0 => format!("one of {}", quoted.join(", ")),
        more => format!("one of {} and {more} more", quoted.join(", ")),
    }
}

/// Returns the place of a value, such as `image_size.width: `.
fn path(loc: &[&Value]) -> String {
    // The names that pydantic gives alternatives are no part of the place.
    let is_label = |text: &str| text.contains('[') || text.chars().next().is_some_and(char::is_uppercase);
    let parts: Vec<String> = loc
        .iter()
        .enumerate()
        .filter(|(index, part)| *index == 0 || !part.as_str().is_some_and(is_label))
        .map(|(_, part)| crate::model::parameter::value_text(part))
        .collect();
    if parts.is_empty() { String::new() } else { format!("{}: ", parts.join(".")) }
}

/// Returns the rule that was broken, and the value.
fn message(detail: &Value) -> String {
    let context = |key: &str| detail["ctx"][key].to_string();
    let input = &detail["input"];
    let not = || format!(", not {}", shown(input));
    let length = || match input {
        Value::String(text) => text.chars().count().to_string(),
        Value::Array(items) => items.len().to_string(),
        _ => "another number".to_owned(),
    };
    match detail["type"].as_str().unwrap_or_default() {
        "missing" => "is required".to_owned(),
        "extra_forbidden" => "there is no such parameter".to_owned(),
        "literal_error" | "enum" => {
            let expected = detail["ctx"]["expected"].as_str().unwrap_or_default().replace('\'', "`");
            format!("must be {expected}{}", not())
        }
        "less_than_equal" => format!("must be at most {}{}", context("le"), not()),
        "less_than" => format!("must be below {}{}", context("lt"), not()),
        "greater_than_equal" => format!("must be at least {}{}", context("ge"), not()),
        "greater_than" => format!("must be above {}{}", context("gt"), not()),
        "multiple_of" => format!("must be a multiple of {}{}", context("multiple_of"), not()),
        "string_too_long" => {
            format!("must have at most {} characters, not {}", context("max_length"), length())
        }
        "string_too_short" => {
            format!("must have at least {} characters, not {}", context("min_length"), length())
        }
        "too_long" => format!("must have at most {} items, not {}", context("max_length"), length()),
        "too_short" => format!("must have at least {} items, not {}", context("min_length"), length()),
        "string_pattern_mismatch" => format!("must match {}{}", context("pattern"), not()),
        "int_parsing" | "int_type" | "int_from_float" => format!("must be an integer{}", not()),
        "float_parsing" | "float_type" => format!("must be a number{}", not()),
        "bool_parsing" | "bool_type" => format!("must be true or false{}", not()),
        "string_type" => format!("must be a text{}", not()),
        "list_type" => format!("must be a list{}", not()),
        "dict_type" | "model_attributes_type" => format!("must be an object{}", not()),
        // A rule between parameters is a sentence of its own.
        _ => detail["msg"].as_str().unwrap_or("is not valid").trim_start_matches("Value error, ").to_owned(),
    }
}

/// Returns a value on one line, shortened.
fn shown(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(MAX_VALUE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
