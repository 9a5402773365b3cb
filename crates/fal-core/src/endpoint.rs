//! Traits that tie the id of an endpoint to the types of its input and output.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Serialize, de::DeserializeOwned};

use crate::{Check, File};

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
    /// The parameters of a call.
    type Input: Parameters + Serialize + Send + Sync + 'static;
    /// The result of a call.
    type Output: Serialize + DeserializeOwned + Send + 'static;
}

/// An endpoint with a `/stream` route, which answers with a sequence of events.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not stream",
    note = "fal publishes no `/stream` route for this endpoint; `run` or `subscribe` call it"
)]
pub trait Streams: Endpoint {
    /// An event of the stream.
    type Event: Serialize + DeserializeOwned + Send + 'static;
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

/// Parameters whose files can be visited and whose values can be checked.
///
/// The client uploads the files, and checks the values before it sends a request. Generated code implements this
/// trait for every input. For a hand-written input without files and checks, an empty impl is enough:
///
/// ```
/// # struct Input { prompt: String }
/// impl fal_core::Parameters for Input {}
/// ```
pub trait Parameters {
    /// Calls `visit` with every file, including those in nested structs and lists. Visits none by default.
    fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
        let _ = visit;
    }

    /// Reports every broken rule that the types do not already enforce. Reports none by default.
    fn check(&self, check: &mut Check) {
        let _ = check;
    }
}

impl<T: Parameters> Parameters for Option<T> {
    fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
        if let Some(value) = self {
            value.visit_files(visit);
        }
    }

    fn check(&self, check: &mut Check) {
        if let Some(value) = self {
            value.check(check);
        }
    }
}

impl<T: Parameters> Parameters for Vec<T> {
    fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
        for value in self {
            value.visit_files(visit);
        }
    }

    fn check(&self, check: &mut Check) {
        check.each(self.iter().enumerate(), |check, value| value.check(check));
    }
}

impl<T: Parameters> Parameters for BTreeMap<String, T> {
    fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
        for value in self.values_mut() {
            value.visit_files(visit);
        }
    }

    fn check(&self, check: &mut Check) {
        check.each(self, |check, value| value.check(check));
    }
}

impl<T: Parameters + ?Sized> Parameters for Box<T> {
    fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
        (**self).visit_files(visit);
    }

    fn check(&self, check: &mut Check) {
        (**self).check(check);
    }
}

impl Parameters for serde_json::Value {}

/// A finished input, or a builder with all required parameters set.
///
/// Methods such as `Client::run` accept any value of this trait.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a complete input of a fal endpoint",
    note = "inputs are built with `input!(<endpoint> {{ .. }})` or `<endpoint>::Input::builder()`"
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
