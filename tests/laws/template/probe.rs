//! The operations on the types of an endpoint: read an instance, check it, and write it again.

use fal_core::Endpoint;
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

/// Returns the instance as it was written again, or the reason of the refusal.
pub type Probe = fn(&str) -> Result<String, String>;

/// An endpoint: its id, the operations on its input and output, and the JSON Schema of its input.
pub type Row = (&'static str, Probe, Probe, fn() -> String);

/// Returns the row of `E`.
pub fn row<E: Endpoint<Input: DeserializeOwned + JsonSchema, Output: Serialize>>() -> Row {
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

fn output<E: Endpoint<Output: Serialize>>(text: &str) -> Result<String, String> {
    let output: E::Output = serde_json::from_str(text).map_err(|error| format!("read: {error}"))?;
    serde_json::to_string(&output).map_err(|error| format!("write: {error}"))
}
