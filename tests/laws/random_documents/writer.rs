//! Writes random OpenAPI documents of apps. Nothing here depends on the generator under test.

use serde_json::{Map, Value, json};

use super::names::{COMPONENTS, DESCRIPTIONS, FORMATS, PATTERNS, PROPERTIES, VALUES};
use crate::{
    instances::{Fill, Generator},
    random::Random,
    schema::Schema,
};

/// The depth of nested schemas.
const DEPTH: usize = 3;

/// The input, output and components of one document.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Part {
    pub(crate) input: Value,
    pub(crate) output: Value,
    pub(crate) components: Map<String, Value>,
}

/// Writes the documents of an app: one, or two whose components have the same names.
pub(super) fn write(random: &mut Random, pair: bool) -> Vec<Part> {
    let mut names = COMPONENTS.to_vec();
    random.shuffle(&mut names);
    let first = part(random, &names);
    if !pair {
        return vec![first];
    }
    let second = if random.once_in(2) { part(random, &names) } else { changed(&first, random) };
    vec![first, second]
}

fn part(random: &mut Random, names: &[&'static str]) -> Part {
    let mut writer = Writer { random, components: Map::new(), names: names.to_vec(), open: Vec::new() };
    let input = writer.root_input();
    let output = writer.root_output();
    let components = writer.components;
    let mut part = Part { input, output, components };
    add_defaults(&mut part, random);
    part
}

/// Returns a copy with one bound, enum or object changed, as two endpoints of an app may differ.
fn changed(part: &Part, random: &mut Random) -> Part {
    let mut copy = part.clone();
    for _ in 0..40 {
        let schemas = copy.components.values_mut().chain([&mut copy.input]);
        if schemas.into_iter().any(|schema| change(schema, random)) {
            break;
        }
    }
    copy
}

/// Changes one schema in or below `schema`, or none.
fn change(schema: &mut Value, random: &mut Random) -> bool {
    let node = match schema {
        Value::Array(items) => return items.iter_mut().any(|item| change(item, random)),
        Value::Object(node) => node,
        _ => return false,
    };
    if random.once_in(4) {
        if let Some(most) =
            node.get_mut("maximum").filter(|most| most.as_i64().is_some_and(|most| most < 1000))
        {
            *most = json!(most.as_i64().unwrap_or_default() + 40);
            return true;
        }
        if let Some(Value::Array(values)) = node.get_mut("enum").filter(|values| values[0].is_string()) {
            values.push(json!("added"));
            return true;
        }
        if let Some(Value::Object(properties)) = node.get_mut("properties") {
            let text = json!({ "type": "string", "maxLength": 3 });
            properties.insert((*random.pick(&["added", "name", "id"])).to_owned(), text);
            return true;
        }
    }
    node.iter_mut().any(|(key, value)| key != "enum" && change(value, random))
}

struct Writer<'r> {
    random: &'r mut Random,
    components: Map<String, Value>,
    /// Names of components that are free.
    names: Vec<&'static str>,
    /// The objects that are being written, which their own properties may refer to.
    open: Vec<String>,
}

/// Returns a reference to a component, escaped as JSON pointers and URIs ask.
fn reference(name: &str) -> Value {
    let mut escaped = String::new();
    for byte in name.replace('~', "~0").replace('/', "~1").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'~' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    json!({ "$ref": format!("#/components/schemas/{escaped}") })
}

