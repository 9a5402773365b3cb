//! Stage 2: normalizes the dialect that fal publishes into strict OpenAPI 3.0.
//!
//! fal declares OpenAPI 3.0, but its schemas use JSON Schema 2020-12. Each rule rewrites one construct without
//! changing its meaning. Constructs that OpenAPI 3.0 cannot express move to `x-` extensions, which stage 3 reads.

mod all_of;
mod branches;
mod enum_names;
pub mod fixups;
pub(crate) mod item_schemas;
pub(crate) mod references;
pub mod requirements;
mod rules;
pub(crate) mod sessions;

pub use rules::rename_bounds;

use std::collections::BTreeMap;

use indexmap::IndexMap;
use openapiv3::{Components, OpenAPI, ReferenceOr};
use schemars::{Schema, transform::Transform};
use serde::Deserialize as _;
use serde_json::Value;

use crate::{
    error::{Error, Errors, pointer},
    schema::{Document, DocumentKind, Metadata, keywords},
};

/// The extension that holds the `prefixItems` of a tuple.
pub const PREFIX_ITEMS: &str = "x-fal-prefix-items";

/// The extension of a schema that allows null only.
pub(crate) const NULL: &str = "x-fal-null";

/// The extension that holds the bounds of an integer that are beyond `i64`, as text.
pub(crate) const WIDE_BOUNDS: &str = "x-fal-wide-bounds";

/// The extension of an enum that says the name that it shares with equal enums of other properties.
pub(crate) const ENUM_NAME: &str = "x-fal-enum-name";

/// The extension that lists the keywords of a schema that have no effect on its type.
pub(crate) const IGNORED: &str = "x-fal-ignored";

/// The extension that holds the schema of the items after those of [`PREFIX_ITEMS`]. A tuple without it has no more items.
pub const REST_ITEMS: &str = "x-fal-rest-items";

/// The extension that holds the [requirements](requirements::Requirement) of an object.
pub const REQUIREMENTS: &str = "x-fal-requirements";

/// The extension that holds the `propertyNames` of an object without described properties.
pub(crate) const PROPERTY_NAMES: &str = "x-fal-property-names";

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
    /// The component schemas, as OpenAPI 3.0.
    pub openapi: OpenAPI,
    /// The component schemas that are not OpenAPI 3.0, each with the reason. They are errors of the routes that use them.
    pub invalid: BTreeMap<String, Error>,
    /// The whole document, with every schema rewritten.
    pub document: Value,
    /// The names of the fixups that were applied.
    pub fixups: Vec<&'static str>,
    /// The number of occurrences of each unknown keyword of a schema.
    pub unknown_keywords: BTreeMap<String, usize>,
}

/// Normalizes `document`: applies its fixups, and rewrites every schema.
///
/// A component schema that cannot be rewritten does not stop the others; see [`Normalized::invalid`].
///
/// # Errors
///
/// Fails if a fixup no longer applies, or a reference of an AsyncAPI document to a message leads nowhere.
pub fn normalize(document: Document) -> Result<Normalized, Errors> {
    let document = match document.kind {
        DocumentKind::Session => Document { openapi: sessions::to_openapi(&document)?, ..document },
        DocumentKind::Queue | DocumentKind::App => document,
    };
    let Document { file, base, id, kind, metadata, mut openapi, .. } = document;
    let fixups = fixups::apply(&file, &id, &mut openapi)?;
    item_schemas::read_item_schemas(&mut openapi);
    references::rewrite_references(&mut openapi);
    let unknown_keywords = keywords::count_unknown(&openapi);
    enum_names::name_repeated_enums(&mut openapi);
    let mut invalid = BTreeMap::new();
    if let Some(schemas) = openapi.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        for (name, schema) in schemas {
            let at = pointer(&format!("{base}/components/schemas"), name);
            if let Err(error) = rewrite(schema, &file, &at) {
                invalid.insert(name.clone(), error);
            }
        }
    }
    for place in ["paths", "components/requestBodies", "components/responses"] {
        if let Some(inner) = openapi.pointer_mut(&format!("/{place}")) {
            rewrite_inline(inner, &file, &format!("{base}/{place}"));
        }
    }
    all_of::merge_all_of(&mut openapi);
    if let Some(version) = openapi.get_mut("openapi") {
        *version = "3.0.4".into();
    }
    let schemas = parse_components(&openapi, &file, &base, &mut invalid);
    let components = Some(Components { schemas, ..Components::default() });
    let parsed = OpenAPI { openapi: "3.0.4".to_owned(), components, ..OpenAPI::default() };
    let document = openapi;
    Ok(Normalized {
        file,
        base,
        id,
        kind,
        metadata,
        openapi: parsed,
        invalid,
        document,
        fixups,
        unknown_keywords,
    })
}

