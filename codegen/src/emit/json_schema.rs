//! `json_schema.rs` of a crate: `JsonSchema` for every type, behind the feature `schemars`.
//!
//! A file of its own, so that without the feature nobody reads it, the compiler included.

use std::{borrow::Cow, collections::BTreeSet};

use proc_macro2::{Literal, TokenStream};
use quote::quote;
use serde_json::{Value, json};

use super::{
    docs,
    page::{Page, Section},
    style::Style,
    tokens::ident,
};
use crate::{
    error::Error,
    rust::{Crate, Endpoint, Item, Module, Output, Struct, VariantKind, json_schemas::TYPE},
};

/// The text of the file.
pub(super) fn file(style: Style, item: &Crate) -> Result<String, Error> {
    let mut impls = Vec::new();
    let shared = ["types".to_owned()];
    let scope = Scope { krate: item, path: &shared, shared: &shared, own: Vec::new() };
    impls.extend(item.types.iter().filter_map(|item| scope.of_item(item)));
    modules(item, &item.root, &shared, &mut impls);
    let imports = quote! {
        use fal_core::json_schema;
        use schemars::{JsonSchema, Schema, SchemaGenerator};
    };
    let page = Page {
        source: item.source.clone(),
        docs: vec!["JSON Schemas of the types of this crate.".to_owned()],
        sections: vec![
            Section::untitled([quote!(
                use std::borrow::Cow;
            )]),
            Section::untitled([imports]),
            Section::untitled(impls),
        ],
    };
    page.file(style, TokenStream::new())
}

fn modules(item: &Crate, module: &Module, shared: &[String], items: &mut Vec<TokenStream>) {
    if let Some(endpoint) = &module.endpoint {
        let scope = Scope { krate: item, path: &module.path, shared, own: endpoint.types().collect() };
        items.extend(scope.of_endpoint(endpoint));
    }
    module.children.iter().for_each(|child| modules(item, child, shared, items));
}

/// Where names are looked up.
struct Scope<'a> {
    krate: &'a Crate,
    /// The module, inside the crate.
    path: &'a [String],
    /// The module of shared types.
    shared: &'a [String],
    /// The types of the module itself.
    own: Vec<&'a Item>,
}

impl Scope<'_> {
    fn of_endpoint(&self, endpoint: &Endpoint) -> Vec<TokenStream> {
        let mut items = vec![self.of_struct(&endpoint.input)];
        for output in [Some(&endpoint.output), endpoint.event.as_ref()].into_iter().flatten() {
            if let Output::Struct(output) = output {
                items.push(self.of_struct(output));
            }
        }
        items.extend(self.own.iter().filter_map(|item| self.of_item(item)));
        items
    }

    fn of_item(&self, item: &Item) -> Option<TokenStream> {
        if item.core_type().is_some() {
            return None;
        }
        Some(self.implement(item.name()?, &schema_of(item)?))
    }

    fn of_struct(&self, item: &Struct) -> TokenStream {
        self.implement(&item.ident, &schema_of_struct(item))
    }

    /// The schema stands as text, which compiles faster than any macro and has no limit of size.
    fn implement(&self, name: &str, schema: &Value) -> TokenStream {
        let krate = self.krate.lib_name();
        let path = [krate].iter().chain(self.path).cloned().collect::<Vec<_>>().join("::");
        let mut types = BTreeSet::new();
        let schema = self.referring(schema, &mut types);
        let types = types.iter().map(|name| {
            let ty = self.path_to(name);
            quote!((#name, SchemaGenerator::subschema_for::<#ty>))
        });
        let (ty, id) = (self.path_to(name), format!("{path}::{name}"));
        let text = raw(&format!("{schema:#}").replace('\n', "\n        "));
        quote! {
            impl JsonSchema for #ty {
                fn schema_name() -> Cow<'static, str> {
                    #name.into()
                }

                fn schema_id() -> Cow<'static, str> {
                    #id.into()
                }

                fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                    const SCHEMA: &str = #text;
                    json_schema::parse(generator, SCHEMA, &[#(#types),*])
                }
            }
        }
    }

    /// A schema in which generated types stand alone, and the names of those types.
    fn referring(&self, schema: &Value, types: &mut BTreeSet<String>) -> Value {
        match schema {
            Value::Array(items) => items.iter().map(|item| self.referring(item, types)).collect(),
            Value::Object(object) => match object.get(TYPE).and_then(Value::as_str) {
                Some(name) if object.len() == 1 => match self.borrowed(name) {
                    Some(schema) => self.referring(&schema, types),
                    None => {
                        types.insert(name.to_owned());
                        schema.clone()
                    }
                },
                // Beside a reference, `allOf` is what keeps both.
                Some(name) => {
                    let mut rest = object.clone();
                    rest.remove(TYPE);
                    rest.insert("allOf".to_owned(), json!([{ TYPE: name }]));
                    self.referring(&Value::Object(rest), types)
                }
                None => Value::Object(
                    object.iter().map(|(key, value)| (key.clone(), self.referring(value, types))).collect(),
                ),
            },
            other => other.clone(),
        }
    }

    /// The schema of a parameter whose type is that of `fal_core`, which does not say what this document says.
    fn borrowed(&self, name: &str) -> Option<Value> {
        let item = self.krate.types.iter().find(|item| item.name() == Some(name))?;
        let built = match item {
            Item::Struct(item) => item.direction.is_input(),
            _ => true,
        };
        (built && item.core_type().is_some()).then(|| schema_of(item)).flatten()
    }

    /// The path of a type of this module, or of a shared one.
    fn path_to(&self, name: &str) -> TokenStream {
        let is_own = matches!(name, "Input" | "Output" | "Event")
            || self.own.iter().any(|item| item.name() == Some(name));
        let module = if is_own { self.path } else { &self.shared };
        let (module, name) = (module.iter().map(|segment| ident(segment)), ident(name));
        quote!(crate #(::#module)*::#name)
    }
}

