//! The places that a report of the generator names, because their types differ from their schemas.

use std::collections::BTreeSet;

use fal_codegen::report::Entry;
use serde_json::Value;

use super::writer::Part;
use crate::{
    compare::Direction,
    findings::{Disagreement, Law},
    schema::referenced,
};

/// The places of an endpoint that its report names, as JSON pointers into the document.
pub(super) struct Reported<'p> {
    part: &'p Part,
    pointers: BTreeSet<String>,
}

impl<'p> Reported<'p> {
    /// Reads the lists of a report. Each item begins with a pointer.
    pub(super) fn new(entry: &Entry, part: &'p Part) -> Self {
        let mut pointers = BTreeSet::new();
        let entry = serde_json::to_value(entry).unwrap_or_default();
        for list in entry.as_object().into_iter().flatten().filter_map(|(_, value)| value.as_array()) {
            for text in list.iter().filter_map(Value::as_str).filter(|text| text.starts_with('/')) {
                // An unusual default or example changes no type.
                let (pointer, message) = text.split_once(": ").unwrap_or((text, ""));
                if !["default", "example"].iter().any(|word| message.contains(word)) {
                    pointers.insert(in_part(pointer.strip_prefix("/openapi").unwrap_or(pointer)));
                }
            }
        }
        Self { part, pointers }
    }

    /// Returns the number of places.
    pub(super) fn len(&self) -> usize {
        self.pointers.len()
    }

    /// Returns true if the report names the place of a disagreement. It never excuses that a valid instance is refused.
    pub(super) fn announces(&self, one: &Disagreement) -> bool {
        let instance: Value = serde_json::from_str(&one.instance).unwrap_or_default();
        // The reason of a change begins with the pointer of the first difference.
        let changed = one.reason.split('`').nth(1).unwrap_or_default();
        match one.law {
            Law::Refused => false,
            Law::Accepted => self.covers(one.direction, &instance, &one.pointer),
            Law::Changed => self.covers(one.direction, &instance, changed),
        }
    }

    /// Returns true if the report names the schema of the value at `pointer`, a schema around it, or a keyword of it.
    pub(super) fn covers(&self, direction: Direction, instance: &Value, pointer: &str) -> bool {
        if self.pointers.is_empty() {
            return false;
        }
        let (root, place) = match direction {
            Direction::Input => (&self.part.input, "requestBody"),
            Direction::Output => (&self.part.output, "responses"),
        };
        let mut nodes = vec![(root, format!("/paths/{place}"))];
        self.follow(&mut nodes);
        let mut value = Some(instance);
        for token in pointer.split('/').skip(1) {
            if self.names(&nodes, false) {
                return true;
            }
            let token = token.replace("~1", "/").replace("~0", "~");
            let list = value.is_some_and(Value::is_array);
            value = value.and_then(|value| match value {
                Value::Array(items) => items.get(token.parse::<usize>().ok()?),
                value => value.get(&token),
            });
            nodes = nodes.iter().flat_map(|(schema, at)| step(schema, at, &token, list)).collect();
            self.follow(&mut nodes);
        }
        self.names(&nodes, true)
    }

    /// Returns true if a pointer of the report is one of `nodes` or a keyword of it, or, for the last node, inside it but of
    /// no property.
    fn names(&self, nodes: &[(&Value, String)], last: bool) -> bool {
        nodes.iter().any(|(_, at)| {
            self.pointers.iter().any(|pointer| {
                pointer.strip_prefix(at).is_some_and(|rest| match rest.strip_prefix('/') {
                    None => rest.is_empty(),
                    Some(keyword) if !last => !keyword.contains('/'),
                    Some(_) => !rest.contains("/properties/"),
                })
            })
        })
    }

    /// Adds the members of unions and the targets of references.
    fn follow(&self, nodes: &mut Vec<(&'p Value, String)>) {
        let mut next = 0;
        while let Some((schema, at)) = nodes.get(next).cloned() {
            next += 1;
            if nodes.len() > 200 {
                return;
            }
            if let Some((name, target)) =
                referenced(schema).and_then(|name| self.part.components.get_key_value(&name))
            {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                nodes.push((target, format!("/components/schemas/{escaped}")));
            }
            for key in ["anyOf", "oneOf", "allOf"] {
                for (index, member) in
                    schema.get(key).and_then(Value::as_array).into_iter().flatten().enumerate()
                {
                    nodes.push((member, format!("{at}/{key}/{index}")));
                }
            }
        }
    }
}

/// Returns a pointer into a document as one into a part, in which an input and an output have no path.
fn in_part(pointer: &str) -> String {
    let place = |(before, rest): (&str, &str)| {
        let place = if before.contains("/requestBody") { "requestBody" } else { "responses" };
        format!("/paths/{place}{rest}")
    };
    let inline = pointer.split_once("/content/application~1json/schema");
    inline.filter(|_| pointer.starts_with("/paths/")).map_or_else(|| pointer.to_owned(), place)
}

/// Returns the schemas of a property or an item.
fn step<'s>(schema: &'s Value, at: &str, token: &str, list: bool) -> Vec<(&'s Value, String)> {
    let mut found = Vec::new();
    if list {
        let first = schema
            .get("prefixItems")
            .and_then(|first| first.get(token.parse::<usize>().unwrap_or(usize::MAX)));
        match first {
            Some(first) => found.push((first, format!("{at}/prefixItems/{token}"))),
            None => found.extend(schema.get("items").map(|items| (items, format!("{at}/items")))),
        }
        return found;
    }
    let escaped = token.replace('~', "~0").replace('/', "~1");
    match schema.get("properties").and_then(|properties| properties.get(token)) {
        Some(property) => found.push((property, format!("{at}/properties/{escaped}"))),
        None => {
            let values = schema.get("additionalProperties");
            found.extend(values.map(|values| (values, format!("{at}/additionalProperties"))));
        }
    }
    found
}