/// Parses the component schemas. Adds those that are not OpenAPI 3.0 to `invalid`.
fn parse_components(
    openapi: &Value,
    file: &str,
    base: &str,
    invalid: &mut BTreeMap<String, Error>,
) -> IndexMap<String, ReferenceOr<openapiv3::Schema>> {
    let mut parsed = IndexMap::new();
    let schemas = openapi.pointer("/components/schemas").and_then(Value::as_object);
    for (name, schema) in schemas.into_iter().flatten() {
        if invalid.contains_key(name) {
            continue;
        }
        let at = pointer(&format!("{base}/components/schemas"), name);
        match parse_schema(schema, file, &at) {
            Ok(schema) => drop(parsed.insert(name.clone(), schema)),
            Err(error) => {
                drop(invalid.insert(name.clone(), find_invalid_schema(schema, file, at).unwrap_or(error)))
            }
        }
    }
    parsed
}

/// Returns the error of the innermost schema that is not OpenAPI 3.0.
fn find_invalid_schema(schema: &Value, file: &str, at: String) -> Option<Error> {
    let error = parse_schema(schema, file, &at).err()?;
    let mut inner: Vec<(String, &Value)> = Vec::new();
    for (key, value) in schema.as_object().into_iter().flatten() {
        let at = pointer(&at, key);
        match (key.as_str(), value) {
            ("properties", Value::Object(schemas)) => {
                inner.extend(schemas.iter().map(|(name, schema)| (pointer(&at, name), schema)));
            }
            ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => {
                inner.extend(schemas.iter().enumerate().map(|(index, schema)| (pointer(&at, index), schema)));
            }
            ("items" | "not", schema) => inner.push((at, schema)),
            _ => {}
        }
    }
    inner.into_iter().find_map(|(at, schema)| find_invalid_schema(schema, file, at)).or(Some(error))
}

/// Rewrites the schemas inside paths, which are the values of keys called `schema`.
///
/// One that cannot be rewritten stays as it is, and is an error when a route uses it.
fn rewrite_inline(value: &mut Value, file: &str, at: &str) {
    match value {
        Value::Object(object) => {
            for (key, value) in
                object.iter_mut().filter(|(key, _)| !matches!(key.as_str(), "example" | "examples"))
            {
                let at = pointer(at, key);
                if key == "schema" {
                    drop(rewrite(value, file, &at));
                } else {
                    rewrite_inline(value, file, &at);
                }
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .enumerate()
            .for_each(|(index, item)| rewrite_inline(item, file, &pointer(at, index))),
        _ => {}
    }
}

fn rewrite(value: &mut Value, file: &str, at: &str) -> Result<(), Error> {
    rules::expand_boolean(value);
    let schema = <&mut Schema>::try_from(value).map_err(|_| {
        Error::new(file, "a schema must be an object, `true` or `false`")
            .with_pointer(at)
            .with_help("correct the document at this place, or report it to its author")
    })?;
    rules::Rules.transform(schema);
    Ok(())
}

/// Parses a schema that was rewritten.
pub(crate) fn parse_schema(
    value: &Value,
    file: &str,
    at: &str,
) -> Result<ReferenceOr<openapiv3::Schema>, Error> {
    ReferenceOr::deserialize(value).map_err(|error| {
        Error::new(file, format!("not a schema that OpenAPI 3.0 or JSON Schema 2020-12 describe: {error}"))
            .with_pointer(at)
            .with_help("correct the document at this place; if it is right, report it to the authors of `fal-codegen`")
    })
}
