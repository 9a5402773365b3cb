//! Rules about which properties an object has together: `anyOf`, `oneOf`, `not`, `if` and `dependentRequired` beside
//! `properties`.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::REQUIREMENTS;

/// A rule about the properties that an object has together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Requirement {
    /// Exactly one of the groups holds.
    OneOf(Vec<Group>),
    /// One of the groups holds, or several.
    AnyOf(Vec<Group>),
    /// The group does not hold.
    Not(Group),
    /// If the first group holds, the second one does too.
    If(Group, Group),
}

/// Conditions that hold together. Never empty.
pub type Group = Vec<Condition>;

/// A condition of a property.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// The name of the property.
    pub property: String,
    /// The values that it may have.
    pub test: Test,
}

/// The values of a property for which a condition holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Test {
    /// Every value.
    Present,
    /// Every value but null.
    NotNull,
    /// One value.
    Is(Value),
    /// One value, which is also meant if the property is absent.
    IsOrAbsent(Value),
}

impl Requirement {
    /// Returns the groups, in the order of the document.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        let groups: Vec<&Group> = match self {
            Self::OneOf(groups) | Self::AnyOf(groups) => groups.iter().collect(),
            Self::Not(group) => vec![group],
            Self::If(first, second) => vec![first, second],
        };
        groups.into_iter()
    }

    /// Returns the conditions of all groups.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.groups().flatten()
    }

    /// Returns the rule as JSON Schema.
    #[must_use]
    pub fn to_schema(&self) -> Value {
        let all = |groups: &[Group]| groups.iter().map(to_schema).collect::<Value>();
        match self {
            Self::OneOf(groups) => json!({ "oneOf": all(groups) }),
            Self::AnyOf(groups) => json!({ "anyOf": all(groups) }),
            Self::Not(group) => json!({ "not": to_schema(group) }),
            Self::If(first, second) => json!({ "if": to_schema(first), "then": to_schema(second) }),
        }
    }
}

/// Returns the schema of the objects for which all conditions hold.
fn to_schema(group: &Group) -> Value {
    let mut schema = Map::new();
    let required = group.iter().filter(|condition| !matches!(condition.test, Test::IsOrAbsent(_)));
    let required: Vec<&str> = required.map(|condition| condition.property.as_str()).collect();
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    let properties = group.iter().filter_map(|condition| {
        let schema = match &condition.test {
            Test::Present => return None,
            Test::NotNull => json!({ "not": { "type": "null" } }),
            Test::Is(value) | Test::IsOrAbsent(value) => json!({ "const": value }),
        };
        Some((condition.property.clone(), schema))
    });
    let properties: Map<String, Value> = properties.collect();
    if !properties.is_empty() {
        schema.insert("properties".to_owned(), properties.into());
    }
    schema.into()
}

/// Returns the rules about properties that stand beside them in the schema of an object.
///
/// ```
/// use fal_codegen::{normalize::requirements, rust::describe_requirement};
///
/// let schema = serde_json::json!({
///     "properties": {"audio_url": {"type": "string"}, "video_url": {"type": "string"}},
///     "anyOf": [{"required": ["audio_url"]}, {"required": ["video_url"]}],
/// });
/// let rules = requirements::read(&schema);
/// assert_eq!(describe_requirement(&rules[0]), "At least one of `audio_url` and `video_url` must be given");
/// ```
#[must_use]
pub fn read(schema: &Value) -> Vec<Requirement> {
    let (Some(schema), Some(properties)) = (schema.as_object(), schema["properties"].as_object()) else {
        return Vec::new();
    };
    take(&mut schema.clone(), properties)
}

/// Keywords that have no part in a rule.
const ANNOTATIONS: &[&str] = &["title", "description", "$comment"];

/// Moves the rules about properties that stand beside them to an extension. Others stay where they are.
pub(super) fn move_requirements(schema: &mut Map<String, Value>) {
    let Some(Value::Object(properties)) = schema.get("properties").cloned() else { return };
    let found = take(schema, &properties);
    if !found.is_empty() {
        schema.insert(REQUIREMENTS.to_owned(), json!(found));
    }
}

/// Removes the rules about properties that stand beside them, and returns them.
fn take(schema: &mut Map<String, Value>, properties: &Map<String, Value>) -> Vec<Requirement> {
    let reader = Reader { properties };
    let mut found = reader.take(schema);
    if let Some(Value::Array(parts)) = schema.get_mut("allOf") {
        parts.retain_mut(|part| {
            let Some(mut rest) = part.as_object().cloned() else { return true };
            let taken = reader.take(&mut rest);
            let is_rule = !taken.is_empty() && rest.keys().all(|key| ANNOTATIONS.contains(&key.as_str()));
            if is_rule {
                found.extend(taken);
            }
            !is_rule
        });
        if parts.is_empty() {
            schema.remove("allOf");
        }
    }
    found
}

