//! A small endpoint with a typed output.

use fal_client::{Endpoint, IntoInput, core::Parameters};
use serde::{Deserialize, Serialize};

#[derive(Debug)]
pub(crate) enum Model {}

impl Endpoint for Model {
    const ID: &'static str = "acme/app/edit";
    type Input = Input;
    type Output = Output;
}

#[derive(Debug, Serialize)]
pub(crate) struct Input {
    pub(crate) prompt: &'static str,
}

impl Parameters for Input {}

impl IntoInput for Input {
    type Endpoint = Model;

    fn into_input(self) -> Self {
        self
    }
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Output {
    pub(crate) seed: u64,
}
