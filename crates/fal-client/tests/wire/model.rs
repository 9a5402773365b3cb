//! A hand-written endpoint of the form that model crates have.

use fal_client::{
    Endpoint, File, IntoInput,
    core::{Check, Length, Parameters},
};
use serde::{Deserialize, Serialize};

pub(crate) enum Model {}

impl Endpoint for Model {
    const ID: &'static str = "acme/app/edit";
    type Input = Input;
    type Output = Output;
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Input {
    pub(crate) prompt: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) images: Vec<File>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Output {
    pub(crate) seed: u64,
}

pub(crate) enum PromptLength {}

impl Length for PromptLength {
    const MIN: usize = 1;
    const MAX: usize = 20;
    const MESSAGE: &'static str = "`prompt` must have 1 to 20 characters";
}

impl Parameters for Input {
    fn visit_files(&mut self, visit: &mut dyn FnMut(&mut File)) {
        self.images.visit_files(visit);
    }

    fn check(&self, check: &mut Check) {
        check.field("prompt").text_length::<PromptLength>(&self.prompt);
    }
}

impl IntoInput for Input {
    type Endpoint = Model;

    fn into_input(self) -> Self {
        self
    }
}

pub(crate) fn cat() -> Input {
    Input { prompt: "a cat".to_owned(), images: Vec::new() }
}
