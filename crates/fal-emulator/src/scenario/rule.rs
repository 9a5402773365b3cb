//! The `[[rule]]` tables of a scenario.

use std::collections::BTreeMap;

use axum::http::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

use super::seconds::Seconds;
use crate::script::{FaultPoint, RealtimeFault, RequestKind, RequestPattern, ResponseTemplate, Scripts};

/// A rule about single requests. The keys correspond to the methods of [`Rule`](crate::Rule).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RuleConfig {
    endpoint: Option<String>,
    kind: Option<RequestKind>,
    times: Option<usize>,
    after: usize,
    respond: Option<ResponseConfig>,
    /// The headers to set, or to remove if the value is empty.
    headers: BTreeMap<String, String>,
    delay: Option<Seconds>,
    cut: Option<FaultPoint>,
    reset: Option<FaultPoint>,
    stall: Option<FaultPoint>,
    slow: Option<SlowConfig>,
    raw: Option<String>,
    garbage: bool,
    twice: bool,
    replace_message: Option<ReplacementConfig>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplacementConfig {
    /// The number of messages before the replaced one.
    after: usize,
    with: RealtimeFault,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResponseConfig {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    json: Option<Value>,
    text: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SlowConfig {
    bytes: usize,
    pause: Seconds,
}

impl RuleConfig {
    pub(super) fn endpoint(&self) -> Option<&str> {
        self.endpoint.as_deref()
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let headers = self.headers.iter().chain(self.respond.iter().flat_map(|response| &response.headers));
        for (name, value) in headers {
            if name.parse::<HeaderName>().is_err() || HeaderValue::from_str(value).is_err() {
                return Err(format!("rule: `{name}: {value}` is not a valid header"));
            }
        }
        if [self.cut, self.reset, self.stall].into_iter().flatten().count() > 1 {
            return Err("rule: only one of `cut`, `reset` and `stall` may be given".to_owned());
        }
        if let Some(ReplacementConfig { with: RealtimeFault::Close(code), .. }) = self.replace_message
            && !(1000..5000).contains(&code)
        {
            return Err(format!("rule: {code} is not a close code of WebSocket: expected 1000 to 4999"));
        }
        match &self.respond {
            Some(response) if !(200..1000).contains(&response.status) => {
                Err(format!("rule: {} is not the HTTP status of an answer: 200 to 999", response.status))
            }
            Some(response) if response.json.is_some() && response.text.is_some() => {
                Err("rule: only one of `json` and `text` may be given as the body of a response".to_owned())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn apply(&self, scripts: &Scripts) {
        let pattern = RequestPattern { endpoint: self.endpoint.clone(), kind: self.kind };
        let mut rule = scripts.rules.add(pattern);
        if let Some(response) = &self.respond {
            rule = rule.respond(response.to_template());
        }
        for (name, value) in &self.headers {
            rule = if value.is_empty() { rule.without_header(name) } else { rule.header(name, value) };
        }
        if let Some(time) = self.delay {
            rule = rule.delay(time.0);
        }
        if let Some(at) = self.cut {
            rule = rule.cut(at);
        }
        if let Some(at) = self.reset {
            rule = rule.reset(at);
        }
        if let Some(at) = self.stall {
            rule = rule.stall(at);
        }
        if let Some(slow) = self.slow {
            rule = rule.slow(slow.bytes, slow.pause.0);
        }
        if let Some(bytes) = &self.raw {
            rule = rule.raw(bytes.clone());
        }
        if self.garbage {
            rule = rule.garbage();
        }
        if let Some(ReplacementConfig { after, with }) = self.replace_message {
            rule = rule.replace_message(after, with);
        }
        if self.twice {
            rule = rule.twice();
        }
        rule = rule.after(self.after);
        if let Some(times) = self.times {
            rule.times(times);
        }
    }
}

impl ResponseConfig {
    fn to_template(&self) -> ResponseTemplate {
        let response = match (&self.json, &self.text) {
            (Some(body), _) => ResponseTemplate::json(self.status, body),
            (None, text) => ResponseTemplate::bytes(self.status, text.clone().unwrap_or_default()),
        };
        self.headers.iter().fold(response, |response, (name, value)| response.header(name, value))
    }
}
