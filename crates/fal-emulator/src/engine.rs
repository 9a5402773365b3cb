//! What the app behind an endpoint would reply to an input.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::Value;

use crate::app::App;
use crate::models::Model;
use crate::reply::Reply;
use crate::synth::{self, Stage};
use crate::validate;

/// Reads and checks a request body.
///
/// # Errors
///
/// The reply that refuses it.
pub(crate) fn check(model: &Model, body: &[u8]) -> Result<Value, Reply> {
    let input = validate::body(body).map_err(Reply::invalid)?;
    match validate::detail(model, &input) {
        Ok(problems) if problems.is_empty() => Ok(input),
        Ok(problems) => Err(Reply::invalid(problems)),
        Err(problem) => Err(Reply::detail(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("fal-emulator cannot use the input schema of {}: {problem}", model.id),
        )),
    }
}

/// Synthesises the output of a checked input.
pub(crate) async fn answer(app: Arc<App>, model: Arc<Model>, input: Value, base: String) -> Reply {
    // Drawing takes milliseconds to seconds, which other connections should not wait for.
    let made = tokio::task::spawn_blocking(move || {
        let made = synth::output(&model, &input, &app.store, &base);
        match model.output_validator() {
            Ok(validator) => {
                for error in validator.iter_errors(&made.output) {
                    tracing::warn!(endpoint = model.id, %error, "synthesised output is not valid");
                }
            }
            Err(error) => tracing::warn!(endpoint = model.id, error, "unusable output schema"),
        }
        made
    });
    match made.await {
        Ok(made) => Reply::ok(made.output).units(made.files.max(1)),
        Err(error) => Reply::detail(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("fal-emulator failed to synthesise an output: {error}"),
        ),
    }
}

/// What can be shown of the output after `step` of `of` steps; nothing when it would be the same as later.
pub(crate) async fn preview(
    app: Arc<App>,
    model: Arc<Model>,
    input: Value,
    base: String,
    step: u32,
    of: u32,
) -> Option<Value> {
    let made = tokio::task::spawn_blocking(move || {
        let stage = Stage::of(step, of);
        let made = synth::at(&stage, &model, &input, &app.store, &base);
        stage.is_seen().then_some(made.output)
    });
    made.await.ok().flatten()
}