/// A reader of the rules about these properties.
struct Reader<'a> {
    properties: &'a Map<String, Value>,
}

impl Reader<'_> {
    /// Removes the rules that it can read, and returns them.
    fn take(&self, schema: &mut Map<String, Value>) -> Vec<Requirement> {
        let mut found = Vec::new();
        for (keyword, rule) in
            [("oneOf", Requirement::OneOf as fn(Vec<Group>) -> Requirement), ("anyOf", Requirement::AnyOf)]
        {
            if let Some(groups) = schema.get(keyword).and_then(|branches| self.groups(branches)) {
                schema.remove(keyword);
                found.push(rule(groups));
            }
        }
        if let Some(groups) = schema.get("not").and_then(|not| self.excluded(not)) {
            schema.remove("not");
            found.extend(groups.into_iter().map(Requirement::Not));
        }
        for keyword in ["dependentRequired", "dependencies"] {
            if let Some(rules) = schema.get(keyword).and_then(|names| self.dependencies(names)) {
                schema.remove(keyword);
                found.extend(rules);
            }
        }
        if let (Some(first), Some(then), None) = (schema.get("if"), schema.get("then"), schema.get("else"))
            && let (Some(first), Some(then)) = (self.group(first), self.group(then))
        {
            schema.remove("if");
            schema.remove("then");
            found.push(Requirement::If(first, then));
        }
        found
    }

    fn groups(&self, branches: &Value) -> Option<Vec<Group>> {
        let groups: Option<Vec<Group>> =
            branches.as_array()?.iter().map(|branch| self.group(branch)).collect();
        groups.filter(|groups| !groups.is_empty())
    }

    /// Returns the groups that `not` excludes.
    fn excluded(&self, not: &Value) -> Option<Vec<Group>> {
        match not.get("anyOf") {
            Some(branches) if not.as_object().is_some_and(|not| not.len() == 1) => self.groups(branches),
            _ => Some(vec![self.group(not)?]),
        }
    }

    fn dependencies(&self, names: &Value) -> Option<Vec<Requirement>> {
        let present = |name: &Value| self.condition(name.as_str()?, Test::Present);
        let rules = names.as_object()?.iter().map(|(name, needed)| {
            let needed: Option<Group> = needed.as_array()?.iter().map(present).collect();
            let needed = needed.filter(|needed| !needed.is_empty())?;
            Some(Requirement::If(vec![self.condition(name, Test::Present)?], needed))
        });
        rules.collect()
    }

    /// Returns the conditions that a schema states, if it states nothing else.
    fn group(&self, schema: &Value) -> Option<Group> {
        let schema = schema.as_object()?;
        let is_condition = |key: &str| matches!(key, "required" | "properties") || ANNOTATIONS.contains(&key);
        let is_plain =
            schema.iter().all(|(key, value)| is_condition(key) || key == "type" && value == "object");
        if !is_plain {
            return None;
        }
        let required = schema.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let empty = Map::new();
        let tests = schema.get("properties").map_or(Some(&empty), Value::as_object)?;
        let mut group = Group::new();
        for name in required {
            let name = name.as_str()?;
            let test = tests.get(name).map_or(Some(Test::Present), |test| self.test(name, test, true))?;
            group.push(self.condition(name, test)?);
        }
        for (name, test) in tests.iter().filter(|(name, _)| !required.contains(&json!(name))) {
            group.push(self.condition(name, self.test(name, test, false)?)?);
        }
        Some(group).filter(|group| !group.is_empty())
    }

    fn condition(&self, property: &str, test: Test) -> Option<Condition> {
        self.properties.contains_key(property).then(|| Condition { property: property.to_owned(), test })
    }

    fn test(&self, name: &str, schema: &Value, is_required: bool) -> Option<Test> {
        let schema = schema.as_object()?;
        let mut keywords = schema.iter().filter(|(key, _)| !ANNOTATIONS.contains(&key.as_str()));
        let (Some((keyword, value)), None) = (keywords.next(), keywords.next()) else { return None };
        let is = |value: &Value| {
            let is_plain = value.is_boolean() || value.is_string();
            let test = if is_required { Test::Is } else { Test::IsOrAbsent };
            is_plain.then(|| test(value.clone()))
        };
        match (keyword.as_str(), value) {
            ("const", value) => is(value),
            ("enum", Value::Array(values)) if values.len() == 1 => is(&values[0]),
            ("not", not) if is_required && *not == json!({ "type": "null" }) => Some(Test::NotNull),
            ("type", kind) if is_required && *kind != "null" && self.is_of_type(name, kind) => {
                Some(Test::NotNull)
            }
            _ => None,
        }
    }

    /// Returns true if all values of a property are of a JSON type, or null.
    fn is_of_type(&self, name: &str, kind: &Value) -> bool {
        fn is_of_type(schema: &Value, kind: &Value) -> bool {
            let branches = ["anyOf", "oneOf"].iter().find_map(|keyword| schema.get(*keyword)?.as_array());
            match (schema.get("type"), branches) {
                (Some(Value::Array(kinds)), _) => kinds.iter().all(|own| own == kind || own == "null"),
                (Some(own), _) => own == kind || own == "null",
                (None, Some(branches)) => branches.iter().all(|branch| is_of_type(branch, kind)),
                (None, None) => false,
            }
        }
        self.properties.get(name).is_some_and(|property| is_of_type(property, kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties() -> Value {
        json!({ "a": { "anyOf": [{ "type": "string" }, { "type": "null" }] }, "b": { "type": "integer" },
            "c": { "type": "boolean" } })
    }

    #[track_caller]
    fn read(rules: Value) -> (Vec<Requirement>, Value) {
        let mut schema = json!({ "type": "object", "properties": properties() });
        let schema = schema.as_object_mut().unwrap();
        schema.extend(rules.as_object().unwrap().clone());
        move_requirements(schema);
        let found = schema.remove(REQUIREMENTS).unwrap_or_else(|| json!([]));
        schema.remove("type");
        schema.remove("properties");
        (serde_json::from_value(found).unwrap(), Value::Object(schema.clone()))
    }

    fn present(property: &str) -> Group {
        vec![Condition { property: property.to_owned(), test: Test::Present }]
    }

    fn with(property: &str, test: Test) -> Group {
        vec![Condition { property: property.to_owned(), test }]
    }

    #[test]
    fn rules_are_read_from_every_keyword_that_states_them() {
        let (a, b) = (present("a"), present("b"));
        let none = json!({});
        let groups = json!([{ "required": ["a"] }, { "required": ["b"] }]);
        let both = vec![a.clone(), b.clone()];
        assert_eq!(read(json!({ "oneOf": groups })), (vec![Requirement::OneOf(both.clone())], none.clone()));
        assert_eq!(read(json!({ "anyOf": groups })), (vec![Requirement::AnyOf(both)], none.clone()));
        let together = Requirement::Not([a.clone(), b.clone()].concat());
        assert_eq!(read(json!({ "not": { "required": ["a", "b"] } })), (vec![together], none.clone()));
        let each = [&a, &b].map(|group| Requirement::Not(group.clone())).to_vec();
        assert_eq!(read(json!({ "not": { "anyOf": groups } })), (each, none.clone()));
        let needs = Requirement::If(a.clone(), b.clone());
        for keyword in ["dependentRequired", "dependencies"] {
            assert_eq!(read(json!({ keyword: { "a": ["b"] } })), (vec![needs.clone()], none.clone()));
        }
        let conditional =
            json!({ "if": { "properties": { "c": { "const": true } } }, "then": { "required": ["b"] } });
        let found = vec![Requirement::If(with("c", Test::IsOrAbsent(true.into())), b)];
        assert_eq!(read(json!({ "allOf": [conditional] })), (found, none));
    }

    #[test]
    fn null_is_told_from_every_other_value() {
        let not_null = vec![Requirement::AnyOf(vec![with("a", Test::NotNull), present("b")])];
        for test in [json!({ "not": { "type": "null" } }), json!({ "type": "string" })] {
            let branch = json!({ "required": ["a"], "properties": { "a": test } });
            assert_eq!(
                read(json!({ "anyOf": [branch, { "required": ["b"] }] })),
                (not_null.clone(), json!({}))
            );
        }
    }

    #[test]
    fn rules_that_say_more_stay_where_they_are() {
        for rule in [
            json!({ "anyOf": [{ "required": ["a"] }, { "properties": { "b": { "minimum": 3 } } }] }),
            json!({ "oneOf": [{ "required": ["unknown"] }, { "required": ["a"] }] }),
            json!({ "anyOf": [{ "required": ["a"] }, {}] }),
            json!({ "not": { "properties": { "a": { "type": "null" } } } }),
            json!({ "if": { "required": ["a"] }, "then": { "required": ["b"] }, "else": { "required": ["c"] } }),
            json!({ "allOf": [{ "anyOf": [{ "required": ["a"] }], "properties": {} }] }),
        ] {
            assert_eq!(read(rule.clone()), (Vec::new(), rule));
        }
    }

    #[test]
    fn rules_are_written_as_they_are_read() {
        let rules = [
            Requirement::OneOf(vec![with("a", Test::NotNull), present("b")]),
            Requirement::AnyOf(vec![[present("a"), present("b")].concat(), with("c", Test::Is(true.into()))]),
            Requirement::Not([present("a"), with("c", Test::IsOrAbsent(false.into()))].concat()),
            Requirement::If(present("a"), with("c", Test::Is(true.into()))),
        ];
        for rule in rules {
            assert_eq!(read(rule.to_schema()), (vec![rule], json!({})));
        }
    }
}
