//! Merges `allOf` of several schemas into one schema.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Map, Value, json};

use super::references::SCHEMAS;

/// Keywords that describe a value and allow no less. The outermost one counts.
const ANNOTATIONS: &[&str] = &[
    "title",
    "description",
    "default",
    "example",
    "deprecated",
    "readOnly",
    "writeOnly",
    "$comment",
    "$schema",
];

/// Merges every `allOf` that one schema can express.
///
/// An `allOf` that is left has parts that no single schema of OpenAPI 3.0 expresses, such as two unions.
pub(super) fn merge_all_of(openapi: &mut Value) {
    let schemas =
        openapi.pointer("/components/schemas").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut merger = Merger {
        schemas: &schemas,
        merged: BTreeMap::new(),
        depth: 0,
        named: HashMap::new(),
        names: schemas.keys().cloned().collect(),
        pending: Vec::new(),
    };
    if let Some(components) = openapi.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        components.values_mut().for_each(|schema| merger.rewrite(schema, true));
    }
    for place in ["/paths", "/components/parameters", "/components/requestBodies", "/components/responses"] {
        if let Some(place) = openapi.pointer_mut(place) {
            merger.rewrite_inside(place);
        }
    }
    let mut added = Vec::new();
    while let Some((name, mut schema)) = merger.pending.pop() {
        merger.rewrite(&mut schema, true);
        added.push((name, schema));
    }
    if let Some(components) = openapi.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        components.extend(added);
    }
}

/// The number of components that lead from one to the next. Deeper ones are not merged.
const MAX_DEPTH: usize = 128;

struct Merger<'a> {
    schemas: &'a Map<String, Value>,
    /// The components that parts refer to, merged. `None` while one is being merged, and for those that cannot be.
    merged: BTreeMap<String, Option<Map<String, Value>>>,
    /// The number of components that are being merged.
    depth: usize,
    /// The names of the components that hold merged schemas, by the text of the schema that was merged.
    named: HashMap<String, String>,
    /// The names of all components.
    names: HashSet<String>,
    /// The new components whose contents have not been rewritten.
    pending: Vec<(String, Value)>,
}

