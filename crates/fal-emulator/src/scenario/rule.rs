//! What a scenario says about single requests.

use std::collections::BTreeMap;

use axum::http::{HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::Value;

use super::Seconds;
use crate::app::App;
use crate::script::{Answer, At, Frame, Pattern, Verb};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Said {
    endpoint: Option<String>,
    verb: Option<Verb>,
    times: Option<usize>,
    after: usize,
    answer: Option<SaidAnswer>,
    /// Headers to set, or to remove where the value is empty.
    headers: BTreeMap<String, String>,
    delay: Option<Seconds>,
    cut: Option<At>,
    reset: Option<At>,
    stall: Option<At>,
    slow: Option<Slow>,
    raw: Option<String>,
    garbage: bool,
    twice: bool,
    frame: Option<SaidFrame>,
}

/// What a realtime connection brings in place of the message that follows so many.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidFrame {
    after: usize,
    send: Frame,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidAnswer {
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    json: Option<Value>,
    text: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Slow {
    bytes: usize,
    pause: Seconds,
}

impl Said {
    pub(super) fn check(&self) -> Result<(), String> {
        let headers = self.headers.iter().chain(self.answer.iter().flat_map(|answer| &answer.headers));
        for (name, value) in headers {
            if name.parse::<HeaderName>().is_err() || HeaderValue::from_str(value).is_err() {
                return Err(format!("rule: `{name}: {value}` is no header"));
            }
        }
        if [self.cut, self.reset, self.stall].into_iter().flatten().count() > 1 {
            return Err("rule: a reply ends in one of `cut`, `reset` and `stall`".to_owned());
        }
        if let Some(SaidFrame { send: Frame::Close(code), .. }) = self.frame
            && !(1000..5000).contains(&code)
        {
            return Err(format!("rule: no connection is closed with {code}"));
        }
        match &self.answer {
            Some(answer) if !(100..1000).contains(&answer.status) => {
                Err(format!("rule: {} is no status", answer.status))
            }
            Some(answer) if answer.json.is_some() && answer.text.is_some() => {
                Err("rule: the body of an answer is one of `json` and `text`".to_owned())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn apply(&self, app: &App) {
        let mut rule = app.rules.add(Pattern { endpoint: self.endpoint.clone(), verb: self.verb });
        if let Some(answer) = &self.answer {
            rule = rule.answer(answer.answer());
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
        if let Some(SaidFrame { after, send }) = self.frame {
            rule = rule.frame(after, send);
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

impl SaidAnswer {
    fn answer(&self) -> Answer {
        let answer = match (&self.json, &self.text) {
            (Some(body), _) => Answer::json(self.status, body),
            (None, text) => Answer::bytes(self.status, text.clone().unwrap_or_default()),
        };
        self.headers.iter().fold(answer, |answer, (name, value)| answer.header(name, value))
    }
}
