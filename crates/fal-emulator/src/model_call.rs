//! A call of a model, from its input to the app's reply.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::hosts::BaseUrls;
use crate::input_files::FileChecker;
use crate::media;
use crate::models::{BodyKind, Model};
use crate::openai::{self, ServerEvent};
use crate::reply::Reply;
use crate::script::{Behaviours, Outcome};
use crate::store::{Lifecycle, Store};
use crate::synth::{self, RunProgress};
use crate::validate::{self, CheckedInput};

/// The parameters that a checker of content reads first.
const PROMPTS: [&str; 3] = ["prompt", "text", "input"];

/// A call with an accepted input.
#[derive(Clone)]
pub(crate) struct ModelCall {
    /// `None` for an endpoint that only a script describes.
    model: Option<Arc<Model>>,
    input: Value,
    /// The scripted outcome. `None` means that an output is synthesized.
    outcome: Option<Outcome>,
    /// The lifetime and the readers of the files of the output.
    lifecycle: Lifecycle,
    /// The name of the unit in which the call is billed.
    billing_unit: String,
}

impl ModelCall {
    /// Parses and checks a request body and the parameters of the URL, and takes the next scripted outcome of the endpoint.
    ///
    /// # Errors
    ///
    /// Returns the reply that refuses the input.
    pub(crate) fn new(
        behaviours: &Behaviours,
        endpoint: &str,
        model: Option<Arc<Model>>,
        query: &[(String, String)],
        body: &[u8],
    ) -> Result<Self, Reply> {
        let input = match &model {
            Some(model) => read_input(model, endpoint, query, body)?,
            None => validate::parse_body(body).map_err(Reply::invalid)?,
        };
        let outcome = match behaviours.take_outcome(endpoint) {
            Some(Outcome::Nsfw) if model.as_ref().is_some_and(|model| synth::flags_nsfw(model)) => {
                Some(Outcome::Nsfw)
            }
            Some(Outcome::Nsfw | Outcome::ContentPolicyViolation) => {
                Some(Outcome::Fail(content_policy_violation(model.as_deref(), &input)))
            }
            outcome => outcome,
        };
        Ok(Self { model, input, outcome, lifecycle: Lifecycle::default(), billing_unit: String::new() })
    }

    /// Checks the files of the input. If a script decides the outcome, nothing reads them.
    ///
    /// # Errors
    ///
    /// Returns the reply that refuses the input.
    pub(crate) fn with_checked_files(self, checker: &FileChecker<'_>) -> Result<Self, Reply> {
        let (Some(model), None) = (&self.model, &self.outcome) else {
            return Ok(self);
        };
        let problems = checker.check(model, &self.input);
        if problems.is_empty() { Ok(self) } else { Err(Reply::invalid(problems)) }
    }

    /// Recreates a call of an earlier run of the emulator, which no script knows.
    pub(crate) fn restore(model: Option<Arc<Model>>, input: Value) -> Self {
        Self { model, input, outcome: None, lifecycle: Lifecycle::default(), billing_unit: String::new() }
    }

    pub(crate) fn input(&self) -> &Value {
        &self.input
    }

    /// Sets the lifetime and the readers of the files of the output.
    pub(crate) fn with_lifecycle(mut self, lifecycle: Lifecycle) -> Self {
        self.lifecycle = lifecycle;
        self
    }

    /// Sets the name of the unit in which the call is billed. By default each file of the output is a unit.
    pub(crate) fn with_billing_unit(mut self, unit: String) -> Self {
        self.billing_unit = unit;
        self
    }

    /// Gives the call a seed of its own, unless it has one or `is_random` is false. Only calls of models that a document
    /// describes have seeds.
    pub(crate) fn with_random_seed(mut self, is_random: bool) -> Self {
        if let (true, Some(_), Value::Object(input)) = (is_random, &self.model, &mut self.input) {
            let seed = input.entry("seed").or_insert(Value::Null);
            if seed.is_null() {
                // 31 bits, which every schema allows.
                *seed = json!(uuid::Uuid::new_v4().as_u128() as u32 >> 1);
            }
        }
        self
    }

    /// Asks for files inside the output, as data URLs, unless the input says otherwise.
    pub(crate) fn with_inline_files(mut self) -> Self {
        if let Value::Object(input) = &mut self.input {
            input.entry("sync_mode").or_insert(Value::Bool(true));
        }
        self
    }

    /// Returns the failure that a script demands.
    pub(crate) fn scripted_failure(&self) -> Option<&Reply> {
        match &self.outcome {
            Some(Outcome::Fail(reply)) => Some(reply),
            _ => None,
        }
    }

    /// Returns the events of a reply in the shape of OpenAI's API, if the caller asks for a stream of them and no script
    /// decides the outcome.
    pub(crate) fn openai_events(&self) -> Option<Vec<ServerEvent>> {
        let route = self.model.as_ref()?.openai_route().filter(|_| self.outcome.is_none())?;
        let streams = self.input.get("stream") == Some(&Value::Bool(true));
        openai::events(route, &self.input).filter(|_| streams)
    }

