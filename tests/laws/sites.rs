//! The places of an instance, each with the schema that is meant there.

use serde_json::Value;

use crate::schema::{meant, properties};

/// A place: a JSON pointer into the instance, and the schema of what is there.
pub(crate) struct Site<'s> {
    pub(crate) pointer: String,
    /// As the property or list says it, which may be a union.
    pub(crate) schema: &'s Value,
    /// The member of the union that the value is meant as.
    pub(crate) branch: &'s Value,
}

/// Every place of `instance`, from the root down.
pub(crate) fn sites<'s>(schema: &'s Value, instance: &Value) -> Vec<Site<'s>> {
    let mut found = Vec::new();
    walk(schema, instance, &mut String::new(), &mut found);
    found
}

fn walk<'s>(schema: &'s Value, instance: &Value, pointer: &mut String, found: &mut Vec<Site<'s>>) {
    // More than one where two members of a union are the same or can be told apart by nothing here.
    for branch in meant(schema, instance) {
        found.push(Site { pointer: pointer.clone(), schema, branch });
        inside(branch, instance, pointer, found);
    }
}

/// The places below `instance`, which is meant as `branch`.
fn inside<'s>(branch: &'s Value, instance: &Value, pointer: &mut String, found: &mut Vec<Site<'s>>) {
    let mut visit = |key: &str, schema: &'s Value, instance: &Value| {
        let parent = pointer.len();
        pointer.push('/');
        pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
        walk(schema, instance, pointer, found);
        pointer.truncate(parent);
    };
    match instance {
        Value::Object(object) => {
            let values = branch.get("additionalProperties").filter(|schema| schema.is_object());
            for (key, value) in object {
                let property =
                    properties(branch).find(|(name, _)| *name == key).map(|(_, property)| property);
                if let Some(schema) = property.or(values) {
                    visit(key, schema, value);
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let first = branch.get("prefixItems").and_then(|first| first.get(index));
                if let Some(schema) = first.or_else(|| branch.get("items")) {
                    visit(&index.to_string(), schema, item);
                }
            }
        }
        _ => {}
    }
}
