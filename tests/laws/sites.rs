//! The places of an instance, each with the schema that applies there.

use serde_json::Value;

use crate::schema::{matching_branches, properties};

/// A place in an instance, by its JSON pointer, and the schema of the value there.
pub(crate) struct Site<'s> {
    pub(crate) pointer: String,
    /// The schema of the property or item, which may be a union.
    pub(crate) schema: &'s Value,
    /// The member of the union that the value belongs to.
    pub(crate) branch: &'s Value,
}

/// Returns every place of `instance`, from the root down.
pub(crate) fn sites<'s>(schema: &'s Value, instance: &Value) -> Vec<Site<'s>> {
    let mut found = Vec::new();
    walk(schema, instance, &mut String::new(), &mut found);
    found
}

fn walk<'s>(schema: &'s Value, instance: &Value, pointer: &mut String, found: &mut Vec<Site<'s>>) {
    // A value belongs to several members of a union if their shapes are the same.
    for branch in matching_branches(schema, instance) {
        found.push(Site { pointer: pointer.clone(), schema, branch });
        inside(branch, instance, pointer, found);
    }
}

/// Adds the places below `instance`, which belongs to `branch`.
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
