//! From references to the objects of one side of an endpoint.

use std::borrow::Borrow;

use indexmap::IndexMap;
use openapiv3::{AdditionalProperties, ReferenceOr, Schema, SchemaKind, Type as Kind};
use serde_json::Value;

use super::{Direction, Object, Property, Side, Type};
use crate::{Error, error::pointer, normalize::Normalized};

impl Side {
    pub(super) fn read(
        document: &Normalized,
        schema: Option<&ReferenceOr<Schema>>,
        direction: Direction,
        errors: &mut Vec<Error>,
    ) -> Self {
        let mut resolver = Resolver {
            document,
            direction,
            objects: IndexMap::new(),
            untyped: Vec::new(),
            oddities: Vec::new(),
            errors,
            aliases: Vec::new(),
            owner: String::new(),
            depth: 0,
        };
        let root =
            schema.map(|schema| resolver.ty(borrowed(schema), None, &format!("{}/paths", document.base)));
        let root = root.unwrap_or(Ok(Type::Any)).unwrap_or_else(|error| {
            resolver.errors.push(error);
            Type::Any
        });
        Self { root, objects: resolver.objects, untyped: resolver.untyped, oddities: resolver.oddities }
    }
}

pub(super) struct Resolver<'a> {
    pub(super) document: &'a Normalized,
    pub(super) direction: Direction,
    objects: IndexMap<String, Object>,
    /// Where a construct stands that has no type here.
    pub(super) untyped: Vec<String>,
    /// What is odd and was read by a rule.
    pub(super) oddities: Vec<String>,
    /// What is wrong with properties that were left out for it.
    errors: &'a mut Vec<Error>,
    /// Components other than objects that are being read.
    aliases: Vec<String>,
    /// The object whose properties are being read, to name what has no name.
    owner: String,
    depth: usize,
}

/// A schema, or a reference to one, where it stands in a document.
#[derive(Debug, Clone, Copy)]
pub(super) enum Borrowed<'a> {
    Reference(&'a str),
    Item(&'a Schema),
}

/// `schema` may stand in a box.
pub(super) fn borrowed<S: Borrow<Schema>>(schema: &ReferenceOr<S>) -> Borrowed<'_> {
    match schema {
        ReferenceOr::Reference { reference } => Borrowed::Reference(reference),
        ReferenceOr::Item(schema) => Borrowed::Item(schema.borrow()),
    }
}

/// How deep schemas may nest, references followed. Real documents reach 6.
const DEPTH: usize = 128;

impl<'a> Resolver<'a> {
    pub(super) fn error(&self, at: &str, message: impl Into<String>) -> Error {
        Error::new(&self.document.file, message).at(at)
    }

    /// The component that a reference names, and where it stands.
    pub(super) fn component(
        &self,
        reference: &str,
        at: &str,
    ) -> Result<(&'a str, &'a Schema, String), Error> {
        let mut reference = reference.to_owned();
        // A component may itself be a reference; a chain longer than the components is a cycle.
        let schemas = self.document.openapi.components.as_ref().map(|components| &components.schemas);
        for _ in 0..=schemas.map_or(0, IndexMap::len) {
            let name = reference.strip_prefix("#/components/schemas/");
            let found = name.and_then(|name| schemas?.get_key_value(name));
            match found {
                Some((name, ReferenceOr::Item(schema))) => {
                    let base = &self.document.base;
                    return Ok((name, schema, pointer(&format!("{base}/components/schemas"), name)));
                }
                Some((_, ReferenceOr::Reference { reference: next })) => reference.clone_from(next),
                None => {
                    return Err(self
                        .error(at, format!("`{reference}` leads nowhere"))
                        .help("add the missing component, or a fixup that says what it is"));
                }
            }
        }
        Err(self.error(at, format!("`{reference}` leads back to itself")))
    }

    /// Reads a component once, however often it is referred to.
    pub(super) fn reference(&mut self, reference: &str, at: &str) -> Result<Type, Error> {
        let (name, schema, at) = self.component(reference, at)?;
        let is_object = matches!(&schema.schema_kind, SchemaKind::Type(Kind::Object(object)) if !object.properties.is_empty());
        if is_object {
            return self.named_object(name, schema, &at);
        }
        if self.aliases.iter().any(|alias| alias == name) {
            return Err(self
                .error(&at, format!("`{name}` is made of itself"))
                .help("only an object with properties can contain itself"));
        }
        self.aliases.push(name.to_owned());
        let ty = self.schema(schema, None, &at);
        self.aliases.pop();
        ty
    }