impl Writer<'_> {
    fn once_in(&mut self, times: usize) -> bool {
        self.random.once_in(times)
    }

    fn root_input(&mut self) -> Value {
        let schema = if self.once_in(12) {
            let base = self.named(|writer| writer.object(DEPTH - 1, false));
            let own = self.object(DEPTH - 1, false);
            json!({ "allOf": [base, own] })
        } else {
            self.object(DEPTH, true)
        };
        if self.once_in(4) { schema } else { self.add("Input", schema) }
    }

    fn root_output(&mut self) -> Value {
        let schema = match self.random.below(16) {
            0 => self.list(DEPTH),
            1 => {
                let schema = self.named(|writer| writer.object(DEPTH - 1, true));
                return json!({ "anyOf": [schema, { "type": "null" }] });
            }
            2 => self.tagged(DEPTH),
            3 => self.schema(DEPTH),
            _ => self.object(DEPTH, true),
        };
        if self.once_in(4) { schema } else { self.add("Output", schema) }
    }

    fn add(&mut self, name: &str, schema: Value) -> Value {
        self.components.insert(name.to_owned(), schema);
        reference(name)
    }

    /// Writes a component and returns a reference to it.
    fn named(&mut self, write: impl FnOnce(&mut Self) -> Value) -> Value {
        let Some(name) = self.names.pop() else { return write(self) };
        let schema = write(self);
        self.add(name, schema)
    }

    /// Writes any schema.
    fn schema(&mut self, depth: usize) -> Value {
        let kinds = if depth == 0 { 9 } else { 20 };
        let mut schema = match self.random.below(kinds) {
            0 => json!({ "type": "string" }),
            1 => self.text(),
            2 | 3 => self.integer(),
            4 => self.number(),
            5 => self.simple(),
            6 | 7 => self.enumeration(),
            8 => self.constant(),
            9 | 10 => self.object(depth - 1, true),
            11 => self.list(depth),
            12 => self.tuple(depth),
            13 => self.map(depth),
            14 | 15 => self.union(depth),
            16 => self.tagged(depth),
            17 | 18 => self.reference(depth),
            _ => self.all_of(depth),
        };
        if self.once_in(5) {
            schema = self.nullable(schema);
        }
        if let Some(object) = schema.as_object_mut()
            && self.random.once_in(5)
        {
            object.insert("description".to_owned(), json!(self.random.pick(DESCRIPTIONS)));
        }
        schema
    }

    fn nullable(&mut self, schema: Value) -> Value {
        let kind =
            schema.get("type").and_then(Value::as_str).filter(|kind| *kind != "null").map(str::to_owned);
        match kind {
            Some(kind)
                if schema.get("enum").is_none() && schema.get("const").is_none() && self.once_in(3) =>
            {
                let mut schema = schema;
                schema["type"] = json!([kind, "null"]);
                schema
            }
            _ => json!({ "anyOf": [schema, { "type": "null" }] }),
        }
    }

    fn text(&mut self) -> Value {
        let mut schema = json!({ "type": "string" });
        match self.random.below(7) {
            0 => schema["maxLength"] = json!(1 + self.random.below(20)),
            1 => schema["minLength"] = json!(1 + self.random.below(5)),
            2 => {
                schema["minLength"] = json!(self.random.below(4));
                schema["maxLength"] = json!(4 + self.random.below(6));
            }
            3..=5 => schema["pattern"] = json!(self.random.pick(PATTERNS)),
            _ => schema["format"] = json!(self.random.pick(FORMATS)),
        }
        schema
    }

    fn integer(&mut self) -> Value {
        let bounds = [
            json!({}),
            json!({}),
            json!({ "minimum": 0 }),
            json!({ "minimum": -3, "maximum": 7 }),
            json!({ "minimum": 1.0, "maximum": 9.5 }),
            json!({ "exclusiveMinimum": 0, "exclusiveMaximum": 5 }),
            json!({ "exclusiveMinimum": 0.5, "exclusiveMaximum": 3.5 }),
            json!({ "minimum": 0, "exclusiveMaximum": 10 }),
            json!({ "minimum": 4, "maximum": 100, "multipleOf": 4 }),
            json!({ "multipleOf": 3 }),
            json!({ "minimum": 0, "maximum": 4_294_967_295_u32 }),
            json!({ "minimum": 0, "maximum": i64::MAX }),
            json!({ "minimum": i64::MIN }),
            json!({ "minimum": 0, "maximum": u64::MAX }),
            json!({ "minimum": 0, "maximum": 1.8e19 }),
            json!({ "maximum": -1 }),
            json!({ "minimum": 5, "maximum": 5 }),
        ];
        let mut schema = self.random.pick(&bounds).clone();
        schema["type"] = json!("integer");
        schema
    }

    fn number(&mut self) -> Value {
        let bounds = [
            json!({}),
            json!({ "minimum": 0, "maximum": 1 }),
            json!({ "minimum": 0.0, "maximum": 4.0 }),
            json!({ "exclusiveMinimum": 0, "maximum": 20 }),
            json!({ "exclusiveMinimum": -1.5, "exclusiveMaximum": 1.5 }),
            json!({ "multipleOf": 0.25 }),
            json!({ "minimum": 0, "maximum": 10, "multipleOf": 0.1 }),
            json!({ "minimum": 1 }),
            json!({ "maximum": -0.5 }),
        ];
        let mut schema = self.random.pick(&bounds).clone();
        schema["type"] = json!("number");
        schema
    }

    fn simple(&mut self) -> Value {
        match self.random.below(8) {
            0 => json!({}),
            1 => json!(true),
            2 => json!({ "type": "null" }),
            3 => json!({ "type": ["null"] }),
            4 => json!({ "type": ["string", "integer"] }),
            _ => json!({ "type": "boolean" }),
        }
    }

    fn enumeration(&mut self) -> Value {
        let texts = self.values();
        let (kind, mut values) = match self.random.below(10) {
            0..=3 => (Some("string"), texts),
            4 => (None, texts),
            5 => (Some("integer"), vec![json!(0), json!(10), json!(-1)]),
            6 => (Some("number"), vec![json!(0.5), json!(1.5), json!(2.0)]),
            7 => (Some("boolean"), vec![json!(true)]),
            8 => (None, vec![json!("a"), json!(1), json!(true), json!(2.5)]),
            _ => (None, vec![json!(1), json!(2), json!(4)]),
        };
        if kind.is_none() && self.once_in(2) {
            values.push(Value::Null);
        }
        let mut schema = json!({ "enum": values });
        if let Some(kind) = kind {
            schema["type"] = json!(kind);
        }
        schema
    }

    /// Returns different texts.
    fn values(&mut self) -> Vec<Value> {
        let mut values = VALUES.to_vec();
        self.random.shuffle(&mut values);
        values.truncate(1 + self.random.below(5));
        values.into_iter().map(Value::from).collect()
    }

    fn constant(&mut self) -> Value {
        let values = [
            json!("x"),
            json!("a b"),
            json!(1),
            json!(0),
            json!(1.5),
            json!(true),
            json!(false),
            Value::Null,
        ];
        let value = self.random.pick(&values).clone();
        let kind = match &value {
            Value::String(_) => "string",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::Bool(_) => "boolean",
            _ => "null",
        };
        if self.once_in(2) { json!({ "const": value }) } else { json!({ "const": value, "type": kind }) }
    }

    /// Writes an object. `may_close`: it may refuse or describe properties that it does not name.
    fn object(&mut self, depth: usize, may_close: bool) -> Value {
        let mut names = PROPERTIES.to_vec();
        self.random.shuffle(&mut names);
        names.truncate(1 + self.random.below(if depth == DEPTH { 6 } else { 3 }));
        let mut properties = Map::new();
        let mut required = Vec::new();
        for name in names {
            if !self.open.is_empty() && self.once_in(8) {
                properties.insert(name.to_owned(), self.recursion());
                continue;
            }
            let schema = match name {
                _ if name.ends_with("_url") && !self.once_in(4) => self.file(),
                _ if name.ends_with("_urls") && !self.once_in(4) => {
                    json!({ "type": "array", "items": { "type": "string" } })
                }
                _ => self.schema(depth),
            };
            properties.insert(name.to_owned(), schema);
            if self.once_in(2) {
                required.push(name);
            }
        }
        let mut object = json!({ "properties": properties });
        if !self.once_in(8) {
            object["type"] = json!("object");
        }
        if !required.is_empty() {
            object["required"] = json!(required);
        }
        if may_close {
            match self.random.below(8) {
                0 => object["additionalProperties"] = json!(false),
                1 => object["additionalProperties"] = json!(true),
                2 => object["additionalProperties"] = self.schema(0),
                _ => {}
            }
        }
        if self.once_in(6) {
            object["title"] = json!(self.random.pick(COMPONENTS));
        }
        object
    }

    fn file(&mut self) -> Value {
        match self.random.below(6) {
            0 => json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }),
            1 => json!({ "type": "string", "pattern": "^https://" }),
            2 => json!({ "type": "string", "minLength": 1, "maxLength": 30 }),
            _ => json!({ "type": "string" }),
        }
    }

    /// Refers to an object that is being written, in a place that may be absent or empty.
    fn recursion(&mut self) -> Value {
        let target = reference(&self.random.pick(&self.open).clone());
        match self.random.below(5) {
            0 => json!({ "type": "array", "items": target }),
            1 => json!({ "type": "object", "additionalProperties": target }),
            2 => json!({ "type": "array", "prefixItems": [target, { "type": "integer" }], "maxItems": 2 }),
            3 => target,
            _ => json!({ "anyOf": [target, { "type": "null" }] }),
        }
    }

    fn list(&mut self, depth: usize) -> Value {
        let items = self.schema(depth - 1);
        let mut list = json!({ "type": "array", "items": items });
        match self.random.below(8) {
            0 => list["minItems"] = json!(1),
            1 => list["maxItems"] = json!(3),
            2 => {
                list["minItems"] = json!(2);
                list["maxItems"] = json!(4);
            }
            3 => list["uniqueItems"] = json!(true),
            4 if self.once_in(4) => return json!({ "type": "array", "maxItems": 0 }),
            5 if self.once_in(2) => drop(list.as_object_mut().map(|list| list.remove("items"))),
            _ => {}
        }
        list
    }

    fn tuple(&mut self, depth: usize) -> Value {
        let length = if self.once_in(10) { 13 } else { 1 + self.random.below(3) };
        let first: Vec<Value> = if length == 13 {
            vec![json!({ "type": "integer" }); 13]
        } else {
            (0..length).map(|_| self.schema(depth - 1)).collect()
        };
        let mut tuple = json!({ "type": "array", "prefixItems": first });
        match self.random.below(7) {
            0..=2 => {
                tuple["minItems"] = json!(length);
                tuple["maxItems"] = json!(length);
            }
            3 => tuple["items"] = json!(false),
            4 => {
                tuple["items"] = self.schema(0);
                tuple["minItems"] = json!(length);
            }
            5 => tuple["minItems"] = json!(length),
            _ => {}
        }
        tuple
    }

    fn map(&mut self, depth: usize) -> Value {
        let values = self.schema(depth - 1);
        let mut map = json!({ "type": "object", "additionalProperties": values });
        match self.random.below(8) {
            0 => map["maxProperties"] = json!(2),
            1 => map["minProperties"] = json!(1),
            2 => map["propertyNames"] = json!({ "maxLength": 5 }),
            3 => map = json!({ "type": "object" }),
            _ => {}
        }
        map
    }

    fn union(&mut self, depth: usize) -> Value {
        let count = 2 + self.random.below(2);
        let mut branches: Vec<Value> = (0..count)
            .map(|_| match self.random.below(5) {
                0 => self.object(depth - 1, true),
                1 => self.named(|writer| writer.object(depth - 1, true)),
                2 => self.enumeration(),
                _ => self.schema(depth - 1),
            })
            .collect();
        if self.once_in(6) {
            let inner = json!({ "anyOf": [branches.pop(), self.schema(0)] });
            branches.push(inner);
        }
        let mut union = json!({ "anyOf": branches });
        if self.once_in(8) {
            union = json!({ "anyOf": [{ "type": "string", "maxLength": 5 }, { "type": "null" }], "maxLength": 10 });
        }
        union
    }

    /// Writes a union of objects that a constant property distinguishes.
    fn tagged(&mut self, depth: usize) -> Value {
        let tag = *self.random.pick(&["kind", "type", "t", "role"]);
        let mut members = Vec::new();
        let mut mapping = Map::new();
        let mut values = self.values();
        values.push(json!("one more"));
        while let Some(value) = values.pop() {
            let may_close = self.once_in(3);
            let mut object = self.object(depth.saturating_sub(1), may_close);
            let text = value.as_str().unwrap_or_default().to_owned();
            let second = if members.is_empty() { None } else { values.pop() };
            let schema = match second.as_ref() {
                Some(second) => json!({ "type": "string", "enum": [value, second] }),
                None if self.once_in(3) => json!({ "const": value }),
                None => json!({ "type": "string", "const": value, "default": value }),
            };
            let required = object.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
            let required = required.into_iter().filter(|name| name != tag);
            // People leave the tag to the mapping, or describe it as any text.
            match self.random.below(24) {
                0 => {
                    object["required"] = required.collect();
                    drop(object["properties"].as_object_mut().map(|properties| properties.remove(tag)));
                }
                1 => {
                    object["required"] = required.chain([json!(tag)]).collect();
                    object["properties"][tag] = json!({ "type": "string" });
                }
                _ => {
                    object["required"] = required.chain([json!(tag)]).collect();
                    object["properties"][tag] = schema;
                }
            }
            let member = self.named(|_| object);
            if let Some(target) = member.get("$ref") {
                for text in
                    [Some(text.as_str()), second.as_ref().and_then(Value::as_str)].into_iter().flatten()
                {
                    mapping.insert(text.to_owned(), target.clone());
                }
            }
            members.push(member);
            if members.len() == 3 {
                break;
            }
        }
        if members.len() == 1 {
            return members.remove(0);
        }
        let union = if self.once_in(2) { "oneOf" } else { "anyOf" };
        let mut schema = json!({ union: members });
        match self.random.below(5) {
            0 => {}
            1 => schema["discriminator"] = json!({ "propertyName": tag }),
            2 if mapping.len() > 1 => {
                let last = mapping.keys().next_back().cloned().unwrap_or_default();
                mapping.remove(&last);
                schema["discriminator"] = json!({ "propertyName": tag, "mapping": mapping });
            }
            _ => schema["discriminator"] = json!({ "propertyName": tag, "mapping": mapping }),
        }
        schema
    }

    /// Refers to a component: one that exists, an object that may refer to itself, or a name for another schema.
    fn reference(&mut self, depth: usize) -> Value {
        let known: Vec<String> = self.components.keys().cloned().collect();
        match self.random.below(8) {
            0 | 1 if !known.is_empty() => reference(self.random.pick(&known).as_str()),
            2 => {
                let schema = self.schema(depth - 1);
                self.named(|_| schema)
            }
            3 if self.once_in(4) => {
                let Some(name) = self.names.pop() else { return json!({}) };
                let own = reference(name);
                let list = json!({ "type": "array", "items": own });
                let map = json!({ "type": "object", "additionalProperties": own });
                self.add(name, json!({ "anyOf": [{ "type": "string" }, { "type": "number" }, list, map] }))
            }
            4 if self.once_in(2) => self.image(),
            _ => {
                let Some(name) = self.names.pop() else { return self.object(depth - 1, true) };
                self.open.push(name.to_owned());
                let schema = self.object(depth - 1, true);
                self.open.pop();
                self.add(name, schema)
            }
        }
    }

    /// Refers to the image of fal's toolkit. Where its name is taken, the image is no component.
    fn image(&mut self) -> Value {
        let known = self.components.get("Image");
        if known.is_some_and(|image| *image == toolkit_image()) {
            return reference("Image");
        }
        match self.names.iter().position(|name| *name == "Image") {
            Some(index) => {
                self.names.remove(index);
                self.add("Image", toolkit_image())
            }
            None => toolkit_image(),
        }
    }

    fn all_of(&mut self, depth: usize) -> Value {
        match self.random.below(4) {
            0 => json!({ "allOf": [{ "type": "string", "minLength": 1 }, { "maxLength": 5 }] }),
            1 => {
                let base = self.named(|writer| writer.object(depth - 1, false));
                let own = self.object(depth - 1, false);
                json!({ "allOf": [base, own] })
            }
            _ => {
                let one = self.reference(depth);
                json!({ "allOf": [one], "description": "One part." })
            }
        }
    }
}

