//! The examples and defaults of a document, each put into an instance at its place.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    instances::{Fill, Generator},
    random::Random,
    schema::Schema,
    sites::sites,
};

/// How many instances are searched for a place for every example.
const ATTEMPTS: usize = 12;

/// The list of examples, taken as one example.
pub(crate) const WHOLE: &str = "examples as one";

/// An example or a default, and an instance that holds it and is valid.
pub(crate) struct Vector {
    pub(crate) kind: &'static str,
    pub(crate) pointer: String,
    pub(crate) instance: Value,
}

/// What was found for one schema.
#[derive(Default)]
pub(crate) struct Vectors {
    pub(crate) placed: Vec<Vector>,
    /// How many there are that the schema around them refuses.
    pub(crate) refused: usize,
    /// How many there are that no instance had a place for.
    pub(crate) missed: usize,
}

/// Every example and default of `schema`.
pub(crate) fn vectors(schema: &Schema, random: &mut Random) -> Vectors {
    let mut found = Vectors::default();
    // A schema node is known by where it is in memory: the tree stays put.
    let mut done: BTreeSet<*const Value> = BTreeSet::new();
    found.missed = count(&schema.tree);
    for _ in 0..ATTEMPTS {
        let base = Generator { random, fill: Fill::Full }.instance(&schema.tree);
        if !schema.accepts(&base) {
            continue;
        }
        for site in sites(&schema.tree, &base) {
            for node in [site.schema, site.branch] {
                if !done.insert(std::ptr::from_ref(node)) {
                    continue;
                }
                for (kind, value) in values(node) {
                    let mut instance = base.clone();
                    if let Some(place) = instance.pointer_mut(&site.pointer) {
                        *place = value.clone();
                    }
                    let accepted = schema.accepts(&instance);
                    if accepted {
                        found.placed.push(Vector { kind, pointer: site.pointer.clone(), instance });
                    }
                    if kind != WHOLE {
                        found.missed -= 1;
                        found.refused += usize::from(!accepted);
                    }
                }
            }
        }
    }
    found
}

/// How many examples and defaults there are in a tree.
fn count(tree: &Value) -> usize {
    let own = values(tree).into_iter().filter(|(kind, _)| *kind != WHOLE).count();
    let below: usize = match tree {
        Value::Array(parts) => parts.iter().map(count).sum(),
        Value::Object(object) => {
            ["properties", "items", "prefixItems", "additionalProperties", "anyOf", "oneOf"]
                .iter()
                .filter_map(|key| Some((*key, object.get(*key)?)))
                .map(|(key, part)| match part {
                    // Here keys are names, not keywords.
                    Value::Object(properties) if key == "properties" => properties.values().map(count).sum(),
                    part => count(part),
                })
                .sum()
        }
        _ => 0,
    };
    own + below
}

fn values(node: &Value) -> Vec<(&'static str, &Value)> {
    let mut values = Vec::new();
    values.extend(node.get("default").map(|value| ("default", value)));
    for key in ["example", "examples"] {
        if let Some(list) = node.get(key) {
            values.extend(list.as_array().into_iter().flatten().map(|value| ("example", value)));
            // Some publish a list as the examples of a list, and mean it as one.
            if node.get("type").is_some_and(|kind| kind == "array") {
                values.push((WHOLE, list));
            }
        }
    }
    values
}
