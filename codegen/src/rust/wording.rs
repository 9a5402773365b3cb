//! Defaults, ranges and lengths in words, for docs and messages.

use std::fmt;

use serde_json::Value;

use super::{
    Bounds,
    file_limits::{describe_limits, stated_limits},
};
use crate::{
    model::{Bounds as ModelBounds, Direction, Length, Property, Type},
    normalize::requirements::{Condition, Group, Requirement, Test},
};

/// Returns facts about a property, which its docs list after the description.
pub(super) fn facts(property: &Property, direction: Direction) -> Vec<String> {
    let mut facts = Vec::new();
    if direction == Direction::Output {
        return facts;
    }
    match &property.ty {
        Type::Integer(bounds) if !bounds.is_open() => facts.push(describe_range(&Bounds::Integer(*bounds))),
        Type::Number(bounds) if !bounds.is_open() => facts.push(describe_range(&Bounds::Number(*bounds))),
        Type::WideInteger(bounds) => facts.push(describe_range(&Bounds::Wide(*bounds))),
        Type::NumberEnum(values) => {
            facts.push(format!("one of {}", quote_all(values.iter().map(|value| format!("{value:?}")))));
        }
        Type::BooleanConstant(value) => facts.push(format!("always `{value}`")),
        Type::Text(text) if !text.length.is_open() => {
            facts.push(describe_length(&text.length, Counted::Characters))
        }
        Type::Map(_, entries) if !entries.length.is_open() => {
            facts.push(describe_length(&entries.length, Counted::Entries));
        }
        Type::List(_, list) if !list.length.is_open() => {
            facts.push(describe_length(&list.length, Counted::Items))
        }
        _ => {}
    }
    facts.extend(describe_limits(stated_limits(property)));
    if let Some(default) = property.default.as_ref().filter(|default| !default.is_null()) {
        facts.push(match format_value(default, &property.ty) {
            text if text.trim().is_empty() => "empty by default".to_owned(),
            // A backtick would end the code.
            text => format!("default `{}`", text.replace('`', "'")),
        });
    }
    facts.iter_mut().for_each(|fact| capitalize(fact));
    facts
}

/// Describes a `format` of strings. Formats that say nothing about the text of a value are left out.
pub(super) fn describe_format(format: &str) -> Option<&'static str> {
    Some(match format {
        "date-time" => "A date and time (RFC 3339), such as `2025-06-04T12:00:00Z`",
        "date" => "A date (RFC 3339), such as `2025-06-04`",
        "time" => "A time (RFC 3339), such as `12:00:00Z`",
        "duration" => "A duration (ISO 8601), such as `PT1H30M`",
        "uuid" => "A UUID",
        "uri" | "url" => "A URI",
        "uri-reference" => "A URI, or a reference to one",
        "iri" | "iri-reference" => "A URI with characters of any language",
        "email" | "idn-email" => "An email address",
        "hostname" | "idn-hostname" => "A name of a host",
        "ipv4" => "An IPv4 address",
        "ipv6" => "An IPv6 address",
        "ipvanyaddress" => "An IP address",
        "byte" | "base64" => "Bytes in base64",
        "regex" => "A regular expression",
        "json-pointer" => "A JSON pointer",
        "json-string" => "JSON, as a text",
        "password" => "A secret, which `Debug` does not show",
        _ => return None,
    })
}

/// Describes bounds in words, such as `between 1 and 50`. Returns an empty string if there are none.
#[must_use]
pub fn describe_range(bounds: &Bounds) -> String {
    match bounds {
        Bounds::Integer(bounds) => describe_bounds(bounds, |value| value.to_string()),
        Bounds::Wide(bounds) => describe_bounds(bounds, |value| value.to_string()),
        Bounds::Number(bounds) => describe_bounds(bounds, |value| format!("{value:?}")),
    }
}

/// Describes the values of a type, such as `A list of texts with at most 3 items`.
pub(super) fn describe_type(ty: &Type) -> String {
    let mut text = describe_one(ty);
    capitalize(&mut text);
    text
}

/// Describes a value of a type, such as "an integer of at least 1".
pub(super) fn describe_one(ty: &Type) -> String {
    describe(ty, false)
}