impl Merger<'_> {
    /// Rewrites the schemas inside paths, which are the values of keys called `schema`.
    fn rewrite_inside(&mut self, value: &mut Value) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    match key.as_str() {
                        "schema" => self.rewrite(value, false),
                        "example" | "examples" => {}
                        _ => self.rewrite_inside(value),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.rewrite_inside(item)),
            _ => {}
        }
    }

    /// Rewrites a schema, or each of a list of schemas, and everything inside it. `is_component`: the schema has a name.
    fn rewrite(&mut self, value: &mut Value, is_component: bool) {
        match value {
            Value::Object(object) => {
                if is_several(object)
                    && let Some(merged) = self.flatten(object)
                {
                    if self.only_part(object).is_some_and(|part| constraints(&part) == constraints(&merged)) {
                        // What stands beside the reference adds nothing, and the component keeps its name.
                        object.retain(|key, _| key == "allOf" || key == "nullable" || is_annotation(key));
                    } else if !is_component && merged.values().any(holds_several) {
                        // Merged where it stands, a schema that contains itself would have no end, and one that is part
                        // of two parts of every level would double with each.
                        self.name(object, merged);
                        return;
                    } else {
                        *object = merged;
                    }
                }
                for (key, value) in object {
                    match (key.as_str(), value) {
                        // Here keys are names, which may be those of keywords.
                        ("properties", Value::Object(properties)) => {
                            properties.values_mut().for_each(|property| self.rewrite(property, false));
                        }
                        ("default" | "enum" | "example" | "x-examples", _) => {}
                        (_, value) => self.rewrite(value, false),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.rewrite(item, false)),
            _ => {}
        }
    }

    /// Makes a component of a merged schema, and `object` a reference to it with its own annotations.
    fn name(&mut self, object: &mut Map<String, Value>, merged: Map<String, Value>) {
        let text = Value::Object(object.clone()).to_string();
        let name = match self.named.get(&text) {
            Some(name) => name.clone(),
            None => {
                let parts = object.get("allOf").and_then(Value::as_array).into_iter().flatten();
                let base = parts.filter_map(|part| part.get("$ref")?.as_str()?.strip_prefix(SCHEMAS)).next();
                let title = object.get("title").and_then(Value::as_str);
                let base = title.or(base).unwrap_or("AllOf").to_owned();
                let numbered = (2..).map(|number| format!("{base}_{number}"));
                let name =
                    std::iter::once(base.clone()).chain(numbered).find(|name| !self.names.contains(name));
                let name = name.unwrap_or(base);
                self.names.insert(name.clone());
                self.named.insert(text, name.clone());
                self.pending.push((name.clone(), merged.into()));
                name
            }
        };
        object.retain(|key, _| key == "nullable" || is_annotation(key));
        object.insert("allOf".to_owned(), json!([{ "$ref": format!("{SCHEMAS}{name}") }]));
    }

    /// Returns a schema without `allOf` and `$ref` at its root that allows the same values.
    fn flatten(&mut self, schema: &Map<String, Value>) -> Option<Map<String, Value>> {
        let mut own = schema.clone();
        let parts = own.remove("allOf");
        // Beside other schemas, it adds null to what all of them allow.
        let is_composed = parts.is_some() || own.contains_key("$ref");
        let nullable = if is_composed { own.remove("nullable") } else { None };
        if let Some(reference) = own.remove("$ref") {
            own = intersect(own, self.component(reference.as_str()?)?)?;
        }
        for part in parts.as_ref().and_then(Value::as_array).into_iter().flatten() {
            let mut part = self.flatten(part.as_object()?)?;
            // A part that is a component has a name and a description of its own.
            part.retain(|key, _| key != "title" && key != "discriminator");
            own = intersect(own, part)?;
        }
        own.extend(nullable.map(|nullable| ("nullable".to_owned(), nullable)));
        Some(own)
    }

    /// Returns the component that is the only part of an `allOf`.
    fn only_part(&mut self, schema: &Map<String, Value>) -> Option<Map<String, Value>> {
        let [part] = schema.get("allOf")?.as_array()?.as_slice() else { return None };
        self.component(part.get("$ref")?.as_str()?)
    }

    fn component(&mut self, reference: &str) -> Option<Map<String, Value>> {
        let name = reference.strip_prefix(SCHEMAS)?;
        if let Some(known) = self.merged.get(name) {
            return known.clone();
        }
        if self.depth == MAX_DEPTH {
            return None;
        }
        self.merged.insert(name.to_owned(), None);
        self.depth += 1;
        let merged =
            self.schemas.get(name).and_then(Value::as_object).and_then(|schema| self.flatten(schema));
        self.depth -= 1;
        self.merged.insert(name.to_owned(), merged.clone());
        merged
    }
}

/// Returns true for an `allOf` that is more than a reference with annotations.
fn is_several(schema: &Map<String, Value>) -> bool {
    let parts = schema.get("allOf").and_then(Value::as_array).map_or(0, Vec::len);
    let is_constrained = schema.keys().any(|key| key != "allOf" && key != "nullable" && !is_annotation(key));
    parts > 1 || parts == 1 && is_constrained
}

/// Returns true if a value holds an `allOf` that is more than a reference with annotations.
fn holds_several(value: &Value) -> bool {
    match value {
        Value::Object(object) => is_several(object) || object.values().any(holds_several),
        Value::Array(items) => items.iter().any(holds_several),
        _ => false,
    }
}

/// Returns the keywords of a schema that restrict values.
fn constraints(schema: &Map<String, Value>) -> BTreeMap<&str, &Value> {
    let keywords = schema.iter().map(|(key, value)| (key.as_str(), value));
    keywords.filter(|(key, _)| !is_annotation(key) && *key != "nullable").collect()
}

fn is_annotation(key: &str) -> bool {
    let extensions = [
        super::PREFIX_ITEMS,
        super::REST_ITEMS,
        super::NULL,
        super::WIDE_BOUNDS,
        super::IGNORED,
        super::PROPERTY_NAMES,
        super::REQUIREMENTS,
    ];
    ANNOTATIONS.contains(&key) || key.starts_with("x-") && !extensions.contains(&key)
}

/// Returns a schema that allows what both allow, if one schema can say it.
fn intersect(mut left: Map<String, Value>, right: Map<String, Value>) -> Option<Map<String, Value>> {
    let is_constrained = |schema: &Map<String, Value>| schema.keys().any(|key| !is_annotation(key));
    let is_composed = |schema: &Map<String, Value>| {
        ["allOf", "anyOf", "oneOf", "not", "$ref", super::PREFIX_ITEMS]
            .iter()
            .any(|key| schema.contains_key(*key))
    };
    if is_constrained(&left) && is_constrained(&right) && (is_composed(&left) || is_composed(&right)) {
        return None;
    }
    if !can_join_properties(&left, &right) || !can_join_properties(&right, &left) {
        return None;
    }
    // Null is allowed only if both allow it. A schema without a type allows it anyway.
    let allows_null = |schema: &Map<String, Value>| {
        schema.get("nullable") == Some(&Value::Bool(true))
            || !["type", "enum"].iter().any(|key| schema.contains_key(*key))
    };
    let is_nullable = allows_null(&left)
        && allows_null(&right)
        && (left.contains_key("nullable") || right.contains_key("nullable"));
    // The flag belongs to one of two bounds.
    let mut exclusives = ["exclusiveMinimum", "exclusiveMaximum"].to_vec();
    exclusives.retain(|key| left.contains_key(*key) || right.contains_key(*key));
    for (key, value) in right {
        let Some(own) = left.get(&key).cloned() else {
            left.insert(key, value);
            continue;
        };
        if own == value || is_annotation(&key) || key == "nullable" {
            continue;
        }
        let exclusive = match key.as_str() {
            "minimum" => "exclusiveMinimum",
            "maximum" => "exclusiveMaximum",
            _ => "",
        };
        if exclusives.contains(&exclusive) {
            return None;
        }
        let joined = join(&key, own, value)?;
        left.insert(key, joined);
    }
    left.remove("nullable");
    if is_nullable {
        left.insert("nullable".into(), true.into());
    }
    Some(left)
}

/// Returns false if `left` restricts the properties of `right` that it does not list.
fn can_join_properties(left: &Map<String, Value>, right: &Map<String, Value>) -> bool {
    match left.get("additionalProperties") {
        None | Some(Value::Bool(true)) => true,
        rest => {
            let own = left.get("properties").and_then(Value::as_object);
            let mut others = right.get("properties").and_then(Value::as_object).into_iter().flatten();
            rest == right.get("additionalProperties") && right.get("properties") == left.get("properties")
                || others.all(|(name, _)| own.is_some_and(|own| own.contains_key(name)))
                    && right.get("additionalProperties").is_none_or(|more| more == &Value::Bool(true))
        }
    }
}

/// Joins two values of a keyword.
fn join(key: &str, left: Value, right: Value) -> Option<Value> {
    match (key, left, right) {
        ("required" | super::REQUIREMENTS, Value::Array(mut left), Value::Array(right)) => {
            right.into_iter().for_each(|name| {
                if !left.contains(&name) {
                    left.push(name)
                }
            });
            Some(left.into())
        }
        ("properties", Value::Object(mut left), Value::Object(right)) => {
            for (name, schema) in right {
                let joined = match left.get(&name) {
                    Some(own) if *own != schema => {
                        let (own, schema) = (own.as_object()?.clone(), schema.as_object()?.clone());
                        Value::Object(intersect(own, schema)?)
                    }
                    _ => schema,
                };
                left.insert(name, joined);
            }
            Some(left.into())
        }
        ("enum", Value::Array(mut left), Value::Array(right)) => {
            left.retain(|value| right.contains(value));
            (!left.is_empty()).then(|| left.into())
        }
        ("type", left, right) => {
            let mut kinds = [left.as_str()?, right.as_str()?];
            kinds.sort_unstable();
            (kinds == ["integer", "number"]).then(|| "integer".into())
        }
        ("minLength" | "minItems" | "minProperties" | "minimum", left, right) => {
            Some(if left.as_f64()? >= right.as_f64()? { left } else { right })
        }
        ("maxLength" | "maxItems" | "maxProperties" | "maximum", left, right) => {
            Some(if left.as_f64()? <= right.as_f64()? { left } else { right })
        }
        ("uniqueItems", left, right) => {
            Some((left == Value::Bool(true) || right == Value::Bool(true)).into())
        }
        ("additionalProperties", Value::Bool(true), other)
        | ("additionalProperties", other, Value::Bool(true)) => Some(other),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(schema: Value, merged: Value) {
        let mut document = json!({ "components": { "schemas": {
            "Base": { "title": "Base", "type": "object", "properties": { "p": { "type": "string" } }, "required": ["p"] },
            "Closed": { "type": "object", "properties": { "c": {} }, "additionalProperties": false },
            "Loop": { "allOf": [{ "$ref": "#/components/schemas/Loop" }, { "type": "object" }] },
            "X": schema
        } } });
        merge_all_of(&mut document);
        assert_eq!(document["components"]["schemas"]["X"], merged);
    }

    #[test]
    fn objects_are_merged() {
        check(
            json!({ "allOf": [
                { "$ref": "#/components/schemas/Base" },
                { "type": "object", "properties": { "q": { "type": "integer" } }, "required": ["q"] }
            ], "description": "Both." }),
            json!({ "type": "object", "properties": { "p": { "type": "string" }, "q": { "type": "integer" } },
                "required": ["p", "q"], "description": "Both." }),
        );
        check(
            json!({ "allOf": [{ "$ref": "#/components/schemas/Base" }], "type": "object", "required": ["p", "r"],
                "properties": { "r": {} } }),
            json!({ "type": "object", "required": ["p", "r"], "properties": { "r": {}, "p": { "type": "string" } } }),
        );
    }

    #[test]
    fn properties_may_have_the_names_of_keywords() {
        let parts = json!({ "allOf": [{ "type": "string", "minLength": 1 }, { "maxLength": 5 }] });
        let merged = json!({ "type": "string", "minLength": 1, "maxLength": 5 });
        check(
            json!({ "type": "object", "properties": { "default": parts, "enum": parts, "properties": parts } }),
            json!({ "type": "object", "properties": { "default": merged, "enum": merged, "properties": merged } }),
        );
        let data = json!({ "type": "object", "default": parts, "enum": [parts] });
        check(data.clone(), data);
    }

    #[test]
    fn null_beside_the_parts_is_kept() {
        check(
            json!({ "allOf": [
                { "$ref": "#/components/schemas/Base" },
                { "type": "object", "properties": { "q": { "type": "integer" } } }
            ], "nullable": true }),
            json!({ "type": "object", "properties": { "p": { "type": "string" }, "q": { "type": "integer" } },
                "required": ["p"], "nullable": true }),
        );
    }

    #[test]
    fn the_tighter_bound_is_kept() {
        check(
            json!({ "allOf": [{ "type": "string", "minLength": 1, "maxLength": 9 }, { "minLength": 3, "maxLength": 20 }] }),
            json!({ "type": "string", "minLength": 3, "maxLength": 9 }),
        );
        check(
            json!({ "allOf": [{ "type": "number", "minimum": 1 }, { "type": "integer", "nullable": true }] }),
            json!({ "type": "integer", "minimum": 1 }),
        );
    }

    #[test]
    fn a_schema_that_contains_itself_becomes_a_component() {
        let mut document = json!({ "components": { "schemas": { "Node": { "type": "object", "properties": {
            "child": { "description": "Next.", "allOf": [
                { "$ref": "#/components/schemas/Node" },
                { "type": "object", "properties": { "z": { "type": "string" } } },
            ] },
        } }, "Named": { "allOf": [{ "$ref": "#/components/schemas/Node" }, { "required": ["child"] }] } } } });
        merge_all_of(&mut document);
        let named = json!({ "child": document["components"]["schemas"]["Node"]["properties"]["child"] });
        assert_eq!(document["components"]["schemas"]["Named"]["properties"], named);
        let schemas = &document["components"]["schemas"];
        let child = json!({ "description": "Next.", "allOf": [{ "$ref": "#/components/schemas/Node_2" }] });
        assert_eq!(schemas["Node"]["properties"]["child"], child);
        assert_eq!(schemas["Node_2"]["properties"], json!({ "child": child, "z": { "type": "string" } }));
    }

    #[test]
    fn parts_of_parts_are_merged_in_linear_time() {
        let count = 2000;
        let part = |index: usize, name: &str| {
            json!({ "allOf": [
                { "$ref": format!("#/components/schemas/A{}", index + 1) },
                { "type": "object", "properties": { name: {} } },
            ] })
        };
        let mut schemas: Map<String, Value> = (0..count)
            .map(|index| {
                let properties = json!({ "l": part(index, "x"), "r": part(index, "y") });
                (format!("A{index}"), json!({ "type": "object", "properties": properties }))
            })
            .collect();
        schemas.insert(format!("A{count}"), json!({ "type": "object" }));
        let chain = |index: usize| json!({ "allOf": [{ "$ref": format!("#/components/schemas/C{}", index + 1) }, { "type": "object" }] });
        schemas.extend((0..20_000).map(|index| (format!("C{index}"), chain(index))));
        let mut document = json!({ "components": { "schemas": schemas } });
        merge_all_of(&mut document);
        let merged = document["components"]["schemas"].as_object().unwrap();
        assert!(merged.len() <= 20_000 + 3 * count + 1, "{}", merged.len());
    }

    #[test]
    fn parts_that_one_schema_cannot_express_stay() {
        for schema in [
            json!({ "allOf": [{ "$ref": "#/components/schemas/Base" }, { "$ref": "#/components/schemas/Closed" }] }),
            json!({ "allOf": [{ "anyOf": [{}, {}] }, { "type": "string" }] }),
            json!({ "allOf": [{ "type": "string", "pattern": "a" }, { "type": "string", "pattern": "b" }] }),
            json!({ "allOf": [{ "type": "string" }, { "type": "integer" }] }),
            json!({ "allOf": [{ "$ref": "#/components/schemas/Loop" }, { "type": "object" }] }),
            json!({ "allOf": [{ "$ref": "#/components/schemas/Base" }], "description": "One with annotations." }),
        ] {
            check(schema.clone(), schema);
        }
        check(
            json!({ "allOf": [{ "$ref": "#/components/schemas/Base" }], "type": "object", "description": "d" }),
            json!({ "allOf": [{ "$ref": "#/components/schemas/Base" }], "description": "d" }),
        );
    }
}
