//! Streams whose events no schema describes, which is how apps publish them.

use std::sync::Arc;

use serde_json::Value;

use super::Registry;

impl Registry {
    /// Gives such streams the output of their parent: it is the custom that the last event is the full output.
    pub(super) fn lend_outputs(&mut self) {
        let free = |schema: &Value| {
            schema.as_object().is_some_and(|schema| {
                schema.keys().all(|key| ["title", "description"].contains(&key.as_str()))
            })
        };
        let streams: Vec<String> = self
            .0
            .values()
            .filter(|model| model.is_stream() && free(model.components.resolve(&model.output).0))
            .map(|model| model.id.clone())
            .collect();
        for id in streams {
            let parent = id.strip_suffix("/stream").and_then(|parent| self.0.get(parent)).cloned();
            // Nobody else holds a model that was just read.
            if let Some(parent) = parent
                && let Some(stream) = self.0.get_mut(&id).and_then(Arc::get_mut)
            {
                stream.output = parent.output.clone();
                stream.components.extend(&parent.components);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_streams_show_the_output_of_their_parents() {
        let models = Registry::embedded().unwrap();
        let stream = models.get("fal-ai/speech-to-text/stream").unwrap();
        let (output, _) = stream.components.resolve(&stream.output);
        assert!(output["properties"]["partial"].is_object(), "{output}");
        assert!(stream.output_validator().is_ok());
    }
}
