//! The handle by which a test scripts the model behind an endpoint.

use std::marker::PhantomData;
use std::sync::Arc;

use axum::http::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::behaviours::{Behaviour, Behaviours, Outcome};
use super::request_kind::RequestKind;
use super::rule::{RequestPattern, Rule, Rules};
use crate::pace::Pace;
use crate::reply::Reply;

/// The script of the model behind an endpoint.
///
/// [`Emulator::on`](crate::Emulator::on) returns it with the model's own input type,
/// [`Emulator::on_endpoint`](crate::Emulator::on_endpoint) with JSON as the input. Each method applies at once to the
/// calls that follow, and adds to the earlier calls for the same endpoint. Inputs are still checked against the schema
/// first, and invalid ones use up no outcome.
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
        // The endpoint exists from now on, even if nothing else is scripted.
        behaviours.update(&endpoint, |_| {});
        Self { endpoint, behaviours, rules, input: PhantomData }
    }

    /// Sets the positions that a waiting request reports, one at each poll of its status. Replaces earlier positions.
    ///
    /// With this method, [`running`](Self::running) or [`log`](Self::log), the state of a request depends on the
    /// number of polls and no longer on time: first it reports the positions, then it runs, then it is completed.
    pub fn queue(self, positions: impl IntoIterator<Item = u32>) -> Self {
        let positions = positions.into_iter().collect();
        self.update(|behaviour| behaviour.steps.get_or_insert_default().positions = positions)
    }

    /// Sets the number of polls at which a request reports that it runs. The default, and the minimum, is one for
    /// each log line.
    pub fn running(self, polls: usize) -> Self {
        self.update(|behaviour| behaviour.steps.get_or_insert_default().running = polls)
    }

    /// Adds a line to the logs. The lines appear one by one, at the polls while the request runs.
    pub fn log(self, message: impl Into<String>) -> Self {
        let message = message.into();
        self.update(|behaviour| behaviour.steps.get_or_insert_default().log_lines.push(message))
    }

    /// Sets the time that requests wait and run, on the emulator's clock. The default is the pace of the emulator.
    pub fn pace(self, pace: Pace) -> Self {
        self.update(|behaviour| behaviour.pace = Some(pace))
    }

    /// Lets a running request go on to its end after a cancellation, as an app does that does not implement cancel.
    pub fn ignore_cancel(self) -> Self {
        self.update(|behaviour| behaviour.ignores_cancel = true)
    }

    /// Replies with the output that `make_output` returns: the model's output type, or any JSON.
    ///
    /// The call is answered with 500 if the schema accepts the input but `I` cannot be read from it, or if the output
    /// cannot be written as JSON.
    pub fn reply<O: Serialize>(self, make_output: impl Fn(I) -> O + Send + Sync + 'static) -> Self {
        let function = move |input: Value| {
            let input =
                serde_json::from_value(input).map_err(|error| format!("cannot read the input: {error}"))?;
            serde_json::to_value(make_output(input))
                .map_err(|error| format!("cannot write the output: {error}"))
        };
        self.add_outcome(Outcome::Reply(Arc::new(function)))
    }

    /// Fails in the runner with a status and a body.
    ///
    /// A body that is null or `()` stands for `{"detail": …}` with the reason of the status, as a bare error of fal's apps has it.
    /// A direct call is answered with status and body. A queued request is completed with an error, and they are its result. An
    /// `error_type` in the body is also the one that the status reports.
    pub fn fail(self, status: u16, body: impl Serialize) -> Self {
        let reply = match (StatusCode::from_u16(status), serde_json::to_value(body)) {
            (Ok(status), Ok(Value::Null)) if !status.is_informational() => {
                Reply::detail(status, status.canonical_reason().unwrap_or("Unknown Error"))
            }
            (Ok(status), Ok(body)) if !status.is_informational() => {
                Reply::new(status, body).with_error_type_header()
            }
            (_, Ok(_)) => Reply::detail(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("fal-emulator: {status} is not the HTTP status of an answer"),
            ),
            (_, Err(error)) => Reply::detail(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("fal-emulator: a scripted body cannot be written as JSON: {error}"),
            ),
        };
        self.add_outcome(Outcome::Fail(reply))
    }

    /// Replies as a model whose safety checker finds nudity: all of `has_nsfw_concepts` are true, an `nsfw_probability` is 1, and
    /// the images are black.
    ///
    /// A model whose output has no such boolean or number refuses the input as by [`refuse_content`](Self::refuse_content).
    ///
    /// ```no_run
    /// # use fal_emulator::Emulator;
    /// # async fn example(emulator: Emulator) {
    /// emulator.on_endpoint("fal-ai/flux/dev").flag_nsfw().times(1);
    /// # }
    /// ```
    pub fn flag_nsfw(self) -> Self {
        self.add_outcome(Outcome::Nsfw)
    }

    /// Fails with 422 and an error of the type `content_policy_violation`, as fal does if a checker flags the prompt.
    pub fn refuse_content(self) -> Self {
        self.add_outcome(Outcome::ContentPolicyViolation)
    }

    /// Limits the last outcome, such as [`reply`](Self::reply) or [`fail`](Self::fail), to a number of calls.
    ///
    /// Limited outcomes are used first, in the order in which they were added. After them, the last outcome without a
    /// limit is used, or an output is synthesized if there is none.
    pub fn times(self, calls: usize) -> Self {
        self.update(|behaviour| {
            if let Some(outcome) = behaviour.outcomes.last_mut() {
                outcome.remaining = Some(calls);
            }
        })
    }

    /// Adds a rule about one kind of request to this endpoint.
    pub fn on_request(&self, kind: RequestKind) -> Rule {
        self.rules.add(RequestPattern { endpoint: Some(self.endpoint.clone()), kind: Some(kind) })
    }

    fn add_outcome(self, outcome: Outcome) -> Self {
        self.update(|behaviour| {
            behaviour.outcomes.add(outcome);
        })
    }

    fn update(self, change: impl FnOnce(&mut Behaviour)) -> Self {
        self.behaviours.update(&self.endpoint, change);
        self
    }
}
