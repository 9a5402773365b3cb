//! What a scenario says about the model behind an endpoint.

use serde::Deserialize;
use serde_json::Value;

use super::Seconds;
use crate::app::App;
use crate::pace::Pace;
use crate::script::Script;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    id: String,
    /// The positions that a request reports, one each time its status is asked for.
    queue: Option<Vec<u32>>,
    /// How many times it reports that it runs.
    running: Option<usize>,
    #[serde(default)]
    logs: Vec<String>,
    pace: Option<SaidPace>,
    #[serde(default)]
    ignore_cancel: bool,
    #[serde(default)]
    outcomes: Vec<Outcome>,
}

/// As [`Pace`], in seconds; what is left out is as there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SaidPace {
    ahead: Option<u32>,
    per_position: Option<Seconds>,
    run: Option<Seconds>,
    log_lines: Option<u32>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outcome {
    /// The output.
    reply: Option<Value>,
    fail: Option<Failure>,
    times: Option<usize>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Failure {
    status: u16,
    #[serde(default)]
    body: Value,
}

impl Said {
    pub(super) fn check(&self) -> Result<(), String> {
        for outcome in &self.outcomes {
            match (&outcome.reply, &outcome.fail) {
                (Some(_), None) => {}
                (None, Some(failure)) if (100..1000).contains(&failure.status) => {}
                (None, Some(failure)) => {
                    return Err(format!("endpoint {}: {} is no status", self.id, failure.status));
                }
                _ => return Err(format!("endpoint {}: an outcome is either `reply` or `fail`", self.id)),
            }
        }
        Ok(())
    }

    pub(super) fn apply(&self, app: &App) {
        let mut script: Script<Value> = app.script(&self.id);
        if let Some(positions) = &self.queue {
            script = script.queue(positions.iter().copied());
        }
        if let Some(times) = self.running {
            script = script.running(times);
        }
        for line in &self.logs {
            script = script.log(line);
        }
        if let Some(pace) = &self.pace {
            script = script.pace(pace.pace());
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
                (None, None) => continue,
            };
            if let Some(times) = outcome.times {
                script = script.times(times);
            }
        }
    }
}

impl SaidPace {
    fn pace(&self) -> Pace {
        let usual = Pace::default();
        Pace::default()
            .ahead(self.ahead.unwrap_or(usual.places()))
            .per_position(self.per_position.map_or(usual.place_time(), |time| time.0))
            .run(self.run.map_or(usual.run_time(), |time| time.0))
            .log_lines(self.log_lines.unwrap_or(usual.lines()))
    }
}
