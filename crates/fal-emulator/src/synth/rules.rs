//! Rules between the properties of an object: parts of its `allOf` such as "exactly one of `prompt` and `multi_prompt`".

use serde_json::{Map, Value};

/// The keywords that a rule is made of, besides its description.
const KEYWORDS: [&str; 6] = ["anyOf", "else", "if", "not", "oneOf", "then"];

/// Returns true if a part of the `allOf` of an object declares no property.
pub(super) fn is_rule(part: &Value) -> bool {
    part.as_object().is_some_and(|part| {
        let mut keywords = part.keys().filter(|key| *key != "description").peekable();
        keywords.peek().is_some() && keywords.all(|key| KEYWORDS.contains(&key.as_str()))
    })
}

/// Removes optional properties until the object keeps the rules in the `allOf` of its schema. Those named first stay.
pub(super) fn keep(schema: &Value, object: Map<String, Value>) -> Value {
    let required = schema.get("required").and_then(Value::as_array);
    let is_required =
        |name: &str| required.is_some_and(|required| required.iter().any(|other| other == name));
    let mut object = Value::Object(object);
    for rule in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        let mut names = Vec::new();
        collect_names(rule, &mut names);
        while !jsonschema::is_valid(rule, &object) {
            let Some(name) = names.pop() else { break };
            if let Some(properties) = object.as_object_mut().filter(|_| !is_required(name)) {
                properties.remove(name);
            }
        }
    }
    object
}

/// Adds the names that a rule requires somewhere, in their order.
fn collect_names<'a>(rule: &'a Value, names: &mut Vec<&'a str>) {
    match rule {
        Value::Object(keywords) => {
            let required = keywords.get("required").and_then(Value::as_array);
            names.extend(required.into_iter().flatten().filter_map(Value::as_str));
            keywords.values().for_each(|value| collect_names(value, names));
        }
        Value::Array(parts) => parts.iter().for_each(|part| collect_names(part, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn first_of_the_properties_that_exclude_each_other_stays() {
        let given = |name: &str| json!({"required": [name], "properties": {name: {"not": {"type": "null"}}}});
        let one_of = json!({"description": "One.", "oneOf": [given("a"), given("b"), given("c")]});
        let not = json!({"not": {"required": ["d", "e"]}});
        assert!(is_rule(&one_of) && is_rule(&not));
        assert!(!is_rule(&json!({"properties": {}})) && !is_rule(&json!({"description": "x"})));
        let kept = |required: &[&str]| {
            let schema = json!({"required": required, "allOf": [one_of, not]});
            keep(
                &schema,
                ["a", "b", "c", "d", "e"].map(|name| (name.to_owned(), json!(1))).into_iter().collect(),
            )
        };
        assert_eq!(kept(&[]), json!({"a": 1, "d": 1}));
        assert_eq!(kept(&["b", "e"]), json!({"b": 1, "e": 1}));
    }
}
