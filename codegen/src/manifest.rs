//! The manifest of a catalogue, `schemas/manifest.toml`: it lists the endpoints of each crate.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{error::Error, rust::names};

/// The crates to generate, by name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The families, by the name of their crate.
    pub crates: BTreeMap<String, Family>,
}

/// The endpoints of one app, which become one crate.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    /// The `owner/alias` that every endpoint id of the family starts with.
    pub app: String,
    /// A title of a few words.
    pub title: String,
    /// The version of the crate. `0.1.0` if the manifest has none.
    #[serde(default = "first_version")]
    pub version: String,
    /// The ids of the endpoints.
    pub endpoints: Vec<String>,
    /// The crate of a newer version of the model.
    #[serde(default)]
    pub superseded_by: Option<String>,
}

/// Returns the version of a new crate.
pub(crate) fn first_version() -> String {
    "0.1.0".to_owned()
}

fn is_version(text: &str) -> bool {
    let mut parts = text.split('.');
    let is_number = |part: Option<&str>| {
        part.is_some_and(|part| part.parse::<u64>().is_ok_and(|number| number.to_string() == part))
    };
    is_number(parts.next()) && is_number(parts.next()) && is_number(parts.next()) && parts.next().is_none()
}

impl Manifest {
    /// Parses a manifest. `file` is its name in errors.
    ///
    /// # Errors
    ///
    /// Fails when `text` is not TOML of this shape, an endpoint lies outside its crate's app, or cargo would not
    /// accept the name of a crate.
    pub fn parse(file: &str, text: &str) -> Result<Self, Error> {
        let manifest: Self = toml::from_str(text).map_err(|error| {
            Error::new(file, error.to_string().trim_end().to_owned())
                .with_help("a crate is written as [crates.<name>] with `app`, `title` and `endpoints`")
        })?;
        for (name, family) in &manifest.crates {
            let at = format!("/crates/{name}");
            if let Some(newer) = &family.superseded_by
                && !manifest.crates.contains_key(newer)
            {
                return Err(Error::new(
                    file,
                    format!("`{name}` is superseded by `{newer}`, which is no crate here"),
                )
                .with_pointer(at)
                .with_help("name a crate of the manifest in `superseded_by`"));
            }
            if !names::is_crate_name(name) {
                return Err(Error::new(file, format!("`{name}` is not a crate name"))
                    .with_pointer(at)
                    .with_help("use lower-case letters, digits and `-`, starting with a letter"));
            }
            if !is_version(&family.version) {
                let message = format!("`{}` is not a version", family.version);
                return Err(Error::new(file, message)
                    .with_pointer(at)
                    .with_help("a version is three numbers, such as `0.1.0`"));
            }
            for id in &family.endpoints {
                let inside =
                    id.strip_prefix(&family.app).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
                if !inside {
                    return Err(Error::new(
                        file,
                        format!("`{id}` is not an endpoint of the app `{}`", family.app),
                    )
                    .with_pointer(at)
                    .with_help(
                        "a crate holds one app, `owner/alias`; give other apps a crate of their own",
                    ));
                }
            }
        }
        Ok(manifest)
    }

    /// Returns the path of an endpoint's document, relative to the folder of schemas.
    #[must_use]
    pub fn document_path(id: &str) -> String {
        format!("{id}.json")
    }
}
