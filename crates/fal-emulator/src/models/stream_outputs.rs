//! The outputs of streaming endpoints, which apps usually publish without a schema.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::model::Model;

/// Gives each stream without an output schema the output of its parent endpoint, because the last event of a stream
/// is by convention the full output.
pub(super) fn derive_stream_outputs(models: &mut BTreeMap<String, Arc<Model>>) {
    let is_unspecified = |schema: &Value| {
        schema
            .as_object()
            .is_some_and(|schema| schema.keys().all(|key| ["title", "description"].contains(&key.as_str())))
    };
    let streams: Vec<String> = models
        .values()
        .filter(|model| model.is_stream() && is_unspecified(model.components.resolve(&model.output).0))
        .map(|model| model.id.clone())
        .collect();
    for id in streams {
        let parent = id.strip_suffix("/stream").and_then(|parent| models.get(parent)).cloned();
        // The model was just parsed, so this is its only reference.
        if let Some(parent) = parent
            && let Some(stream) = models.get_mut(&id).and_then(Arc::get_mut)
        {
            stream.output = parent.output.clone();
            stream.components.extend(&parent.components);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Registry;

    #[test]
    fn built_in_streams_have_the_output_of_their_parents() {
        let models = Registry::embedded().unwrap();
        let stream = models.get("fal-ai/speech-to-text/stream").unwrap();
        let (output, _) = stream.components.resolve(&stream.output);
        assert!(output["properties"]["partial"].is_object(), "{output}");
        assert!(stream.output_validator().is_ok());
    }
}
