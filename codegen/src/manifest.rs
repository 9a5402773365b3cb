//! `schemas/manifest.toml`: which endpoints become which crate.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{Error, rust::names};

/// The crates to generate, by name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// One entry a crate.
    pub crates: BTreeMap<String, Family>,
}

/// One crate: the endpoints of one app.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// The `owner/alias` that every endpoint id of the crate starts with.
    pub app: String,
    /// What the family is, in a few words.
    pub title: String,
    /// The ids of its endpoints.
    pub endpoints: Vec<String>,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    ///
    /// When `text` is not TOML of this shape, an endpoint lies outside its crate's app, or a crate's
    /// name is not one that cargo takes.
    pub fn read(file: &str, text: &str) -> Result<Self, Error> {
        let manifest: Self = toml::from_str(text).map_err(|error| {
            Error::new(file, error.to_string().trim_end().to_owned())
                .help("a crate is written as [crates.<name>] with `app`, `title` and `endpoints`")
        })?;
        for (name, family) in &manifest.crates {
            let at = format!("/crates/{name}");
            if !names::is_crate_name(name) {
                return Err(Error::new(file, format!("`{name}` is not a crate name"))
                    .at(at)
                    .help("use lower-case letters, digits and `-`, starting with a letter"));
            }
            for id in &family.endpoints {
                let inside =
                    id.strip_prefix(&family.app).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
                if !inside {
                    return Err(Error::new(
                        file,
                        format!("`{id}` is not an endpoint of the app `{}`", family.app),
                    )
                    .at(at)
                    .help("a crate holds one app, `owner/alias`; give other apps a crate of their own"));
                }
            }
        }
        Ok(manifest)
    }

    /// The path of the document that describes an endpoint, relative to the folder of schemas.
    #[must_use]
    pub fn document(id: &str) -> String {
        format!("{id}.json")
    }
}