    /// Makes the app's reply. Its files are kept in `store` and have URLs below `urls`.
    pub(crate) async fn answer(self, store: Arc<Store>, urls: BaseUrls) -> Reply {
        let Self { model, input, outcome, lifecycle, billing_unit } = self;
        let failed = || internal_error("no output could be made, because making it panicked");
        match (outcome, model) {
            (Some(Outcome::Fail(reply)), _) => reply,
            // A function of a test may block for as long as it likes.
            (Some(Outcome::Reply(function)), _) => {
                let answer = move || match function(input) {
                    Ok(output) => Reply::ok(output).with_billable_units(1),
                    Err(problem) => internal_error(&format!("the script {problem}")),
                };
                tokio::task::spawn_blocking(answer).await.unwrap_or_else(|_| failed())
            }
            // Drawing takes milliseconds to seconds, for which other connections should not wait.
            (outcome, Some(model)) => {
                let is_flagged = outcome.is_some();
                let answer = move || match model.openai_route() {
                    Some(route) => Reply::ok(openai::reply(route, &input)).with_billable_units(1),
                    None => synthesize(&store, &model, &input, &urls, &lifecycle, &billing_unit, is_flagged),
                };
                media::on_drawing_thread(answer).await.unwrap_or_else(failed)
            }
            (_, None) => Reply::ok(json!({})).with_billable_units(1),
        }
    }

    /// Makes the output as it looks after step `step` of `of`. Returns `None` if it would look the same as at the end.
    pub(crate) async fn preview(
        &self,
        store: Arc<Store>,
        urls: BaseUrls,
        step: u32,
        of: u32,
    ) -> Option<Value> {
        let (None, Some(model), input) = (&self.outcome, self.model.clone(), self.input.clone()) else {
            return None;
        };
        let lifecycle = self.lifecycle.clone();
        let task = media::on_drawing_thread(move || {
            let progress = RunProgress::after(step, of);
            let synthesized = synth::synthesize_at(&progress, &model, &input, &store, &urls, &lifecycle);
            progress.was_used().then_some(synthesized.output)
        });
        task.await.flatten()
    }
}

/// Reads and checks the body and the parameters of a call. Returns the input with its numbers and booleans converted; of a route
/// without a body, the parameters.
fn read_input(
    model: &Model,
    endpoint: &str,
    query: &[(String, String)],
    body: &[u8],
) -> Result<Value, Reply> {
    let (parameters, mut problems) = validate::check_parameters(model, endpoint, query);
    let checked = match model.body {
        BodyKind::None => Ok(Ok(CheckedInput::Accepted(Value::Object(parameters)))),
        BodyKind::Optional if body.is_empty() => Ok(Ok(CheckedInput::Accepted(Value::Null))),
        _ => validate::parse_body(body).map(|input| validate::check_input(model, input)),
    };
    match checked {
        Ok(Ok(CheckedInput::Accepted(input))) if problems.is_empty() => return Ok(input),
        Ok(Ok(CheckedInput::Accepted(_))) => {}
        Ok(Ok(CheckedInput::Refused(more))) | Err(more) => problems.extend(more),
        Ok(Err(problem)) => {
            let text = format!("the input schema of {} is not valid: {problem}", model.id);
            return Err(internal_error(&text));
        }
    }
    Err(Reply::invalid(problems))
}

fn synthesize(
    store: &Store,
    model: &Model,
    input: &Value,
    urls: &BaseUrls,
    lifecycle: &Lifecycle,
    billing_unit: &str,
    is_flagged: bool,
) -> Reply {
    let make = if is_flagged { synth::synthesize_flagged } else { synth::synthesize };
    let synthesized = make(model, input, store, urls, lifecycle);
    match model.output_validator() {
        Ok(validator) => {
            for error in validator.iter_errors(&synthesized.output) {
                tracing::warn!(endpoint = model.id, %error, "a synthesized output does not match its schema");
            }
        }
        Err(error) => tracing::warn!(endpoint = model.id, error, "the output schema is not valid"),
    }
    Reply::ok(synthesized.output).with_billable_units(synthesized.production.units(billing_unit))
}

/// Creates the reply to an input that a checker of content flags. It names the prompt, else a file, else the whole input.
fn content_policy_violation(model: Option<&Model>, input: &Value) -> Reply {
    let sent = |name: &str| input.get(name).filter(|value| !value.is_null());
    let is_file = |name: &&str| name.ends_with("_url") || name.ends_with("_urls");
    let prompt = PROMPTS.into_iter().find(|name| sent(name).is_some());
    let file =
        || input.as_object()?.keys().map(String::as_str).find(|name| is_file(name) && sent(name).is_some());
    let declared = || PROMPTS.into_iter().find(|name| model.is_some_and(|model| model.has_parameter(name)));
    let name = prompt.or_else(file).or_else(declared);
    let in_url = |model: &Model| {
        let parameter = model.parameters.iter().find(|parameter| name == Some(parameter.name.as_str()))?;
        Some(parameter.place.name())
    };
    let place = model.and_then(in_url).unwrap_or("body");
    let loc: Vec<&str> = [place].into_iter().chain(name).collect();
    Reply::invalid(vec![json!({
        "loc": loc,
        "msg": "The content was flagged by a content checker.",
        "type": "content_policy_violation",
        "url": "https://docs.fal.ai/errors#content_policy_violation",
        "input": name.map_or(Some(input), |name| input.get(name)),
    })])
}

fn internal_error(problem: &str) -> Reply {
    Reply::detail(StatusCode::INTERNAL_SERVER_ERROR, format!("fal-emulator: {problem}"))
}
