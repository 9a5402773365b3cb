//! From paths and references to the two sides of an endpoint.

use indexmap::IndexMap;
use openapiv3::{OpenAPI, Operation, ReferenceOr, Schema, SchemaKind, Type as Kind};
use serde_json::Value;

use super::{Endpoint, Object, Property, Side, Type};
use crate::{Error, error::pointer, normalize::Normalized};

/// The endpoint that a document describes.
///
/// # Errors
///
/// When the paths of the endpoint are missing, a reference leads nowhere, or a construct has no meaning
/// here yet. The pointer says where.
pub fn endpoint(document: &Normalized) -> Result<Endpoint, Error> {
    let Normalized { file, endpoint_id: id, metadata, base, openapi } = document;
    let submit = operation(openapi, &format!("/{id}"), |item| item.post.as_ref());
    let result = operation(openapi, &format!("/{id}/requests/{{request_id}}"), |item| item.get.as_ref());
    let (Some(submit), Some(result)) = (submit, result) else {
        return Err(Error::new(
            file,
            format!("has no `POST /{id}` with a `GET /{id}/requests/{{request_id}}`"),
        )
        .at(format!("{base}/paths"))
        .help("check that `endpoint_id` and the paths name the same endpoint"));
    };
    let about = openapi.info.extensions.get("x-fal-metadata");
    let about = about.and_then(|metadata| metadata.get("about")).and_then(Value::as_str);
    let description = metadata.description.as_deref().or(about).unwrap_or_default();
    Ok(Endpoint {
        file: file.clone(),
        id: id.clone(),
        title: metadata.display_name.clone().unwrap_or_else(|| id.clone()),
        description: description.trim().to_owned(),
        category: metadata.category.clone(),
        input: Side::read(document, body(submit), Direction::Input)?,
        output: Side::read(document, reply(result), Direction::Output)?,
    })
}

fn operation<'a>(
    openapi: &'a OpenAPI,
    path: &str,
    verb: impl FnOnce(&'a openapiv3::PathItem) -> Option<&'a Operation>,
) -> Option<&'a Operation> {
    verb(openapi.paths.paths.get(path)?.as_item()?)
}

fn body(operation: &Operation) -> Option<&ReferenceOr<Schema>> {
    let body = operation.request_body.as_ref()?.as_item()?;
    body.content.get("application/json")?.schema.as_ref()
}

fn reply(operation: &Operation) -> Option<&ReferenceOr<Schema>> {
    let (_, reply) = operation.responses.responses.iter().find(|(code, _)| code.to_string() == "200")?;
    reply.as_item()?.content.get("application/json")?.schema.as_ref()
}

/// Texts that hold a URL are files only where the user gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Input,
    Output,
}

impl Side {
    fn read(
        document: &Normalized,
        schema: Option<&ReferenceOr<Schema>>,
        direction: Direction,
    ) -> Result<Self, Error> {
        let mut resolver = Resolver { document, direction, objects: IndexMap::new() };
        let root = match schema {
            Some(schema) => resolver.ty(schema, None, &format!("{}/paths", document.base))?,
            None => Type::Any,
        };
        Ok(Self { root, objects: resolver.objects })
    }
}

pub(super) struct Resolver<'a> {
    pub(super) document: &'a Normalized,
    pub(super) direction: Direction,
    objects: IndexMap<String, Object>,
}

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
                    let base = self.document.base;
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
        if !is_object {
            return self.schema(schema, None, &at);
        }
        if !self.objects.contains_key(name) {
            let placeholder =
                Object { name: name.to_owned(), description: String::new(), properties: Vec::new() };
            self.objects.insert(name.to_owned(), placeholder);
            let object = self.object(name, schema, &at)?;
            self.objects.insert(name.to_owned(), object);
        }
        Ok(Type::Object(name.to_owned()))
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
            let schema = object.properties[property].clone().unbox();
            properties.push(self.property(property, &schema, required, &at)?);
        }
        let description = schema.schema_data.description.clone().unwrap_or_default();
        Ok(Object { name: name.to_owned(), description, properties })
    }

    fn property(
        &mut self,
        name: &str,
        schema: &ReferenceOr<Schema>,
        required: bool,
        at: &str,
    ) -> Result<Property, Error> {
        let ty = self.ty(schema, Some(name), at)?;
        let data = match schema {
            ReferenceOr::Item(schema) => schema.schema_data.clone(),
            ReferenceOr::Reference { .. } => openapiv3::SchemaData::default(),
        };
        let examples = data.extensions.get("x-examples").and_then(Value::as_array).cloned();
        let description = match (&data.description, &ty) {
            (Some(description), _) => description.clone(),
            (None, Type::Object(name)) => self.objects[name].description.clone(),
            (None, _) => String::new(),
        };
        Ok(Property {
            name: name.to_owned(),
            description,
            ty,
            nullable: data.nullable,
            required,
            default: data.default,
            examples: examples.unwrap_or_else(|| data.example.into_iter().collect()),
            deprecated: data.deprecated,
        })
    }
}
