//! The examples and defaults of a document, each put into an instance at its place.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::{
    cases::fit,
    instances::{Fill, Generator},
    random::Random,
    schema::Schema,
    sites::sites,
};

/// The number of instances that are searched for a place for each example.
const ATTEMPTS: usize = 12;

/// The kind of a list of examples that is taken as one example.
pub(crate) const WHOLE: &str = "examples as one";

/// A valid instance that contains an example or a default.
pub(crate) struct PlacedExample {
    pub(crate) kind: &'static str,
    pub(crate) pointer: String,
    pub(crate) instance: Value,
}

/// The examples and defaults of one schema.
#[derive(Default)]
pub(crate) struct Examples {
    pub(crate) placed: Vec<PlacedExample>,
    /// The number that the surrounding schema refuses.
    pub(crate) invalid: usize,
    /// The number for which no instance has a place.
    pub(crate) unplaced: usize,
}

/// Puts every example and default of `schema` into an instance.
pub(crate) fn examples(schema: &Schema, random: &mut Random) -> Examples {
    let mut found = Examples::default();
    // The tree does not move, so that the address of a node identifies it.
    let mut done: BTreeSet<*const Value> = BTreeSet::new();
    found.unplaced = count(&schema.tree);
    for _ in 0..ATTEMPTS {
        let base = Generator { random, fill: Fill::Full }.instance(&schema.tree);
        let Some(base) = fit(schema, base, random) else { continue };
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
                        found.placed.push(PlacedExample { kind, pointer: site.pointer.clone(), instance });
                    }
                    if kind != WHOLE {
                        found.unplaced -= 1;
                        found.invalid += usize::from(!accepted);
                    }
                }
            }
        }
    }
    found
}

/// Counts the examples and defaults in a tree.
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
            // Some documents publish one example of a list as the list of its examples.
            if node.get("type").is_some_and(|kind| kind == "array") {
                values.push((WHOLE, list));
            }
        }
    }
    values
}
