//! The `[[endpoint]]` tables of a scenario.

use serde::Deserialize;
use serde_json::Value;

use super::seconds::Seconds;
use crate::pace::Pace;
use crate::script::{Script, Scripts};

/// The script of the model behind one endpoint. The keys correspond to the methods of [`Script`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndpointConfig {
    id: String,
    queue: Option<Vec<u32>>,
    running: Option<usize>,
    #[serde(default)]
    logs: Vec<String>,
    pace: Option<PaceConfig>,
    #[serde(default)]
    ignore_cancel: bool,
    #[serde(default)]
    outcomes: Vec<OutcomeConfig>,
}

/// A [`Pace`] in seconds. A key that is left out has the default of [`Pace`].
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PaceConfig {
    ahead: Option<u32>,
    per_position: Option<Seconds>,
    run: Option<Seconds>,
    log_lines: Option<u32>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OutcomeConfig {
    /// The output.
    reply: Option<Value>,
    fail: Option<FailureConfig>,
    /// `true` if the safety checker flags the output.
    #[serde(default)]
    nsfw: bool,
    /// `true` if a checker flags the input.
    #[serde(default)]
    content_policy_violation: bool,
    times: Option<usize>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct FailureConfig {
    status: u16,
    #[serde(default)]
    body: Value,
}

impl EndpointConfig {
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn check(&self) -> Result<(), String> {
        for outcome in &self.outcomes {
            let kinds = [
                outcome.reply.is_some(),
                outcome.fail.is_some(),
                outcome.nsfw,
                outcome.content_policy_violation,
            ];
            if kinds.into_iter().filter(|is_set| *is_set).count() != 1 {
                return Err(format!(
                    "endpoint {}: an outcome has one of `reply`, `fail`, `nsfw` and `content_policy_violation`",
                    self.id
                ));
            }
            if let Some(failure) = outcome.fail.as_ref().filter(|fail| !(200..1000).contains(&fail.status)) {
                return Err(format!(
                    "endpoint {}: {} is not the HTTP status of an answer: 200 to 999",
                    self.id, failure.status
                ));
            }
        }
        Ok(())
    }

    pub(super) fn apply(&self, scripts: &Scripts) {
        let mut script: Script<Value> = scripts.endpoint(&self.id);
        if let Some(positions) = &self.queue {
            script = script.queue(positions.iter().copied());
        }
        if let Some(polls) = self.running {
            script = script.running(polls);
        }
        for line in &self.logs {
            script = script.log(line);
        }
        if let Some(pace) = &self.pace {
            script = script.pace(pace.to_pace());
        }
        if self.ignore_cancel {
            script = script.ignore_cancel();
        }
        for outcome in &self.outcomes {
            script = match (&outcome.reply, &outcome.fail) {
                (Some(output), _) => {
                    let output = output.clone();
                    script.reply(move |_| output.clone())
                }
                (None, Some(failure)) => script.fail(failure.status, &failure.body),
                (None, None) if outcome.nsfw => script.flag_nsfw(),
                (None, None) => script.refuse_content(),
            };
            if let Some(times) = outcome.times {
                script = script.times(times);
            }
        }
    }
}

impl PaceConfig {
    fn to_pace(&self) -> Pace {
        let default = Pace::default();
        default
            .ahead(self.ahead.unwrap_or(default.requests_ahead()))
            .per_position(self.per_position.map_or(default.position_time(), |time| time.0))
            .run(self.run.map_or(default.run_time(), |time| time.0))
            .log_lines(self.log_lines.unwrap_or(default.log_line_count()))
    }
}
