//! The traits that tie a model's id to the types of its input and output.

use std::{borrow::Cow, collections::BTreeMap};

use serde::{Serialize, de::DeserializeOwned};

use crate::{Check, File};

/// One callable model. Generated as an uninhabited type named `Model`, one a module.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a fal endpoint",
    note = "an endpoint is a type such as `fal_flux::dev::Model`"
)]
pub trait Endpoint: Send + Sync + 'static {
    /// The id under which fal serves the model, such as `fal-ai/flux/dev`.
    const ID: &'static str;
    /// The parameters.
    type Input: Parameters + Serialize + Send + Sync + 'static;
    /// The answer.
    type Output: Serialize + DeserializeOwned + Send + 'static;
}

/// A model with a `/stream` route: it answers with a sequence of events.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not stream",
    note = "fal publishes no `/stream` route for this endpoint; `run` or `subscribe` call it"
)]
pub trait Streams: Endpoint {
    /// One event of the stream.
    type Event: Serialize + DeserializeOwned + Send + 'static;
}

/// A model with a `/realtime` route: it exchanges messages over one connection.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no realtime route",
    note = "fal publishes no `/realtime` route for this endpoint; `run` or `subscribe` call it"
)]
pub trait Realtime: Endpoint {
    /// What the client sends.
    type Send: Serialize + Send + 'static;
    /// What the model answers.
    type Receive: DeserializeOwned + Send + 'static;
}

/// What a client does with parameters besides writing them: find the files, check what types cannot.
///
/// Generated for every input. By hand, for an input without files and checks,
/// `impl Parameters for Input {}` is enough.
pub trait Parameters {
    /// Calls `visit` with every file, in nested structs and lists too.
    fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
        let _ = visit;
    }

    /// Reports every rule that the values break and that their types do not already enforce.
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

/// Whatever a verb such as `Client::run` accepts: a finished input, or a builder with nothing missing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a complete input of a fal endpoint",
    note = "inputs are built with `input!(<endpoint> {{ .. }})` or `<endpoint>::Input::builder()`"
)]
pub trait IntoInput {
    /// The endpoint the input belongs to.
    type Endpoint: Endpoint;

    /// The finished input.
    fn into_input(self) -> <Self::Endpoint as Endpoint>::Input;

    /// The id the request goes to. Only an endpoint without a crate of its own, whose id is a value
    /// and not a constant, has to say it.
    fn endpoint_id(&self) -> Cow<'static, str> {
        Cow::Borrowed(Self::Endpoint::ID)
    }
}

/// Stands in a builder for a required parameter that has not been given yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unset;
