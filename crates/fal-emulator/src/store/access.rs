//! The lifetime and the readers of a file.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

/// The name of the emulator's only account in rules.
pub(crate) const USER: &str = "fal-emulator";

/// The lifetime and the readers of a file, from its upload or from the account's settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Lifecycle {
    pub(crate) expires: Option<Duration>,
    pub(crate) acl: Option<Acl>,
    /// The scope of the request that made the file.
    pub(crate) scope: Option<Arc<str>>,
}

impl Lifecycle {
    /// Returns the time at which a file that is made now is gone.
    pub(super) fn expires_at(&self) -> Option<Instant> {
        Instant::now().checked_add(self.expires?)
    }
}

/// The readers of a file.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Acl {
    default: Decision,
    rules: Vec<(String, Decision)>,
}

/// The answer to a caller who wants to read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Allow,
    /// The caller learns that the file exists, but cannot read it.
    Forbid,
    /// The file seems not to exist.
    Hide,
}

impl Decision {
    fn parse(value: &Value) -> Option<Self> {
        match value.as_str()? {
            "allow" => Some(Self::Allow),
            "forbid" => Some(Self::Forbid),
            "hide" => Some(Self::Hide),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Forbid => "forbid",
            Self::Hide => "hide",
        }
    }
}

impl Default for Acl {
    fn default() -> Self {
        Self { default: Decision::Allow, rules: Vec::new() }
    }
}

impl Acl {
    /// Parses `{"default", "rules": [{"user", "decision"}]}`. Rules about unknown users are dropped.
    ///
    /// # Errors
    ///
    /// Returns the name of the invalid part.
    pub(crate) fn parse(value: &Value) -> Result<Self, &'static str> {
        let object = value.as_object().ok_or("initial_acl")?;
        let default = match object.get("default") {
            None | Some(Value::Null) => Decision::Allow,
            Some(decision) => Decision::parse(decision).ok_or("default")?,
        };
        let mut rules = Vec::new();
        for rule in object.get("rules").and_then(Value::as_array).into_iter().flatten() {
            let user = rule.get("user").and_then(Value::as_str).ok_or("rules")?;
            let decision = rule.get("decision").and_then(Decision::parse).ok_or("rules")?;
            if user == USER {
                rules.push((user.to_owned(), decision));
            }
        }
        Ok(Self { default, rules })
    }

    pub(crate) fn to_json(&self) -> Value {
        let rule = |(user, decision): &(String, Decision)| json!({"user": user, "decision": decision.name()});
        json!({"default": self.default.name(), "rules": self.rules.iter().map(rule).collect::<Vec<_>>()})
    }

    /// Decides about a caller. The account may read its own files unless a rule about it says otherwise.
    pub(crate) fn decide(&self, is_account: bool) -> Decision {
        let rule = self.rules.iter().find(|(user, _)| user == USER);
        match rule {
            Some((_, decision)) if is_account => *decision,
            None if is_account => Decision::Allow,
            _ => self.default,
        }
    }
}

impl Lifecycle {
    /// Parses `{"expiration_duration_seconds"?, "initial_acl"?}`.
    ///
    /// # Errors
    ///
    /// Returns the name of the invalid part.
    pub(crate) fn parse(value: &Value) -> Result<Self, &'static str> {
        let object: &Map<String, Value> = value.as_object().ok_or("lifecycle")?;
        let expires = match object.get("expiration_duration_seconds") {
            None | Some(Value::Null) => None,
            Some(seconds) => Some(
                seconds
                    .as_u64()
                    .filter(|seconds| *seconds > 0)
                    .map(Duration::from_secs)
                    .ok_or("expiration_duration_seconds")?,
            ),
        };
        let acl = match object.get("initial_acl") {
            None | Some(Value::Null) => None,
            Some(acl) => Some(Acl::parse(acl)?),
        };
        Ok(Self { expires, acl, scope: None })
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "expiration_duration_seconds": self.expires.map(|time| time.as_secs()),
            "initial_acl": self.acl.as_ref().map(Acl::to_json),
        })
    }

    /// Fills in `settings` for everything that is not set.
    pub(crate) fn with_defaults(self, settings: &Self) -> Self {
        let acl = self.acl.or_else(|| settings.acl.clone());
        Self { expires: self.expires.or(settings.expires), acl, scope: self.scope }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifecycle_is_parsed_and_written_back() {
        let sent = json!({"expiration_duration_seconds": 60, "initial_acl": {
            "default": "forbid", "rules": [{"user": USER, "decision": "hide"}, {"user": "u1", "decision": "allow"}],
        }});
        let lifecycle = Lifecycle::parse(&sent).unwrap();
        assert_eq!(lifecycle.expires, Some(Duration::from_secs(60)));
        let mut known = sent;
        known["initial_acl"]["rules"].as_array_mut().unwrap().pop();
        assert_eq!(lifecycle.to_json(), known);
        assert_eq!(Lifecycle::parse(&json!({})), Ok(Lifecycle::default()));
        let bad = [
            (json!([]), "lifecycle"),
            (json!({"expiration_duration_seconds": 0}), "expiration_duration_seconds"),
            (json!({"initial_acl": {"default": "maybe"}}), "default"),
            (json!({"initial_acl": {"rules": [{"user": "u1"}]}}), "rules"),
        ];
        for (value, part) in bad {
            assert_eq!(Lifecycle::parse(&value), Err(part));
        }
    }

    #[test]
    fn rules_decide_about_the_account_and_the_default_about_others() {
        let acl = |value: Value| Acl::parse(&value).unwrap();
        assert_eq!(Acl::default().decide(false), Decision::Allow);
        assert_eq!(acl(json!({"default": "forbid"})).decide(false), Decision::Forbid);
        assert_eq!(acl(json!({"default": "hide"})).decide(true), Decision::Allow);
        let hidden = acl(json!({"rules": [{"user": USER, "decision": "hide"}]}));
        assert_eq!((hidden.decide(true), hidden.decide(false)), (Decision::Hide, Decision::Allow));
    }
}
