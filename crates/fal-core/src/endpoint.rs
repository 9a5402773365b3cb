//! Traits that tie the id of an endpoint to the types of its input and output.

use std::borrow::Cow;

use serde::{Serialize, de::DeserializeOwned};

use crate::Parameters;

/// An endpoint: a model that can be called.
///
/// Each generated module has an empty enum `Model` that implements this trait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a fal endpoint",
    note = "an endpoint is a type such as `fal_flux::dev::Model`"
)]
pub trait Endpoint: Send + Sync + 'static {
    /// The id of the endpoint, such as `fal-ai/flux/dev`.
    const ID: &'static str;
    /// The name for people, such as `FLUX.1 [dev]`. The id by default.
    const TITLE: &'static str = Self::ID;
    /// A description of one or a few sentences. Empty by default.
    const DESCRIPTION: &'static str = "";
    /// The category that fal lists the endpoint in, such as `text-to-image`. None by default.
    const CATEGORY: Option<&'static str> = None;
    /// The address of fal's page about the endpoint. None by default, for an app that has no page.
    const DOCS_URL: Option<&'static str> = None;
    /// The parameters of a call.
    type Input: Parameters + Serialize + Send + Sync + 'static;
    /// The result of a call.
    type Output: DeserializeOwned + Send + 'static;
}

/// An endpoint with a `/stream` route, which answers with a sequence of events.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not stream",
    note = "fal publishes no `/stream` route for this endpoint; `run` or `subscribe` call it"
)]
pub trait Streams: Endpoint {
    /// An event of the stream.
    type Event: DeserializeOwned + Send + 'static;
}

/// An endpoint with a `/realtime` route, which exchanges messages over one connection.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no realtime route",
    note = "fal publishes no `/realtime` route for this endpoint; `run` or `subscribe` call it"
)]
pub trait Realtime: Endpoint {
    /// A message from the client.
    type Send: Serialize + Send + 'static;
    /// A message from the model.
    type Receive: DeserializeOwned + Send + 'static;
}

/// A finished input, or a builder with all required parameters set.
///
/// Methods such as `Client::run` accept any value of this trait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a complete input of a fal endpoint",
    note = "inputs are built with `input!(<endpoint> {{ .. }})` or `<endpoint>::Input::builder()`, and JSON for any endpoint is \
            `untyped::input(\"owner/app\", json)`"
)]
pub trait IntoInput {
    /// The endpoint that the input belongs to.
    type Endpoint: Endpoint;

    /// Returns the finished input.
    fn into_input(self) -> <Self::Endpoint as Endpoint>::Input;

    /// Returns the id of the endpoint that the request goes to.
    ///
    /// It is [`Endpoint::ID`] by default. Only inputs of an endpoint that is known by its id at run time
    /// override this method.
    fn endpoint_id(&self) -> Cow<'static, str> {
        Cow::Borrowed(Self::Endpoint::ID)
    }
}

/// The type of a required parameter in a builder before it is set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unset;
