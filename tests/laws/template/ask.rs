//! What every endpoint is asked: read an instance, check it, write it again.

use fal_core::Endpoint;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

/// Answers with what was written again, or with the reason of the refusal.
pub type Ask = fn(&str) -> Result<String, String>;

/// An endpoint: its id, its input, its output, the schema that its input gives of itself.
pub type Row = (&'static str, Ask, Ask, fn() -> String);

/// The row of `E`.
pub fn row<E: Endpoint<Input: DeserializeOwned + JsonSchema>>() -> Row {
    (E::ID, input::<E>, output::<E>, schema::<E>)
}

fn schema<E: Endpoint<Input: JsonSchema>>() -> String {
    schemars::schema_for!(E::Input).to_value().to_string()
}

fn input<E: Endpoint<Input: DeserializeOwned>>(text: &str) -> Result<String, String> {
    let input: E::Input = serde_json::from_str(text).map_err(|error| format!("read: {error}"))?;
    fal_core::validate(&input).map_err(|violations| format!("check: {violations}"))?;
    serde_json::to_string(&input).map_err(|error| format!("write: {error}"))
}

fn output<E: Endpoint>(text: &str) -> Result<String, String> {
    let output: E::Output = serde_json::from_str(text).map_err(|error| format!("read: {error}"))?;
    serde_json::to_string(&output).map_err(|error| format!("write: {error}"))
}
