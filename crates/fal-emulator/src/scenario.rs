//! Scripts as data: scenario files, and scenarios that come over HTTP.

use std::path::Path;

use serde::Deserialize;

use crate::error::{BadScenario, Error};
use crate::file_format;
use crate::history::{HistoryOutage, HistorySettings};
use crate::script::{EXHAUSTED_BALANCE, Scripts};

mod endpoint;
mod rule;
mod seconds;

use endpoint::EndpointConfig;
use rule::RuleConfig;
use seconds::Seconds;

/// A script as data, in TOML or JSON: the behaviour of endpoints, and rules about single requests.
///
/// Tests in any language can use it. Its keys correspond to the methods of [`Script`](crate::Script) and
/// [`Rule`](crate::Rule); the README of the crate shows all of them.
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
///     kind = "status"
///     cut = { body = 10 }
///     times = 1
/// "#)?;
/// # Ok::<(), fal_emulator::BadScenario>(())
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    #[serde(default, rename = "endpoint")]
    endpoints: Vec<EndpointConfig>,
    #[serde(default, rename = "rule")]
    rules: Vec<RuleConfig>,
    /// The number of connections to reset before a byte of them is read.
    refuse_connections: Option<usize>,
    history: Option<HistoryConfig>,
    account: Option<AccountConfig>,
}

/// The `[account]` table of a scenario.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct AccountConfig {
    locked: Option<LockConfig>,
    /// The number of calls to refuse.
    rate_limited: Option<usize>,
}

/// The state of a lock: whether there is one, or its reason.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "expected true, false or the reason for the lock as text")]
enum LockConfig {
    Switch(bool),
    Reason(String),
}

/// The `[history]` table of a scenario. Its keys correspond to the methods of [`HistorySettings`].
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct HistoryConfig {
    lag: Option<Seconds>,
    outage: Option<HistoryOutage>,
}

impl Scenario {
    /// Parses TOML.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is not TOML, or if a key or value is not one of a scenario.
    pub fn from_toml(text: &str) -> Result<Self, BadScenario> {
        toml::from_str::<Self>(text).map_err(|error| BadScenario::new(error.to_string()))?.checked()
    }

    /// Parses JSON.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is not JSON, or if a key or value is not one of a scenario.
    pub fn from_json(text: &str) -> Result<Self, BadScenario> {
        serde_json::from_str::<Self>(text).map_err(|error| BadScenario::new(error.to_string()))?.checked()
    }

    /// Reads a file of JSON or TOML.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        let scenario =
            if file_format::is_json(path, &text) { Self::from_json(&text) } else { Self::from_toml(&text) };
        scenario.map_err(|source| Error::Scenario { path: path.to_owned(), source })
    }

    /// Adds the scenario to the scripts.
    pub(crate) fn apply(&self, scripts: &Scripts) {
        for endpoint in &self.endpoints {
            endpoint.apply(scripts);
        }
        for rule in &self.rules {
            rule.apply(scripts);
        }
        if let Some(connections) = self.refuse_connections {
            scripts.gate.refuse(connections);
        }
        if let Some(HistoryConfig { lag, outage }) = self.history {
            let lag = lag.map(|lag| lag.0).unwrap_or_default();
            scripts.history.set(HistorySettings { lag, outage });
        }
        if let Some(AccountConfig { locked, rate_limited }) = &self.account {
            match locked {
                Some(LockConfig::Switch(true)) => scripts.account.lock(EXHAUSTED_BALANCE),
                Some(LockConfig::Switch(false)) => scripts.account.unlock(),
                Some(LockConfig::Reason(reason)) => scripts.account.lock(reason),
                None => {}
            }
            if let Some(calls) = rate_limited {
                scripts.account.set_rate_limited(*calls);
            }
        }
    }

    /// Returns the ids of the endpoints that the scenario scripts, and those that its rules name.
    pub(crate) fn endpoint_ids(&self) -> impl Iterator<Item = &str> {
        let scripted = self.endpoints.iter().map(EndpointConfig::id);
        scripted.chain(self.rules.iter().filter_map(RuleConfig::endpoint))
    }

    /// Returns true if the scenario is about connections, and not only about requests.
    pub(crate) fn concerns_connections(&self) -> bool {
        self.refuse_connections.is_some()
    }

    fn checked(self) -> Result<Self, BadScenario> {
        let endpoints = self.endpoints.iter().try_for_each(EndpointConfig::check);
        endpoints
            .and_then(|()| self.rules.iter().try_for_each(RuleConfig::check))
            .map_err(BadScenario::new)?;
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn toml_and_json_give_the_same_scenario() {
        let toml = Scenario::from_toml("refuse_connections = 2\n[[rule]]\nreset = \"reply\"").unwrap();
        let json = r#"{"refuse_connections": 2, "rule": [{"reset": "reply"}]}"#;
        assert_eq!(format!("{toml:?}"), format!("{:?}", Scenario::from_json(json).unwrap()));
    }

    #[test]
    fn the_example_in_the_readme_is_valid() {
        let readme = include_str!("../README.md");
        let (_, rest) = readme.split_once("```toml\n").unwrap();
        let (example, _) = rest.split_once("```").unwrap();
        let scenario = Scenario::from_toml(example).unwrap();
        assert_eq!((scenario.endpoints.len(), scenario.rules.len()), (1, 3));
    }

    #[test]
    fn errors_name_the_problem() {
        for (text, expected) in [
            ("[[endpoint]]\nqueue = [1]", "missing field `id`"),
            ("[[endpoint]]\nid = \"a/b\"\nqueu = [1]", "unknown field `queu`"),
            ("[[endpoint]]\nid = \"a/b\"\noutcomes = [{ times = 2 }]", "one of `reply`, `fail`"),
            ("[[endpoint]]\nid = \"a/b\"\noutcomes = [{ nsfw = true, reply = 1 }]", "one of `reply`, `fail`"),
            ("[account]\nlocked = 1", "expected true, false or the reason"),
            (
                "[[endpoint]]\nid = \"a/b\"\noutcomes = [{ fail = { status = 42 } }]",
                "42 is not the HTTP status of an answer",
            ),
            ("[[rule]]\nkind = \"dance\"", "unknown variant `dance`"),
            ("[history]\noutage = \"slow\"", "unknown variant `slow`"),
            ("[[rule]]\ncut = { tail = 1 }", "unknown variant `tail`"),
            ("[[rule]]\ncut = \"reply\"\nstall = \"reply\"", "only one of `cut`, `reset` and `stall`"),
            ("[[rule]]\ndelay = -1.0", "-1 is not a number of seconds"),
            ("[[rule]]\nheaders = { \"a b\" = \"c\" }", "`a b: c` is not a valid header"),
            ("[[rule]]\nrespond = { status = 200, json = 1, text = \"1\" }", "only one of `json` and `text`"),
        ] {
            let error = Scenario::from_toml(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
