//! Scripts as data: files, and what comes over HTTP.

use std::fmt;
use std::path::Path;

use serde::Deserialize;

use crate::app::App;
use crate::error::Error;

mod endpoint;
mod rule;

/// What a scenario file says: how endpoints behave, and rules about single requests.
///
/// In TOML or JSON, for tests in any language. It says what [`Script`](crate::Script) and
/// [`Rule`](crate::Rule) say, in the same words.
///
/// ```
/// let scenario = fal_emulator::Scenario::from_toml(r#"
///     [[endpoint]]
///     id = "fal-ai/flux/dev"
///     queue = [2, 1, 0]
///     logs = ["loading the model"]
///     outcomes = [
///         { fail = { status = 503, body = { detail = "no runner" } }, times = 2 },
///         { reply = { images = [], prompt = "a cat" } },
///     ]
///
///     [[rule]]
///     verb = "status"
///     cut = { body = 10 }
///     times = 1
/// "#)?;
/// # Ok::<(), fal_emulator::BadScenario>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    #[serde(default, rename = "endpoint")]
    endpoints: Vec<endpoint::Said>,
    #[serde(default, rename = "rule")]
    rules: Vec<rule::Said>,
    /// How many connections to reset before a byte of them is read.
    refuse_connections: Option<usize>,
}

/// Why a text is no scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadScenario(String);

impl Scenario {
    /// Reads TOML.
    ///
    /// # Errors
    ///
    /// Where the text is no TOML, or says what no scenario says.
    pub fn from_toml(text: &str) -> Result<Self, BadScenario> {
        toml::from_str::<Self>(text).map_err(|error| BadScenario(error.to_string()))?.checked()
    }

    /// Reads JSON.
    ///
    /// # Errors
    ///
    /// Where the text is no JSON, or says what no scenario says.
    pub fn from_json(text: &str) -> Result<Self, BadScenario> {
        serde_json::from_str::<Self>(text).map_err(|error| BadScenario(error.to_string()))?.checked()
    }

    /// Reads a file: JSON if its name ends in `.json`, else TOML.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        let scenario = if is_json { Self::from_json(&text) } else { Self::from_toml(&text) };
        scenario.map_err(|source| Error::Scenario { path: path.to_owned(), source })
    }

    /// Says it all to an emulator, in addition to what was said before.
    pub(crate) fn apply(&self, app: &App) {
        for endpoint in &self.endpoints {
            endpoint.apply(app);
        }
        for rule in &self.rules {
            rule.apply(app);
        }
        if let Some(connections) = self.refuse_connections {
            app.gate.refuse(connections);
        }
    }

    fn checked(self) -> Result<Self, BadScenario> {
        let endpoints = self.endpoints.iter().try_for_each(endpoint::Said::check);
        endpoints.and_then(|()| self.rules.iter().try_for_each(rule::Said::check)).map_err(BadScenario)?;
        Ok(self)
    }
}

impl fmt::Display for BadScenario {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0.trim_end())
    }
}

impl std::error::Error for BadScenario {}

/// A time in seconds, as people write it.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "f64")]
struct Seconds(std::time::Duration);

impl TryFrom<f64> for Seconds {
    type Error = String;

    fn try_from(seconds: f64) -> Result<Self, String> {
        std::time::Duration::try_from_secs_f64(seconds)
            .map(Self)
            .map_err(|_| format!("{seconds} is no time in seconds"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_can_be_said_in_toml_and_json() {
        let toml = Scenario::from_toml("refuse_connections = 2\n[[rule]]\nreset = \"reply\"").unwrap();
        let json = r#"{"refuse_connections": 2, "rule": [{"reset": "reply"}]}"#;
        assert_eq!(format!("{toml:?}"), format!("{:?}", Scenario::from_json(json).unwrap()));
    }

    #[test]
    fn the_readme_shows_a_scenario() {
        let readme = include_str!("../README.md");
        let (_, rest) = readme.split_once("```toml\n").unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        let scenario = Scenario::from_toml(example).unwrap();
        assert_eq!((scenario.endpoints.len(), scenario.rules.len()), (1, 3));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, wanted) in [
            ("[[endpoint]]\nqueue = [1]", "missing field `id`"),
            ("[[endpoint]]\nid = \"a/b\"\nqueu = [1]", "unknown field `queu`"),
            ("[[endpoint]]\nid = \"a/b\"\noutcomes = [{ times = 2 }]", "either `reply` or `fail`"),
            ("[[endpoint]]\nid = \"a/b\"\noutcomes = [{ fail = { status = 42 } }]", "42 is no status"),
            ("[[rule]]\nverb = \"dance\"", "unknown variant `dance`"),
            ("[[rule]]\ncut = { tail = 1 }", "unknown variant `tail`"),
            ("[[rule]]\ncut = \"reply\"\nstall = \"reply\"", "one of `cut`, `reset` and `stall`"),
            ("[[rule]]\ndelay = -1.0", "-1 is no time in seconds"),
            ("[[rule]]\nheaders = { \"a b\" = \"c\" }", "`a b: c` is no header"),
            ("[[rule]]\nanswer = { status = 200, json = 1, text = \"1\" }", "one of `json` and `text`"),
        ] {
            let error = Scenario::from_toml(text).unwrap_err().to_string();
            assert!(error.contains(wanted), "{text}: {error}");
        }
    }
}