    /// An object that stands where it is used has the name of its title, or takes one from the place.
    pub(super) fn inline_object(
        &mut self,
        schema: &Schema,
        property: Option<&str>,
        at: &str,
    ) -> Result<Type, Error> {
        let title = schema.schema_data.title.as_deref().map(str::trim).filter(|title| !title.is_empty());
        let place = || match (self.owner.as_str(), property) {
            ("", None) => "Root".to_owned(),
            ("", Some(property)) => property.to_owned(),
            (owner, property) => format!("{owner}_{}", property.unwrap_or("item")),
        };
        let wanted = title.map_or_else(place, str::to_owned);
        let components = self.document.openapi.components.as_ref();
        let taken = |name: &str| {
            self.objects.contains_key(name) || components.is_some_and(|all| all.schemas.contains_key(name))
        };
        let mut name = wanted.clone();
        let mut number = 2;
        while taken(&name) {
            name = format!("{wanted}_{number}");
            number += 1;
        }
        self.named_object(&name, schema, at)
    }

    fn named_object(&mut self, name: &str, schema: &Schema, at: &str) -> Result<Type, Error> {
        if !self.objects.contains_key(name) {
            let placeholder = Object {
                name: name.to_owned(),
                description: String::new(),
                properties: Vec::new(),
                closed: false,
            };
            self.objects.insert(name.to_owned(), placeholder);
            let outer = std::mem::replace(&mut self.owner, name.to_owned());
            let object = self.object(name, schema, at);
            self.owner = outer;
            self.objects.insert(name.to_owned(), object?);
        }
        Ok(Type::Object(name.to_owned()))
    }

    /// Runs `read` one level deeper.
    pub(super) fn deeper<T>(
        &mut self,
        at: &str,
        read: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        if self.depth == DEPTH {
            return Err(self
                .error(at, format!("schemas nest deeper than {DEPTH} levels here"))
                .help("no model does; check where the document comes from"));
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    fn object(&mut self, name: &str, schema: &Schema, at: &str) -> Result<Object, Error> {
        let SchemaKind::Type(Kind::Object(object)) = &schema.schema_kind else {
            return Err(self.error(at, "not an object"));
        };
        let order: Vec<&str> = schema
            .schema_data
            .extensions
            .get("x-fal-order-properties")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let place = |name: &str| order.iter().position(|known| *known == name).unwrap_or(usize::MAX);
        let mut names: Vec<&String> = object.properties.keys().collect();
        names.sort_by_key(|name| place(name));

        let mut properties = Vec::with_capacity(names.len());
        for property in names {
            let at = pointer(&format!("{at}/properties"), property);
            let required = object.required.contains(property);
            match self.property(property, borrowed(&object.properties[property]), required, &at) {
                Ok(property) => properties.push(property),
                Err(error) => self.errors.push(error),
            }
        }
        let description = schema.schema_data.description.clone().unwrap_or_default();
        let closed = object.additional_properties == Some(AdditionalProperties::Any(false));
        Ok(Object { name: name.to_owned(), description, properties, closed })
    }

    fn property(
        &mut self,
        name: &str,
        schema: Borrowed<'_>,
        required: bool,
        at: &str,
    ) -> Result<Property, Error> {
        let ty = self.ty(schema, Some(name), at)?;
        let none = openapiv3::SchemaData::default();
        let data = match schema {
            Borrowed::Item(schema) => &schema.schema_data,
            Borrowed::Reference(_) => &none,
        };
        let examples = data.extensions.get("x-examples").and_then(Value::as_array).cloned();
        let description = match (&data.description, &ty) {
            (Some(description), _) => description.clone(),
            (None, Type::Object(name)) => self.objects[name].description.clone(),
            (None, _) => String::new(),
        };
        let given = data.default.as_ref();
        let default = given.cloned().and_then(|default| fitting(default, &ty));
        if let Some(given) = given.filter(|given| default.as_ref() != Some(given)) {
            let taken =
                default.as_ref().map_or("left out".to_owned(), |default| format!("read as {default}"));
            self.oddities.push(format!("{at}: the default {given} is no value of its type; {taken}"));
        }
        Ok(Property {
            name: name.to_owned(),
            description,
            ty,
            nullable: data.nullable,
            required,
            default,
            examples: examples.unwrap_or_else(|| data.example.iter().cloned().collect()),
            deprecated: data.deprecated,
        })
    }
}

/// A default, if its type can have it. Some documents give an enum of texts an integer for a default.
fn fitting(default: Value, ty: &Type) -> Option<Value> {
    match (ty, default) {
        (Type::TextEnum(values), Value::Number(number)) => {
            let text = number.to_string();
            values.contains(&text).then(|| text.into())
        }
        (Type::TextEnum(values), Value::String(text)) if !values.contains(&text) => None,
        (Type::Object(_), default) if !default.is_object() && !default.is_null() => None,
        (_, default) => Some(default),
    }
}
