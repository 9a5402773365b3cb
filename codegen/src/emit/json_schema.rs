//! `json_schema.rs` of a crate: `JsonSchema` for every type, behind the feature `schemars`.
//!
//! A file of its own, so that without the feature nobody reads it, the compiler included.

use serde_json::{Value, json};

use super::{Style, docs, module::header};
use crate::rust::{Crate, Endpoint, Item, Module, Output, Struct, VariantKind, schemas::TYPE};

/// The text of the file.
pub(super) fn file(style: Style, item: &Crate) -> String {
    let mut impls = Vec::new();
    let shared = Scope { krate: item, path: "types".to_owned(), own: &[] };
    impls.extend(item.types.iter().filter_map(|item| shared.of_item(item)));
    modules(item, &item.root, &mut impls);
    format!(
        "{}//! JSON Schemas of the types of this crate.\n\nuse std::borrow::Cow;\n\n\
         use schemars::{{JsonSchema, Schema, SchemaGenerator, json_schema}};\n\n{}",
        header(style, item.source.as_deref()),
        impls.join("\n"),
    )
}

fn modules(item: &Crate, module: &Module, items: &mut Vec<String>) {
    if let Some(endpoint) = &module.endpoint {
        let types = [&endpoint.input_types, &endpoint.output_types, &endpoint.event_types];
        let own: Vec<Item> = types.into_iter().flatten().cloned().collect();
        let scope = Scope { krate: item, path: module.path.join("::"), own: &own };
        items.extend(scope.of_endpoint(endpoint));
    }
    module.children.iter().for_each(|child| modules(item, child, items));
}

/// Where names are looked up.
struct Scope<'a> {
    krate: &'a Crate,
    /// The module, inside the crate.
    path: String,
    /// The types of the module itself.
    own: &'a [Item],
}

impl Scope<'_> {
    fn of_endpoint(&self, endpoint: &Endpoint) -> Vec<String> {
        let mut items = vec![self.of_struct(&endpoint.input)];
        for output in [Some(&endpoint.output), endpoint.event.as_ref()].into_iter().flatten() {
            if let Output::Struct(output) = output {
                items.push(self.of_struct(output));
            }
        }
        items.extend(self.own.iter().filter_map(|item| self.of_item(item)));
        items
    }

    fn of_item(&self, item: &Item) -> Option<String> {
        match item {
            Item::Struct(item) => Some(self.of_struct(item)),
            Item::TextEnum(item) => {
                let values: Vec<&str> = item.variants.iter().map(|(_, value)| value.as_str()).collect();
                Some(self.implement(&item.ident, &json!({ "type": "string", "enum": values })))
            }
            Item::IntegerEnum(item) => {
                let values: Vec<i64> = item.variants.iter().map(|(_, value)| *value).collect();
                Some(self.implement(&item.ident, &json!({ "type": "integer", "enum": values })))
            }
            Item::Union(item) => {
                let mut branches: Vec<Value> = item
                    .variants
                    .iter()
                    .filter_map(|variant| match &variant.kind {
                        VariantKind::Value { schema, .. } => Some(schema.clone()),
                        VariantKind::Text(_) => None,
                    })
                    .collect();
                let presets: Vec<&str> = item
                    .variants
                    .iter()
                    .filter_map(|variant| match &variant.kind {
                        VariantKind::Text(value) => Some(value.as_str()),
                        VariantKind::Value { .. } => None,
                    })
                    .collect();
                if !presets.is_empty() {
                    branches.push(json!({ "type": "string", "enum": presets }));
                }
                Some(self.implement(&item.ident, &json!({ "anyOf": branches })))
            }
            Item::Number(_) | Item::Length(_) => None,
        }
    }

    fn of_struct(&self, item: &Struct) -> String {
        let properties: serde_json::Map<String, Value> =
            item.fields.iter().map(|field| (field.wire.clone(), field.schema.clone())).collect();
        let required: Vec<&str> =
            item.fields.iter().filter(|field| field.required).map(|field| field.wire.as_str()).collect();
        let mut schema = json!({ "type": "object", "properties": properties });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        let description = docs::plain(&item.description);
        if !description.is_empty() {
            schema["description"] = description.into();
        }
        self.implement(&item.ident, &schema)
    }

    /// Text and not tokens: prettyplease cannot lay out what stands inside a macro.
    fn implement(&self, name: &str, schema: &Value) -> String {
        let krate = self.krate.lib_name();
        let path = if self.path.is_empty() { krate } else { format!("{krate}::{}", self.path) };
        let mut body = String::new();
        self.write(schema, 2, &mut body);
        let generator = if body.contains("(generator.") { "generator" } else { "_" };
        format!(
            "impl JsonSchema for {ty} {{\n    \
                 fn schema_name() -> Cow<'static, str> {{\n        {name:?}.into()\n    }}\n\n    \
                 fn schema_id() -> Cow<'static, str> {{\n        \"{path}::{name}\".into()\n    }}\n\n    \
                 fn json_schema({generator}: &mut SchemaGenerator) -> Schema {{\n        \
                     json_schema!({body})\n    }}\n\
             }}\n",
            ty = self.path_to(name),
        )
    }

    /// The path of a type of this module, or of a shared one.
    fn path_to(&self, name: &str) -> String {
        let own = matches!(name, "Input" | "Output" | "Event")
            || self.own.iter().any(|item| item.name() == Some(name));
        match if own { self.path.as_str() } else { "types" } {
            "" => format!("crate::{name}"),
            path => format!("crate::{path}::{name}"),
        }
    }

    /// Writes a schema as `json_schema!` takes it.
    fn write(&self, value: &Value, depth: usize, text: &mut String) {
        match value {
            Value::String(string) => text.push_str(&format!("{string:?}")),
            Value::Array(items) if items.iter().all(|item| !item.is_object() && !item.is_array()) => {
                self.write_flat(items, depth, text);
            }
            Value::Array(items) => {
                let write = |this: &Self, item: &Value, text: &mut String| this.write(item, depth + 1, text);
                self.write_block('[', ']', items.iter(), depth, text, write);
            }
            Value::Object(object) => match object.get(TYPE).and_then(Value::as_str) {
                Some(name) if object.len() == 1 => {
                    text.push_str(&format!("(generator.subschema_for::<{}>())", self.path_to(name)));
                }
                // Beside a reference, `allOf` is what keeps both.
                Some(name) => {
                    let mut rest = object.clone();
                    rest.remove(TYPE);
                    rest.insert("allOf".to_owned(), json!([{ TYPE: name }]));
                    self.write(&Value::Object(rest), depth, text);
                }
                None => {
                    self.write_block('{', '}', object.iter(), depth, text, |this, (key, value), text| {
                        text.push_str(&format!("{key:?}: "));
                        this.write(value, depth + 1, text);
                    });
                }
            },
            other => text.push_str(&other.to_string()),
        }
    }

    fn write_flat(&self, items: &[Value], depth: usize, text: &mut String) {
        text.push('[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                text.push_str(", ");
            }
            self.write(item, depth, text);
        }
        text.push(']');
    }

    fn write_block<T>(
        &self,
        open: char,
        close: char,
        items: impl Iterator<Item = T>,
        depth: usize,
        text: &mut String,
        write: impl Fn(&Self, T, &mut String),
    ) {
        text.push(open);
        let mut any = false;
        for item in items {
            text.push_str(if any { ",\n" } else { "\n" });
            text.push_str(&"    ".repeat(depth + 1));
            write(self, item, text);
            any = true;
        }
        if any {
            text.push('\n');
            text.push_str(&"    ".repeat(depth));
        }
        text.push(close);
    }
}
