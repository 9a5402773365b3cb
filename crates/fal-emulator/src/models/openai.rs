//! Endpoints that speak OpenAI's API, which fal's documents do not describe.

use super::model::Model;

/// A route of OpenAI's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenAiRoute {
    Chat,
    Completions,
    Responses,
    Embeddings,
}

impl Model {
    /// Returns the route of OpenAI's API that the endpoint is, if it is one.
    pub(crate) fn openai_route(&self) -> Option<OpenAiRoute> {
        let (_, route) = self.id.rsplit_once("/openai/v1/")?;
        match route {
            "chat/completions" => Some(OpenAiRoute::Chat),
            "completions" => Some(OpenAiRoute::Completions),
            "responses" => Some(OpenAiRoute::Responses),
            "embeddings" => Some(OpenAiRoute::Embeddings),
            _ => None,
        }
    }
}