/// Returns the image of fal's toolkit for apps.
fn toolkit_image() -> Value {
    let optional = |kind: &str| json!({ "anyOf": [{ "type": kind }, { "type": "null" }] });
    json!({
        "type": "object",
        "title": "Image",
        "properties": {
            "url": { "type": "string", "title": "Url" },
            "content_type": optional("string"),
            "file_name": optional("string"),
            "file_size": optional("integer"),
            "width": optional("integer"),
            "height": optional("integer"),
        },
        "required": ["url"],
    })
}

/// Gives some properties a default, most of them one that their schema accepts.
fn add_defaults(part: &mut Part, random: &mut Random) {
    let openapi = json!({ "components": { "schemas": part.components } });
    let roots = part.components.values_mut().chain([&mut part.input]);
    for properties in roots.filter_map(|root| root.get_mut("properties")).filter_map(Value::as_object_mut) {
        for property in properties.values_mut().filter(|property| property.is_object()) {
            if !random.once_in(5) {
                continue;
            }
            let schema = Schema::new(&openapi, property);
            let value = Generator { random, fill: Fill::Some }.instance(&schema.tree);
            if random.once_in(10) {
                property["default"] = json!("3");
            } else if schema.accepts(&value) {
                property["default"] = value;
            }
        }
    }
}
