//! The rules between parameters that documents tell only in prose, as JSON Schema.

use std::collections::BTreeMap;

use fal_codegen::{
    normalize::requirements::{Condition, Group, Requirement, Test},
    rust::describe_requirement,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// A rule between parameters of some endpoints, as a file states it: one of `one_of`, `any_of`, `not_together` and `needs`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// The ids of the endpoints.
    pub(super) endpoints: Vec<String>,
    /// Parameters of which exactly one is given.
    #[serde(default)]
    one_of: Vec<String>,
    /// Parameters of which at least one is given.
    #[serde(default)]
    any_of: Vec<String>,
    /// Parameters that are not given together.
    #[serde(default)]
    not_together: Vec<String>,
    /// Parameters that are given if all of `given` and `when` hold.
    #[serde(default)]
    needs: Vec<String>,
    /// Parameters that have these values if all of `given` and `when` hold.
    #[serde(default)]
    needs_values: BTreeMap<String, Value>,
    #[serde(default)]
    given: Vec<String>,
    #[serde(default)]
    when: BTreeMap<String, Value>,
}

impl Rule {
    /// Returns the rule for an input with these properties.
    ///
    /// # Errors
    ///
    /// Fails if the rule says nothing, or names a parameter that the input does not have.
    fn requirement(&self, properties: &Map<String, Value>) -> Result<Requirement, String> {
        let reader = Reader { properties };
        let each = |names: &[String]| -> Result<Vec<Group>, String> {
            names.iter().map(|name| Ok(vec![reader.given(name)?])).collect()
        };
        if !self.one_of.is_empty() {
            return each(&self.one_of).map(Requirement::OneOf);
        }
        if !self.any_of.is_empty() {
            return each(&self.any_of).map(Requirement::AnyOf);
        }
        if !self.not_together.is_empty() {
            return reader.group(&self.not_together, &BTreeMap::new()).map(Requirement::Not);
        }
        let condition = reader.group(&self.given, &self.when)?;
        let needs = reader.group(&self.needs, &self.needs_values)?;
        if condition.is_empty() || needs.is_empty() {
            return Err("has none of `one_of`, `any_of`, `not_together`, and `needs` with `given` or `when`"
                .to_owned());
        }
        Ok(Requirement::If(condition, needs))
    }
}

/// A reader of conditions of these properties.
struct Reader<'a> {
    properties: &'a Map<String, Value>,
}

impl Reader<'_> {
    fn group(&self, given: &[String], values: &BTreeMap<String, Value>) -> Result<Group, String> {
        let given = given.iter().map(|name| self.given(name));
        let values = values.iter().map(|(name, value)| {
            let default = self.property(name)?.get("default");
            let test = if default == Some(value) { Test::IsOrAbsent } else { Test::Is };
            Ok(Condition { property: name.clone(), test: test(value.clone()) })
        });
        given.chain(values).collect()
    }

    /// Returns the condition that a parameter is given. Null stands for one that is left out.
    fn given(&self, name: &str) -> Result<Condition, String> {
        let property = self.property(name)?;
        let test = if is_nullable(property) { Test::NotNull } else { Test::Present };
        Ok(Condition { property: name.to_owned(), test })
    }

    fn property(&self, name: &str) -> Result<&Value, String> {
        self.properties.get(name).ok_or_else(|| format!("names `{name}`, which the input does not have"))
    }
}

fn is_nullable(schema: &Value) -> bool {
    let branches = ["anyOf", "oneOf"].iter().filter_map(|key| schema.get(*key)?.as_array()).flatten();
    schema["nullable"] == true || schema["type"] == "null" || branches.into_iter().any(is_nullable)
}

/// Puts rules beside the properties of an input. Adds what is wrong with a rule to
/// `notes`.
pub(super) fn insert(rules: &[&Rule], id: &str, form: &mut Value, notes: &mut Vec<String>) {
    let Some(form) = form.as_object_mut() else { return };
    let Some(properties) = form.get("properties").and_then(Value::as_object) else { return };
    let mut schemas = Vec::new();
    for rule in rules {
        match rule.requirement(properties) {
            Ok(requirement) => {
                let mut schema = Map::from_iter([(
                    "description".to_owned(),
                    json!(format!("{}.", describe_requirement(&requirement))),
                )]);
                schema.extend(requirement.to_schema().as_object().cloned().unwrap_or_default());
                schemas.push(Value::Object(schema));
            }
            Err(problem) => notes.push(format!("schemas/descriptions: a rule for {id} {problem}")),
        }
    }
    if !schemas.is_empty() {
        form.insert("allOf".to_owned(), schemas.into());
    }
}

/// Removes the rules that an earlier run has put beside the properties of an input.
pub(super) fn remove(schema: &mut Value) {
    let is_rule = |part: &Value| {
        part.get("description").is_some()
            && ["oneOf", "anyOf", "not", "if"].iter().any(|key| part.get(*key).is_some())
    };
    let Some(schema) = schema.as_object_mut().filter(|schema| schema.contains_key("properties")) else {
        return;
    };
    if schema.get("allOf").and_then(Value::as_array).is_some_and(|parts| parts.iter().all(is_rule)) {
        schema.remove("allOf");
    }
}
