//! Calls of endpoints that have no crate, with JSON in and out.
//!
//! ```no_run
//! use fal_client::{Client, untyped};
//! use serde_json::json;
//!
//! # async fn example(client: Client) -> fal_client::Result<()> {
//! let reply = client.run(untyped::input("my-user/my-app", json!({ "scale": 4 }))).await?;
//! println!("{}", reply["image"]["url"]);
//! # Ok(())
//! # }
//! ```
//!
//! Upload a local file with [`Client::upload`](crate::Client::upload) first, and put its URL into the JSON.

use std::{borrow::Cow, fmt};

use fal_core::{Endpoint, IntoInput, Streams};
use serde_json::Value;

use crate::{
    redact::{MAX_ID, MAX_OUTPUT, Shown},
    stream::WorkflowEvent,
};

/// Any endpoint, with JSON in and out. Its inputs, jobs and tickets carry its id.
#[derive(Debug)]
pub enum Any {}

impl Endpoint for Any {
    const ID: &'static str = "";
    type Input = Value;
    type Output = Value;
}

impl Streams for Any {
    type Event = Value;
}

/// Any workflow, whose events are [`WorkflowEvent`]s. Its inputs, jobs and tickets carry its id.
#[derive(Debug)]
pub enum Workflow {}

impl Endpoint for Workflow {
    const ID: &'static str = "";
    type Input = Value;
    type Output = Value;
}

impl Streams for Workflow {
    type Event = WorkflowEvent;
}

/// Any endpoint with realtime messages: takes messages of type `S` and sends messages of type `R`.
#[cfg(feature = "realtime")]
#[derive(Debug)]
pub struct Messages<S, R>(std::convert::Infallible, std::marker::PhantomData<fn(S) -> R>);

#[cfg(feature = "realtime")]
impl<S: 'static, R: 'static> Endpoint for Messages<S, R> {
    const ID: &'static str = "";
    type Input = Value;
    type Output = Value;
}

#[cfg(feature = "realtime")]
impl<S, R> fal_core::Realtime for Messages<S, R>
where
    S: serde::Serialize + Send + 'static,
    R: serde::de::DeserializeOwned + Send + 'static,
{
    type Send = S;
    type Receive = R;
}

/// The input of an endpoint that has no crate, from [`input`].
///
/// `Debug` prints at most 2,000 bytes, with encoded files counted and secrets hidden.
#[derive(Clone, PartialEq)]
pub struct Input {
    endpoint_id: String,
    parameters: Value,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("endpoint_id", &Shown::new(&self.endpoint_id, MAX_ID))
            .field("parameters", &Shown::new(&self.parameters, MAX_OUTPUT))
            .finish()
    }
}

/// Creates an input for the endpoint `endpoint_id`, such as `my-user/my-app` or `fal-ai/flux/dev`.
///
/// Nothing is checked before it is sent.
pub fn input(endpoint_id: impl Into<String>, parameters: Value) -> Input {
    Input { endpoint_id: endpoint_id.into(), parameters }
}

impl IntoInput for Input {
    type Endpoint = Any;

    fn into_input(self) -> Value {
        self.parameters
    }

    fn endpoint_id(&self) -> Cow<'static, str> {
        Cow::Owned(self.endpoint_id.clone())
    }
}

/// The input of a workflow, from [`workflow`].
#[derive(Debug, Clone, PartialEq)]
pub struct WorkflowInput(Input);

/// Creates an input for a workflow, such as `workflows/acme/poster`.
///
/// Nothing is checked before it is sent.
pub fn workflow(endpoint_id: impl Into<String>, parameters: Value) -> WorkflowInput {
    WorkflowInput(input(endpoint_id, parameters))
}

impl IntoInput for WorkflowInput {
    type Endpoint = Workflow;

    fn into_input(self) -> Value {
        self.0.parameters
    }

    fn endpoint_id(&self) -> Cow<'static, str> {
        self.0.endpoint_id()
    }
}
