//! `json_schema.rs` of a crate: `JsonSchema` for every type, behind the feature `schemars`.
//!
//! It is a file of its own, which the compiler does not read without the feature.

use std::{borrow::Cow, collections::BTreeSet, io};

use proc_macro2::{Literal, TokenStream};
use quote::quote;
use serde::Serialize;
use serde_json::{Map, Value, json, ser::Formatter};

use super::{
    docs,
    page::{Page, Section},
    style::Style,
    tokens::ident,
};
use crate::{
    error::Error,
    rust::{
        Crate, Described, Endpoint, Item, Module, Output, Struct, Ty, VariantKind,
        json_schemas::{TYPE, replace_schemas},
    },
};

/// Returns the text of the file.
pub(super) fn file(style: Style, item: &Crate) -> Result<String, Error> {
    let shared = ["types".to_owned()];
    let scope = Scope { krate: item, path: &shared, shared: &shared, own: Vec::new() };
    let mut schemas: Vec<SchemaOf> = item.types.iter().filter_map(|item| scope.item(item)).collect();
    add_module(item, &item.root, &shared, &mut schemas);
    schemas.extend(item.described.iter().filter_map(|described| scope.described(described)));

    let imports = if schemas.iter().any(|schema| schema.has_references) {
        quote!(
            use fal_core::json_schema::{SchemaText, TypeReference, reference};
        )
    } else {
        quote!(
            use fal_core::json_schema::SchemaText;
        )
    };
    // With the name of the crate, paths are those of the ids.
    let krate = ident(&item.lib_name());
    let extern_crate = quote!(extern crate self as #krate;);
    let types = schemas.iter().map(|schema| &schema.ty);
    let implement = quote!(fal_core::implement_json_schema! { #(#types),* });
    let page = Page {
        source: item.source.clone(),
        docs: vec!["JSON Schemas of the types of this crate.".to_owned()],
        sections: vec![
            Section::untitled([extern_crate, imports, implement]),
            Section::untitled(schemas.into_iter().map(|schema| schema.code)),
        ],
    };
    page.file(style, TokenStream::new())
}

fn add_module(item: &Crate, module: &Module, shared: &[String], schemas: &mut Vec<SchemaOf>) {
    if let Some(endpoint) = &module.endpoint {
        let scope = Scope { krate: item, path: &module.path, shared, own: endpoint.types().collect() };
        schemas.extend(scope.endpoint(endpoint));
    }
    module.children.iter().for_each(|child| add_module(item, child, shared, schemas));
}

/// The schema of a type.
struct SchemaOf {
    /// The path of the type.
    ty: TokenStream,
    /// The impl that holds the schema.
    code: TokenStream,
    has_references: bool,
}

/// The module whose types are described, and the types that their schemas can refer to.
struct Scope<'a> {
    krate: &'a Crate,
    /// The path of the module inside the crate.
    path: &'a [String],
    /// The path of the module of shared types.
    shared: &'a [String],
    /// The types of the module itself.
    own: Vec<&'a Item>,
}

impl Scope<'_> {
    fn endpoint(&self, endpoint: &Endpoint) -> Vec<SchemaOf> {
        let mut schemas: Vec<SchemaOf> = endpoint.input.iter().map(|input| self.structure(input)).collect();
        for output in [Some(&endpoint.output), endpoint.event.as_ref()].into_iter().flatten() {
            if let Output::Struct(output) = output {
                schemas.push(self.structure(output));
            }
        }
        schemas.extend(self.own.iter().filter_map(|item| self.item(item)));
        schemas
    }

    fn item(&self, item: &Item) -> Option<SchemaOf> {
        let name = item.name()?;
        if item.core_type().is_none() {
            return Some(self.describe(self.path_to(name), &self.id(name), &schema_of(item)?));
        }
        // The type is that of `fal_core`, and has no second schema. So one stands for it that says what this
        // document says.
        let schema = schema_of(item).filter(|_| self.differs_from_core(item))?;
        let docs = format!("[`{name}`](crate::types::{name}) as the documents of this crate describe it.");
        Some(self.stand_in(name, &docs, &self.id(name), &schema))
    }

    /// Returns the schema of a shared type in the words of one endpoint.
    fn described(&self, described: &Described) -> Option<SchemaOf> {
        let Described { marker, endpoint, item } = described;
        let name = item.name()?;
        let docs = format!("[`{name}`](crate::types::{name}) as `{endpoint}` describes it.");
        Some(self.stand_in(marker, &docs, &format!("{endpoint}::{name}"), &schema_of(item)?))
    }

    /// Returns the schema of a type without values, which stands for another one.
    fn stand_in(&self, name: &str, docs: &str, id: &str, schema: &Value) -> SchemaOf {
        let (docs, ty) = (docs::line(docs), ident(name));
        let described = self.describe(quote!(#ty), id, schema);
        let code = described.code;
        let code = quote! {
            #docs
            enum #ty {}

            #code
        };
        SchemaOf { code, ..described }
    }

    fn structure(&self, item: &Struct) -> SchemaOf {
        self.describe(self.path_to(&item.ident), &self.id(&item.ident), &schema_of_struct(item))
    }

    /// Returns the path of a type of this module.
    fn id(&self, name: &str) -> String {
        let path: Vec<String> = [self.krate.lib_name()].iter().chain(self.path).cloned().collect();
        format!("{}::{name}", path.join("::"))
    }

    fn describe(&self, ty: TokenStream, id: &str, schema: &Value) -> SchemaOf {
        let mut types = BTreeSet::new();
        let schema = separate_references(schema, &mut types);
        let text = raw_string(&print_schema(&schema).replace('\n', "\n    "));
        let references = types.iter().map(|name| {
            let ty = self.path_to(name);
            quote!(reference::<#ty>(#name))
        });
        let has_references = !types.is_empty();
        let references =
            has_references.then(|| quote!(const TYPES: &'static [TypeReference] = &[#(#references),*];));
        let code = quote! {
            impl SchemaText for #ty {
                const ID: &'static str = #id;
                const SCHEMA: &'static str = #text;
                #references
            }
        };
        SchemaOf { ty, code, has_references }
    }

    /// Returns true for a type of `fal_core` whose own schema is not the one of the document. Outputs are only
    /// read, so they keep the schema of `fal_core`.
    fn differs_from_core(&self, item: &Item) -> bool {
        let is_input = match item {
            Item::Struct(item) => item.direction.is_input(),
            Item::Union(item) => item.direction.is_input(),
            _ => false,
        };
        let schema = schema_of(item).map(|schema| self.inline(&schema));
        is_input && schema != item.core_type().and_then(core_schema)
    }

    /// Replaces the references to types of `fal_core` by the schemas of the document.
    fn inline(&self, schema: &Value) -> Value {
        replace_schemas(schema, &mut |object| {
            let name = object.get(TYPE)?.as_str()?;
            let is_wanted = |item: &&Item| item.name() == Some(name) && item.core_type().is_some();
            let item = self.krate.types.iter().find(is_wanted)?;
            schema_of(item).map(|schema| self.inline(&schema))
        })
    }

    /// Returns the path of a type of this module, or of a shared one.
    fn path_to(&self, name: &str) -> TokenStream {
        if self.krate.described.iter().any(|described| described.marker == name) {
            let name = ident(name);
            return quote!(#name);
        }
        let is_own = matches!(name, "Input" | "Output" | "Event")
            || self.own.iter().any(|item| item.name() == Some(name));
        let item = self.krate.types.iter().find(|item| item.name() == Some(name));
        if !is_own && item.is_some_and(|item| item.core_type().is_some() && self.differs_from_core(item)) {
            let name = ident(name);
            return quote!(#name);
        }
        let module = if is_own { self.path } else { self.shared };
        let krate = ident(&self.krate.lib_name());
        let (module, name) = (module.iter().map(|segment| ident(segment)), ident(name));
        quote!(#krate #(::#module)*::#name)
    }
}

/// Returns the schema that a type of `fal_core` has of itself. A test compares them.
fn core_schema(known: &str) -> Option<Value> {
    let side = |description: &str| json!({ "type": "integer", "minimum": 1, "maximum": 14142, "default": 512, "description": description });
    let custom = json!({
        "type": "object",
        "description": "Exact size of an image, for when none of the presets fits.",
        "properties": { "width": side("Width in pixels."), "height": side("Height in pixels.") }
    });
    let presets = ["square_hd", "square", "portrait_4_3", "portrait_16_9", "landscape_4_3", "landscape_16_9"];
    match known {
        "CustomImageSize" => Some(custom),
        "ImageSize" => Some(json!({ "anyOf": [custom, { "type": "string", "enum": presets }] })),
        _ => None,
    }
}

/// Makes every reference an object of its own, and collects the names of the types.
fn separate_references(schema: &Value, types: &mut BTreeSet<String>) -> Value {
    replace_schemas(schema, &mut |object| {
        let name = object.get(TYPE)?.as_str()?;
        types.insert(name.to_owned());
        let reference = json!({ TYPE: name });
        if object.len() == 1 {
            return Some(reference);
        }
        // Beside a reference, `allOf` keeps both.
        let mut rest = object.clone();
        rest.remove(TYPE);
        rest.insert("allOf".to_owned(), json!([reference]));
        Some(rest.into())
    })
}

/// Prints a schema with one property a line.
fn print_schema(schema: &Value) -> String {
    let Value::Object(object) = schema else { return print_line(schema) };
    let entries = object.iter().map(|(key, value)| match value {
        Value::Object(properties) if key == "properties" && !properties.is_empty() => {
            let lines = print_entries(properties.iter().map(|(name, value)| (name, print_line(value))));
            (key, lines.replace('\n', "\n  "))
        }
        value => (key, print_line(value)),
    });
    print_entries(entries)
}

fn print_entries<'a>(entries: impl Iterator<Item = (&'a String, String)>) -> String {
    let lines = entries.map(|(key, value)| format!("  {}: {value}", Value::from(key.as_str())));
    let lines: Vec<String> = lines.collect();
    ["{\n", &lines.join(",\n"), "\n}"].concat()
}

/// Prints JSON in one line, with a blank after each colon and comma.
fn print_line(value: &Value) -> String {
    let mut text = Vec::new();
    let mut serializer = serde_json::Serializer::with_formatter(&mut text, Line);
    // Writing JSON into memory cannot fail.
    match value.serialize(&mut serializer) {
        Ok(()) => String::from_utf8(text).unwrap_or_else(|_| value.to_string()),
        Err(_) => value.to_string(),
    }
}

struct Line;

impl Formatter for Line {
    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        writer.write_all(if first { b"" } else { b", " })
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        writer.write_all(b": ")
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
        Item::Tuple(item) => item.schema.clone(),
        Item::Number(_) | Item::Length(_) => return None,
    })
}

fn schema_of_struct(item: &Struct) -> Value {
    let constants = item.constants.iter().map(|constant| (&constant.json_name, &constant.schema));
    let fields = item.fields.iter().map(|field| (&field.json_name, &field.schema));
    let properties: Map<String, Value> =
        constants.chain(fields).map(|(name, schema)| (name.clone(), schema.clone())).collect();
    let constants = item.constants.iter().filter(|constant| constant.required);
    let fields = item.fields.iter().filter(|field| field.required).map(|field| field.json_name.as_str());
    let required: Vec<&str> = constants.map(|constant| constant.json_name.as_str()).chain(fields).collect();
    let mut schema = json!({ "type": "object", "properties": properties });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    match &item.extra {
        _ if item.closed => schema["additionalProperties"] = false.into(),
        Some(extra) if extra.ty != Ty::Json => schema["additionalProperties"] = extra.schema.clone(),
        _ => {}
    }
    if !item.requirements.is_empty() {
        schema["allOf"] = item.requirements.iter().map(|requirement| requirement.rule.to_schema()).collect();
    }
    // Language models do not take rules about properties beside them, so these are in words too.
    let sentences = item.requirements.iter().map(|requirement| format!("{}.", requirement.words));
    let description =
        [docs::plain(&item.description)].into_iter().chain(sentences).collect::<Vec<_>>().join(" ");
    let description = description.trim_start();
    if !description.is_empty() {
        schema["description"] = description.into();
    }
    schema
}

/// Returns a raw string literal, with as many `#` as the text needs. JSON escapes what a raw string cannot hold.
fn raw_string(text: &str) -> Literal {
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

#[cfg(test)]
mod tests {
    use fal_core::media::{CustomImageSize, ImageSize};
    use schemars::{JsonSchema, SchemaGenerator};

    use super::*;

    #[test]
    fn core_types_have_the_schemas_that_are_known_of_them() {
        let mut generator = SchemaGenerator::default();
        let custom = CustomImageSize::json_schema(&mut generator).to_value();
        assert_eq!(core_schema("CustomImageSize"), Some(custom.clone()));
        let mut size = ImageSize::json_schema(&mut generator).to_value();
        assert_eq!(size["anyOf"][0], json!({ "$ref": "#/$defs/CustomImageSize" }));
        size["anyOf"][0] = custom;
        assert_eq!(core_schema("ImageSize"), Some(size));
    }

    #[test]
    fn values_that_look_like_references_are_none() {
        let mut types = BTreeSet::new();
        let schema = json!({
            "properties": { "default": { "$type": "A" }, "b": { "default": { "$type": "\u{1}" }, "enum": [{ "$type": "c" }] } }
        });
        assert_eq!(separate_references(&schema, &mut types), schema);
        assert_eq!(types, BTreeSet::from(["A".to_owned()]));
    }

    #[test]
    fn schemas_have_one_property_a_line() {
        let schema = json!({
            "type": "object",
            "properties": { "a": { "type": "string", "enum": ["x", "y"] }, "b": {} },
            "required": ["a"]
        });
        let text = r#"{
  "type": "object",
  "properties": {
    "a": {"type": "string", "enum": ["x", "y"]},
    "b": {}
  },
  "required": ["a"]
}"#;
        assert_eq!(print_schema(&schema), text);
    }

    #[test]
    fn data_holds_no_references() {
        let schema = json!({
            "default": { TYPE: "a" }, "examples": [{ TYPE: "b" }],
            "properties": { "default": { TYPE: "C" }, "enum": { "enum": [{ TYPE: "d" }] } },
        });
        let mut types = BTreeSet::new();
        assert_eq!(separate_references(&schema, &mut types), schema);
        assert_eq!(types, BTreeSet::from(["C".to_owned()]));
    }
}
