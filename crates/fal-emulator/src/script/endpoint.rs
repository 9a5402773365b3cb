//! What a test says about the model behind an endpoint.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::behaviour::{Behaviours, Outcome, Said};
use super::rule::{Pattern, Rule, Rules};
use super::verb::Verb;
use crate::pace::Pace;
use crate::reply::Reply;

/// How the model behind an endpoint behaves from now on.
///
/// Made by [`Emulator::on`](crate::Emulator::on), with the model's own input type, and
/// [`Emulator::on_endpoint`](crate::Emulator::on_endpoint), with JSON. Each method is in force at
/// once for the calls that follow, and all that is said about an endpoint adds up. Inputs are
/// checked against the schema first, as ever.
///
/// ```no_run
/// # use fal_emulator::Emulator;
/// # use serde_json::json;
/// # async fn example(emulator: Emulator) {
/// emulator
///     .on_endpoint("fal-ai/flux/dev")
///     .queue([2, 1, 0])
///     .log("loading the model")
///     .reply(|input| json!({"prompt": input["prompt"]}))
///     .fail(503, json!({"detail": "no runner"}))
///     .times(2);
/// # }
/// ```
#[derive(Debug)]
pub struct Script<I> {
    endpoint: String,
    behaviours: Arc<Behaviours>,
    rules: Arc<Rules>,
    input: PhantomData<fn(I)>,
}

impl<I: DeserializeOwned + 'static> Script<I> {
    pub(crate) fn new(endpoint: String, behaviours: Arc<Behaviours>, rules: Arc<Rules>) -> Self {
        behaviours.say(&endpoint, |_| {});
        Self { endpoint, behaviours, rules, input: PhantomData }
    }

    /// The positions that a request reports while it waits, one each time its status is asked for.
    /// Replaces what was said before.
    ///
    /// With this, [`running`](Self::running) or [`log`](Self::log), the state of a request depends
    /// on how often it was asked for and no longer on time. After the positions it runs, then it
    /// is completed.
    pub fn queue(self, positions: impl IntoIterator<Item = u32>) -> Self {
        let positions = positions.into_iter().collect();
        self.say(|said| said.steps.get_or_insert_default().positions = positions)
    }

    /// How many times a request reports that it runs; at least once for each log line.
    pub fn running(self, times: usize) -> Self {
        self.say(|said| said.steps.get_or_insert_default().running = times)
    }

    /// Adds a line to the logs. Lines appear one by one, each time the status is asked for while
    /// the request runs.
    pub fn log(self, message: impl Into<String>) -> Self {
        let message = message.into();
        self.say(|said| said.steps.get_or_insert_default().lines.push(message))
    }

    /// How long requests wait and run, on the emulator's clock.
    pub fn pace(self, pace: Pace) -> Self {
        self.say(|said| said.pace = Some(pace))
    }

    /// Does not implement cancel: a request that runs when it is cancelled goes on to its end.
    pub fn ignore_cancel(self) -> Self {
        self.say(|said| said.ignores_cancel = true)
    }

    /// Answers with what `make` makes of the input: the model's output type, or any JSON.
    ///
    /// An input that the schema accepts and `I` cannot be read from is answered with 500, and so
    /// is an output that cannot be written as JSON.
    pub fn reply<O: Serialize>(self, make: impl Fn(I) -> O + Send + Sync + 'static) -> Self {
        let function = move |input: Value| {
            let input =
                serde_json::from_value(input).map_err(|error| format!("cannot read the input: {error}"))?;
            serde_json::to_value(make(input)).map_err(|error| format!("cannot write the output: {error}"))
        };
        self.outcome(Outcome::Reply(Arc::new(function)))
    }

    /// Fails in the runner, with this status and body: a direct call is answered with it, a queued
    /// request is completed with an error, and its result is this. An `error_type` in the body is
    /// also the one of the status.
    pub fn fail(self, status: u16, body: impl Serialize) -> Self {
        let reply = match (StatusCode::from_u16(status), serde_json::to_value(body)) {
            (Ok(status), Ok(body)) => Reply::new(status, body).named_error(),
            _ => Reply::detail(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("fal-emulator: {status} is no status, or the scripted body no JSON"),
            ),
        };
        self.outcome(Outcome::Fail(reply))
    }

    /// Limits the last [`reply`](Self::reply) or [`fail`](Self::fail) to so many calls. What is
    /// limited comes first, in the order it was said; otherwise the last word counts.
    pub fn times(self, calls: usize) -> Self {
        self.say(|said| {
            if let Some(turn) = said.outcomes.last_mut() {
                turn.left = Some(calls);
            }
        })
    }

    /// A rule about one kind of request to this endpoint.
    pub fn at(&self, verb: Verb) -> Rule {
        self.rules.add(Pattern { endpoint: Some(self.endpoint.clone()), verb: Some(verb) })
    }

    fn outcome(self, outcome: Outcome) -> Self {
        self.say(|said| {
            said.outcomes.add(outcome);
        })
    }

    fn say(self, change: impl FnOnce(&mut Said)) -> Self {
        self.behaviours.say(&self.endpoint, change);
        self
    }
}
