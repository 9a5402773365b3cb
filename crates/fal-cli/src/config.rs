//! The configuration file, with a key for each profile.

use std::collections::BTreeMap;
use std::path::PathBuf;

use fal_client::Usd;
use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Result};
use crate::folders;

/// The configuration file. It has no `Debug`, because it contains keys.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The profile that is used when none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) profile: Option<String>,
    #[serde(default)]
    pub(crate) profiles: BTreeMap<String, Profile>,
}

/// A key and the limits of its use.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Profile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    /// The largest estimated cost of a call, in US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_cost: Option<String>,
    /// The URL of an emulator to call in place of fal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) emulator: Option<String>,
}

impl Config {
    /// Returns the path of the file.
    pub(crate) fn path() -> Result<PathBuf> {
        Ok(folders::config()?.join("config.toml"))
    }

    /// Reads the file. Without one, the configuration is empty.
    pub(crate) fn read() -> Result<Self> {
        let path = Self::path()?;
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(Failure::usage(format!("{} cannot be read: {error}", path.display()))),
        };
        warn_if_readable_by_others(&path);
        toml::from_str(&text).map_err(|error: toml::de::Error| {
            // The message without the line, which may contain a key.
            let line = error.span().map(|span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let line = line.map(|line| format!(", line {line}")).unwrap_or_default();
            Failure::usage(format!("{}{line}: {}", path.display(), error.message()))
        })
    }

    /// Writes the file, readable by its owner only.
    pub(crate) fn write(&self) -> Result<()> {
        let text = toml::to_string(self).map_err(|error| Failure::usage(error.to_string()))?;
        folders::write_private(&Self::path()?, text.as_bytes())
    }

    /// Returns the profile of this name, or else the default one. A name that does not exist is a failure.
    pub(crate) fn profile(&self, name: Option<&str>) -> Result<Option<&Profile>> {
        let Some(name) = name.or(self.profile.as_deref()) else { return Ok(None) };
        match self.profiles.get(name) {
            Some(profile) => Ok(Some(profile)),
            None => Err(Failure::usage(self.missing(name))),
        }
    }

    /// Returns the message for a profile that does not exist.
    pub(crate) fn missing(&self, name: &str) -> String {
        let names: Vec<&str> = self.profiles.keys().map(String::as_str).collect();
        match names.is_empty() {
            true => format!("there is no profile `{name}`; `fal-cli profile add {name}` stores a key"),
            false => format!("there is no profile `{name}`; there are {}", names.join(", ")),
        }
    }
}

impl Profile {
    /// Returns the largest estimated cost of a call.
    pub(crate) fn max_cost(&self) -> Result<Option<Usd>> {
        let parse =
            |text: &String| text.parse().map_err(|error| Failure::usage(format!("max_cost: {error}")));
        self.max_cost.as_ref().map(parse).transpose()
    }
}

#[cfg(unix)]
fn warn_if_readable_by_others(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(path).map(|metadata| metadata.permissions().mode()).unwrap_or_default();
    if mode & 0o077 != 0 {
        eprintln!("warning: others can read {0}; run `chmod 600 {0}`", path.display());
    }
}

#[cfg(not(unix))]
fn warn_if_readable_by_others(_: &std::path::Path) {}