/// Describes one value of a type, or several.
fn describe(ty: &Type, plural: bool) -> String {
    let counted = |one: &str, several: &str| if plural { several.to_owned() } else { one.to_owned() };
    let with = |text: String, rules: String| match rules.as_str() {
        "" => text,
        rules if rules.starts_with("at ") => format!("{text} of {rules}"),
        _ => format!("{text} {rules}"),
    };
    match ty {
        Type::Text(text) => {
            let length = (!text.length.is_open())
                .then(|| format!("of {}", describe_length(&text.length, Counted::Characters)));
            with(counted("a text", "texts"), length.unwrap_or_default())
        }
        Type::File(..) => counted("a file", "files"),
        Type::Integer(bounds) => {
            with(counted("an integer", "integers"), describe_range(&Bounds::Integer(*bounds)))
        }
        Type::WideInteger(bounds) => {
            with(counted("an integer", "integers"), describe_bounds(bounds, |value| value.to_string()))
        }
        Type::Number(bounds) => {
            with(counted("a number", "numbers"), describe_range(&Bounds::Number(*bounds)))
        }
        Type::NumberEnum(values) => {
            let values = quote_all(values.iter().map(|value| format!("{value:?}")));
            format!("{} {values}", counted("one of", "some of"))
        }
        Type::Boolean => counted("`true` or `false`", "`true` or `false`"),
        Type::BooleanConstant(value) => format!("`{value}`"),
        Type::Null => "`null`".to_owned(),
        Type::TextEnum(..) => counted("one of several texts", "texts"),
        Type::IntegerEnum(values, _) => format!("{} {}", counted("one of", "some of"), quote_all(values)),
        Type::Object(name) => counted(&format!("an object `{name}`"), &format!("objects `{name}`")),
        Type::Map(item, _) if item.ty == Type::Any => counted("an object", "objects"),
        Type::Map(item, _) => {
            format!("{} with values by name: {}", counted("an object", "objects"), describe(&item.ty, true))
        }
        Type::List(item, list) => {
            let items = format!("{} of {}", counted("a list", "lists"), describe(&item.ty, true));
            let length = (!list.length.is_open())
                .then(|| format!("with {}", describe_length(&list.length, Counted::Items)));
            with(items, length.unwrap_or_default())
        }
        Type::Tuple(tuple) => {
            let items: Vec<String> = tuple.items.iter().map(|item| describe(&item.ty, false)).collect();
            match items.is_empty() {
                true => counted("a list", "lists"),
                false => format!("{} of {}", counted("a list", "lists"), items.join(", then ")),
            }
        }
        Type::Union(..) | Type::Tagged(..) | Type::Any => counted("any JSON value", "any JSON values"),
    }
}

/// Returns values as code, separated by commas.
fn quote_all(values: impl IntoIterator<Item = impl fmt::Display>) -> String {
    let values: Vec<String> = values.into_iter().map(|value| format!("`{value}`")).collect();
    values.join(", ")
}

/// Describes the tag of a member of a union, such as `` `kind` is `cat` ``.
pub(super) fn describe_tag(tag: &str, values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|value| format!("`{value}`")).collect();
    format!("Its `{tag}` is {}", values.join(" or "))
}

/// Returns the message for a value that is not one of `values`.
pub(super) fn choice_message(name: &str, owner: &str, values: &[impl fmt::Display]) -> String {
    // Truncating fewer than nine values would save little.
    let count = if values.len() > 20 { 12 } else { values.len() };
    let mut shown: Vec<String> = values.iter().take(count).map(|value| format!("`{value}`")).collect();
    let last = match values.len() - count {
        0 => shown.pop().unwrap_or_default(),
        more => format!("one of {more} more"),
    };
    let values = if shown.is_empty() { last } else { format!("{} or {last}", shown.join(", ")) };
    format!("`{name}` of {owner} must be {values}")
}

/// Describes a rule about the properties that an object has together, such as "At least one of `a` and `b` must be given".
#[must_use]
pub fn describe_requirement(requirement: &Requirement) -> String {
    match requirement {
        Requirement::OneOf(groups) => format!("Exactly one of {} must be given", describe_groups(groups)),
        Requirement::AnyOf(groups) => format!("At least one of {} must be given", describe_groups(groups)),
        Requirement::Not(group) if group.iter().all(is_given) && group.len() > 1 => {
            format!("{} cannot be given together", join_with_and(group.iter().map(name_property)))
        }
        Requirement::Not(group) => {
            format!("It must not be that {}", join_with_and(group.iter().map(describe_condition)))
        }
        Requirement::If(group, then) => {
            let condition = join_with_and(group.iter().map(describe_condition));
            match then.as_slice() {
                then if then.iter().all(is_given) => {
                    let are = if then.len() == 1 { "is" } else { "are" };
                    format!("{} {are} required if {condition}", join_with_and(then.iter().map(name_property)))
                }
                then => {
                    let values = then.iter().map(|condition| match &condition.test {
                        Test::Is(value) | Test::IsOrAbsent(value) => {
                            format!("{} must be {}", name_property(condition), describe_value(value))
                        }
                        Test::Present | Test::NotNull => format!("{} is required", name_property(condition)),
                    });
                    format!("{} if {condition}", join_with_and(values))
                }
            }
        }
    }
}

fn is_given(condition: &Condition) -> bool {
    matches!(condition.test, Test::Present | Test::NotNull)
}

fn name_property(condition: &Condition) -> String {
    format!("`{}`", condition.property)
}

fn describe_condition(condition: &Condition) -> String {
    match &condition.test {
        Test::Present | Test::NotNull => format!("{} is given", name_property(condition)),
        Test::Is(value) | Test::IsOrAbsent(value) => {
            format!("{} is {}", name_property(condition), describe_value(value))
        }
    }
}

fn describe_value(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("`{}`", text.replace('`', "'"))
}

