//! Stage 2, normalise: the dialect that fal publishes becomes strict OpenAPI 3.0.
//!
//! fal declares 3.0 and writes JSON Schema 2020-12 inside it. Each rule rewrites one construct and keeps
//! what it means; what OpenAPI 3.0 cannot say moves to an `x-` extension, which stage 3 reads.

pub mod fixups;
mod rules;

use std::collections::BTreeMap;

use openapiv3::OpenAPI;
use schemars::{Schema, transform::Transform};
use serde_json::Value;

use crate::{
    Error, Errors,
    error::pointer,
    schema::{Document, Kind, Metadata, keywords},
};

/// The extension that holds the items of a tuple.
pub const TUPLE: &str = "x-fal-prefix-items";

/// A document in strict OpenAPI 3.0.
#[derive(Debug, Clone)]
pub struct Normalized {
    /// The file, as the caller named it.
    pub file: String,
    /// Where the document stands in the file, as a JSON pointer.
    pub base: String,
    /// The endpoint that it describes, or the app.
    pub id: String,
    /// What it describes.
    pub kind: Kind,
    /// What the platform says about the model.
    pub metadata: Metadata,
    /// The document.
    pub openapi: OpenAPI,
    /// The fixups that were applied, by name.
    pub fixups: Vec<&'static str>,
    /// Keywords of schemas that no rule knows, and how often each occurs.
    pub unknown_keywords: BTreeMap<String, usize>,
}

/// Rewrites every schema of `document`.
///
/// # Errors
///
/// When the result is not OpenAPI 3.0; the pointers name the components at fault where there are any.
pub fn normalize(document: Document) -> Result<Normalized, Errors> {
    let Document { file, base, id, kind, metadata, mut openapi, .. } = document;
    let fixups = fixups::apply(&file, &id, &mut openapi)?;
    let unknown_keywords = keywords::unknown(&openapi);
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
    let openapi = strict(&openapi, &file, &base).or_else(|error| {
        Errors::or(blame(&openapi, &file, &base), ())?;
        Err(Errors::from(error))
    })?;
    Ok(Normalized { file, base, id, kind, metadata, openapi, fixups, unknown_keywords })
}

/// The components that keep a document from being strict, if any do.
fn blame(openapi: &Value, file: &str, base: &str) -> Vec<Error> {
    let schemas = openapi.pointer("/components/schemas").and_then(Value::as_object);
    let errors = schemas.into_iter().flatten().filter_map(|(name, schema)| {
        let at = pointer(&format!("{base}/components/schemas"), name);
        strict::<openapiv3::ReferenceOr<openapiv3::Schema>>(schema, file, &at).err()
    });
    errors.collect()
}

/// Schemas inside paths stand under the key `schema`.
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
            .at(at)
            .help("correct the document, or report it to fal")
    })?;
    rules::Rules.transform(schema);
    Ok(())
}

fn strict<T: serde::de::DeserializeOwned>(value: &Value, file: &str, at: &str) -> Result<T, Error> {
    T::deserialize(value).map_err(|error| {
        Error::new(file, format!("not OpenAPI 3.0, even after normalising: {error}"))
            .at(at)
            .help("a rule for this construct is missing in codegen/src/normalize/rules.rs")
    })
}
