//! What the app behind an endpoint would reply to an input.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::App;
use crate::hosts::Base;
use crate::models::Model;
use crate::reply::Reply;
use crate::script::Outcome;
use crate::synth::{self, RunProgress};
use crate::validate;

/// A call whose input was accepted.
#[derive(Clone)]
pub(crate) struct Call {
    /// `None` for an endpoint that a script made up.
    model: Option<Arc<Model>>,
    input: Value,
    outcome: Option<Outcome>,
}

impl Call {
    /// Reads and checks a request body, and settles what will become of the call.
    ///
    /// # Errors
    ///
    /// The reply that refuses the input.
    pub(crate) fn new(
        app: &App,
        endpoint: &str,
        model: Option<Arc<Model>>,
        body: &[u8],
    ) -> Result<Self, Reply> {
        let input = validate::parse_body(body).map_err(Reply::invalid)?;
        if let Some(model) = &model {
            check(model, &input)?;
        }
        let outcome = app.behaviours.outcome(endpoint);
        Ok(Self { model, input, outcome })
    }

    /// A call of an earlier run, of which no script knows.
    pub(crate) fn restored(model: Option<Arc<Model>>, input: Value) -> Self {
        Self { model, input, outcome: None }
    }

    pub(crate) fn input(&self) -> &Value {
        &self.input
    }

    /// The same call, asking for pictures inside the output unless it says otherwise.
    pub(crate) fn with_files_inside(mut self) -> Self {
        if let Value::Object(input) = &mut self.input {
            input.entry("sync_mode").or_insert(Value::Bool(true));
        }
        self
    }

    /// The failure that a script demands.
    pub(crate) fn failure(&self) -> Option<&Reply> {
        match &self.outcome {
            Some(Outcome::Fail(reply)) => Some(reply),
            _ => None,
        }
    }

    /// The app's reply. Files of it have URLs that start with `base`.
    pub(crate) async fn answer(self, app: Arc<App>, base: Base) -> Reply {
        // Drawing takes milliseconds to seconds, which other connections should not wait for.
        let made = tokio::task::spawn_blocking(move || match (self.outcome, self.model) {
            (Some(Outcome::Fail(reply)), _) => reply,
            (Some(Outcome::Reply(function)), _) => match function(self.input) {
                Ok(output) => Reply::ok(output).units(1),
                Err(problem) => broken(&format!("the script {problem}")),
            },
            (None, Some(model)) => synthesise(&app, &model, &self.input, &base),
            (None, None) => Reply::ok(json!({})).units(1),
        });
        made.await.unwrap_or_else(|error| broken(&format!("no output could be made: {error}")))
    }

    /// What can be shown of the output after `step` of `of` steps; nothing when it would be the same as later.
    pub(crate) async fn preview(&self, app: Arc<App>, base: Base, step: u32, of: u32) -> Option<Value> {
        let (None, Some(model), input) = (&self.outcome, self.model.clone(), self.input.clone()) else {
            return None;
        };
        let made = tokio::task::spawn_blocking(move || {
            let progress = RunProgress::after(step, of);
            let made = synth::synthesize_at(&progress, &model, &input, &app.store, &base);
            progress.was_used().then_some(made.output)
        });
        made.await.ok().flatten()
    }
}

fn check(model: &Model, input: &Value) -> Result<(), Reply> {
    match validate::check_input(model, input) {
        Ok(problems) if problems.is_empty() => Ok(()),
        Ok(problems) => Err(Reply::invalid(problems)),
        Err(problem) => Err(broken(&format!("the input schema of {} is unusable: {problem}", model.id))),
    }
}

fn synthesise(app: &App, model: &Model, input: &Value, base: &Base) -> Reply {
    let made = synth::synthesize(model, input, &app.store, base);
    match model.output_validator() {
        Ok(validator) => {
            for error in validator.iter_errors(&made.output) {
                tracing::warn!(endpoint = model.id, %error, "synthesised output is not valid");
            }
        }
        Err(error) => tracing::warn!(endpoint = model.id, error, "unusable output schema"),
    }
    Reply::ok(made.output).units(made.files.max(1))
}

fn broken(problem: &str) -> Reply {
    Reply::detail(StatusCode::INTERNAL_SERVER_ERROR, format!("fal-emulator: {problem}"))
}
