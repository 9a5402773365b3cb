//! Stage 2: normalizes the dialect that fal publishes into strict OpenAPI 3.0.
//!
//! fal declares OpenAPI 3.0, but its schemas use JSON Schema 2020-12. Each rule rewrites one construct without
//! changing its meaning. Constructs that OpenAPI 3.0 cannot express move to `x-` extensions, which stage 3 reads.

pub mod fixups;
mod rules;

use std::collections::BTreeMap;

use openapiv3::OpenAPI;
use schemars::{Schema, transform::Transform};
use serde_json::Value;

use crate::{
    error::{Error, Errors, pointer},
    schema::{Document, DocumentKind, Metadata, keywords},
};

/// The extension that holds the `prefixItems` of a tuple.
pub const PREFIX_ITEMS: &str = "x-fal-prefix-items";

/// A document in strict OpenAPI 3.0.
#[derive(Debug, Clone)]
pub struct Normalized {
    /// The file, as the caller named it.
    pub file: String,
    /// The JSON pointer of the document in the file.
    pub base: String,
    /// The id of the endpoint or app that it describes.
    pub id: String,
    /// The kind of document.
    pub kind: DocumentKind,
    /// The metadata of the model.
    pub metadata: Metadata,
    /// The OpenAPI document.
    pub openapi: OpenAPI,
    /// The names of the fixups that were applied.
    pub fixups: Vec<&'static str>,
    /// The number of occurrences of each unknown keyword of a schema.
    pub unknown_keywords: BTreeMap<String, usize>,
}

/// Normalizes `document`: applies its fixups, and rewrites every schema.
///
/// # Errors
///
/// Fails if a fixup no longer applies, or if the result is not OpenAPI 3.0. The pointers name the invalid
/// components, if the error is in components.
pub fn normalize(document: Document) -> Result<Normalized, Errors> {
    let Document { file, base, id, kind, metadata, mut openapi, .. } = document;
    let fixups = fixups::apply(&file, &id, &mut openapi)?;
    let unknown_keywords = keywords::count_unknown(&openapi);
    let mut errors = Vec::new();
    if let Some(schemas) = openapi.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        for (name, schema) in schemas {
            let at = pointer(&format!("{base}/components/schemas"), name);
            errors.extend(rewrite(schema, &file, &at).err());
        }
    }
    if let Some(paths) = openapi.get_mut("paths") {
        rewrite_inline(paths, &file, &format!("{base}/paths"), &mut errors);
    }
    Errors::or(errors, ())?;
    if let Some(version) = openapi.get_mut("openapi") {
        *version = "3.0.4".into();
    }
    let openapi = parse_strict(&openapi, &file, &base).or_else(|error| {
        Errors::or(find_invalid_components(&openapi, &file, &base), ())?;
        Err(Errors::from(error))
    })?;
    Ok(Normalized { file, base, id, kind, metadata, openapi, fixups, unknown_keywords })
}

/// Returns an error for each component that is not OpenAPI 3.0.
fn find_invalid_components(openapi: &Value, file: &str, base: &str) -> Vec<Error> {
    let schemas = openapi.pointer("/components/schemas").and_then(Value::as_object);
    let errors = schemas.into_iter().flatten().filter_map(|(name, schema)| {
        let at = pointer(&format!("{base}/components/schemas"), name);
        parse_strict::<openapiv3::ReferenceOr<openapiv3::Schema>>(schema, file, &at).err()
    });
    errors.collect()
}

/// Rewrites the schemas inside paths, which are the values of keys called `schema`.
fn rewrite_inline(value: &mut Value, file: &str, at: &str, errors: &mut Vec<Error>) {
    match value {
        Value::Object(object) => object.iter_mut().for_each(|(key, value)| {
            let at = pointer(at, key);
            if key == "schema" {
                errors.extend(rewrite(value, file, &at).err());
            } else {
                rewrite_inline(value, file, &at, errors);
            }
        }),
        Value::Array(items) => items
            .iter_mut()
            .enumerate()
            .for_each(|(index, item)| rewrite_inline(item, file, &pointer(at, index), errors)),
        _ => {}
    }
}

fn rewrite(value: &mut Value, file: &str, at: &str) -> Result<(), Error> {
    let schema = <&mut Schema>::try_from(value).map_err(|_| {
        Error::new(file, "a schema must be an object")
            .with_pointer(at)
            .with_help("correct the document, or report it to fal")
    })?;
    rules::Rules.transform(schema);
    Ok(())
}

fn parse_strict<T: serde::de::DeserializeOwned>(value: &Value, file: &str, at: &str) -> Result<T, Error> {
    T::deserialize(value).map_err(|error| {
        Error::new(file, format!("not OpenAPI 3.0, even after normalising: {error}"))
            .with_pointer(at)
            .with_help("a rule for this construct is missing in codegen/src/normalize/rules.rs")
    })
}
