//! Turns the OpenAPI documents of fal models into Rust crates.
//!
//! Documents in, files out: no network, no clock, no environment. Five stages, in this order, one
//! folder each:
//!
//! | stage | in and out |
//! |---|---|
//! | [`schema`] | text to a document, as it was published |
//! | [`mod@normalize`] | the dialect that fal writes to strict OpenAPI 3.0 |
//! | [`model`] | OpenAPI to what an endpoint takes and gives |
//! | [`rust`] | endpoints to crates, modules, types and their names |
//! | [`emit`] | crates to files |

pub mod emit;
mod error;
pub mod manifest;
pub mod model;
pub mod normalize;
pub mod rust;
pub mod schema;
pub mod tree;
pub mod workspace;

use std::collections::BTreeMap;

pub use error::{Error, Errors};
pub use manifest::Manifest;
pub use tree::Tree;

/// What a run produced.
#[derive(Debug, Clone, Default)]
pub struct Generated {
    /// The files, relative to the root of the workspace.
    pub tree: Tree,
    /// Keywords that no rule knows, by endpoint: they were read past, and nothing was generated for them.
    pub unknown_keywords: BTreeMap<String, BTreeMap<String, usize>>,
}

/// Generates every crate of `manifest`. `read` gives the text of a document by its path relative to the
/// folder of schemas, which messages and headers call `schemas`.
///
/// # Errors
///
/// Every problem of every document. Nothing is generated then.
pub fn generate(
    manifest: &Manifest,
    schemas: &str,
    read: impl Fn(&str) -> std::io::Result<String>,
) -> Result<Generated, Errors> {
    let mut generated = Generated::default();
    let mut errors = Vec::new();
    for (name, family) in &manifest.crates {
        let mut endpoints = Vec::new();
        for id in &family.endpoints {
            let path = Manifest::document(id);
            let file = format!("{schemas}/{path}");
            let text = read(&path).map_err(|error| {
                Error::new(&file, error.to_string())
                    .help(format!("`{id}` is in the manifest, so the document must exist"))
            });
            match text.and_then(|text| self::endpoint(&file, id, &text)) {
                Ok((endpoint, unknown)) => {
                    if !unknown.is_empty() {
                        generated.unknown_keywords.insert(id.clone(), unknown);
                    }
                    endpoints.push(endpoint);
                }
                Err(error) => errors.push(error),
            }
        }
        let emitted =
            rust::plan(name, family, &endpoints).and_then(|item| emit::emit(&item, &mut generated.tree));
        errors.extend(emitted.err());
    }
    emit::emit_common(&mut generated.tree);
    if errors.is_empty() { Ok(generated) } else { Err(Errors(errors)) }
}

/// Stages 1 to 3 for one document.
fn endpoint(file: &str, id: &str, text: &str) -> Result<(model::Endpoint, BTreeMap<String, usize>), Error> {
    let document = schema::read(file, text)?;
    if document.endpoint_id != id {
        return Err(Error::new(file, format!("describes `{}`, not `{id}`", document.endpoint_id))
            .at("/endpoint_id")
            .help("a document is stored under the id of its endpoint"));
    }
    let unknown = document.unknown_keywords.clone();
    let normalized = normalize::normalize(document)?;
    Ok((model::endpoint(&normalized)?, unknown))
}