fn schema_of(item: &Item) -> Option<Value> {
    Some(match item {
        Item::Struct(item) => schema_of_struct(item),
        Item::TextEnum(item) => {
            let values: Vec<&str> = item.variants.iter().map(|(_, value)| value.as_str()).collect();
            json!({ "type": "string", "enum": values })
        }
        Item::IntegerEnum(item) => {
            let values: Vec<i64> = item.variants.iter().map(|(_, value)| *value).collect();
            json!({ "type": "integer", "enum": values })
        }
        Item::Union(item) => {
            let branches = item.variants.iter().filter_map(|variant| match &variant.kind {
                VariantKind::Value { schema, .. } => Some(schema.clone()),
                VariantKind::Text(_) => None,
            });
            let mut branches: Vec<Value> = branches.collect();
            let presets: Vec<&str> = item.texts().map(|(_, text)| text).collect();
            if !presets.is_empty() {
                branches.push(json!({ "type": "string", "enum": presets }));
            }
            json!({ "anyOf": branches })
        }
        Item::Number(_) | Item::Length(_) => return None,
    })
}

fn schema_of_struct(item: &Struct) -> Value {
    let properties: serde_json::Map<String, Value> =
        item.fields.iter().map(|field| (field.json_name.clone(), field.schema.clone())).collect();
    let required: Vec<&str> =
        item.fields.iter().filter(|field| field.required).map(|field| field.json_name.as_str()).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if item.closed {
        schema["additionalProperties"] = false.into();
    }
    let description = docs::plain(&item.description);
    if !description.is_empty() {
        schema["description"] = description.into();
    }
    schema
}

/// A raw string literal, with as many `#` as the text needs. JSON escapes what a raw string cannot hold.
fn raw(text: &str) -> Literal {
    let text = if text.contains(docs::is_bidi_control) {
        let escape = |c: char| {
            if docs::is_bidi_control(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() }
        };
        Cow::Owned(text.chars().map(escape).collect::<String>())
    } else {
        Cow::Borrowed(text)
    };
    let mut fence = "#".to_owned();
    while text.contains(&format!("\"{fence}")) {
        fence.push('#');
    }
    format!("r{fence}\"{text}\"{fence}").parse().unwrap_or_else(|_| Literal::string(&text))
}
