//! An endpoint with a derived output.

use fal_client::{Endpoint, IntoInput, core::Parameters};
use serde::{Deserialize, Serialize};

#[derive(Debug)]
pub(crate) enum Model {}

impl Endpoint for Model {
    const ID: &'static str = "acme/app/edit";
    type Input = Input;
    type Output = Output;
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Input {
    pub(crate) prompt: &'static str,
    /// The run time of the job in milliseconds.
    pub(crate) takes: u64,
    /// The size of the output in bytes.
    pub(crate) bytes: usize,
}

pub(crate) const CAT: Input = Input { prompt: "a cat reading a map", takes: 0, bytes: 0 };

impl Parameters for Input {}

impl IntoInput for Input {
    type Endpoint = Model;

    fn into_input(self) -> Self {
        self
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Output {
    pub(crate) images: Vec<Image>,
    pub(crate) seed: u64,
    pub(crate) prompt: String,
    /// The time at which the job was marked as completed, on the clock of this process.
    pub(crate) completed_at: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Image {
    pub(crate) url: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
}