/// Lists groups of properties. Those of one group stand in one pair of parentheses.
fn describe_groups(groups: &[Group]) -> String {
    let groups = groups.iter().map(|group| {
        let conditions = group.iter().map(|condition| match &condition.test {
            Test::Present | Test::NotNull => name_property(condition),
            Test::Is(value) | Test::IsOrAbsent(value) => {
                format!("{} with the value {}", name_property(condition), describe_value(value))
            }
        });
        match group.len() {
            1 => conditions.collect(),
            _ => format!("({})", join_with_and(conditions)),
        }
    });
    join_with_and(groups)
}

/// Joins texts: `a`, `a and b`, `a, b and c`.
fn join_with_and(texts: impl IntoIterator<Item = String>) -> String {
    let texts: Vec<String> = texts.into_iter().collect();
    match texts.as_slice() {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        _ => texts.concat(),
    }
}

/// Describes bounds in words, with numbers as `show` writes them.
pub(super) fn describe_bounds<T: Copy>(bounds: &ModelBounds<T>, show: impl Fn(T) -> String) -> String {
    let least = bounds.min.map(|min| (if bounds.above_min { "above" } else { "at least" }, show(min)));
    let most = bounds.max.map(|max| (if bounds.below_max { "below" } else { "at most" }, show(max)));
    let mut text = match (least, most) {
        (Some(("at least", min)), Some(("at most", max))) => format!("between {min} and {max}"),
        (Some((above, min)), Some((below, max))) => format!("{above} {min} and {below} {max}"),
        (Some((word, bound)), None) | (None, Some((word, bound))) => format!("{word} {bound}"),
        (None, None) => String::new(),
    };
    if let Some(step) = bounds.multiple_of {
        if !text.is_empty() {
            text.push_str(" and ");
        }
        text.push_str(&format!("a multiple of {}", show(step)));
    }
    text
}

/// The parts of a value that a length counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// The characters of a string.
    Characters,
    /// The items of a list.
    Items,
    /// The entries of a map.
    Entries,
}

/// Describes a length in words, such as `at most 2500 characters`.
#[must_use]
pub fn describe_length(length: &Length, counted: Counted) -> String {
    let (one, several) = match counted {
        Counted::Characters => ("character", "characters"),
        Counted::Items => ("item", "items"),
        Counted::Entries => ("entry", "entries"),
    };
    let unit = |count: usize| if count == 1 { one } else { several };
    match (length.min.filter(|min| *min > 0), length.max) {
        (Some(min), Some(max)) if min == max => format!("exactly {min} {}", unit(min)),
        (Some(min), Some(max)) => format!("{min} to {max} {}", unit(max)),
        (Some(min), None) => format!("at least {min} {}", unit(min)),
        (None, Some(max)) => format!("at most {max} {}", unit(max)),
        (None, None) => "any length".to_owned(),
    }
}

fn format_value(value: &Value, ty: &Type) -> String {
    match value {
        Value::String(text) => text.clone(),
        // JSON tools drop the `.0` of a float.
        Value::Number(number) if number.is_i64() && matches!(ty, Type::Number(_) | Type::NumberEnum(_)) => {
            format!("{number}.0")
        }
        other => other.to_string(),
    }
}

fn capitalize(text: &mut str) {
    if let Some(first) = text.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_described_in_words() {
        let bounds = |min, above_min, max, multiple_of| {
            describe_range(&Bounds::Integer(ModelBounds {
                min,
                above_min,
                max,
                below_max: false,
                multiple_of,
            }))
        };
        assert_eq!(bounds(Some(1), false, Some(4), None), "between 1 and 4");
        assert_eq!(bounds(Some(0), true, Some(4), None), "above 0 and at most 4");
        assert_eq!(bounds(Some(1), false, None, None), "at least 1");
        assert_eq!(bounds(None, false, Some(9), Some(3)), "at most 9 and a multiple of 3");
        assert_eq!(bounds(None, false, None, Some(8)), "a multiple of 8");
    }

    #[test]
    fn choices_are_listed_and_truncated() {
        assert_eq!(choice_message("fps", "a/b", &[24]), "`fps` of a/b must be `24`");
        assert_eq!(
            choice_message("format", "a/b", &["gif", "png", "jpeg"]),
            "`format` of a/b must be `gif`, `png` or `jpeg`"
        );
        let many: Vec<usize> = (0..30).collect();
        assert!(choice_message("n", "a/b", &many).ends_with("`10`, `11` or one of 18 more"));
    }

    #[test]
    fn lengths_are_described_with_units() {
        let rule = |min, max, list| {
            let counted = if list { Counted::Items } else { Counted::Characters };
            describe_length(&Length { min, max }, counted)
        };
        assert_eq!(rule(None, Some(2500), false), "at most 2500 characters");
        assert_eq!(rule(Some(1), None, false), "at least 1 character");
        assert_eq!(rule(Some(2), Some(2), true), "exactly 2 items");
        assert_eq!(rule(Some(1), Some(3), true), "1 to 3 items");
    }
}
