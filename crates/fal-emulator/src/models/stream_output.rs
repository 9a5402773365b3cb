//! The outputs of streaming endpoints, which apps usually publish without a schema.

use super::model::Model;

impl Model {
    /// Returns true if the function of a route in the user's own app returns nothing: FastAPI then declares a reply without a
    /// schema, as for a function without a return type.
    pub(crate) fn may_reply_with_null(&self) -> bool {
        self.is_own_app && !self.is_stream() && self.realtime().is_none() && has_no_schema(self)
    }
}

/// Returns true if a stream has no schema of its outputs.
pub(super) fn is_unspecified(model: &Model) -> bool {
    model.is_stream() && has_no_schema(model)
}

/// Returns true if the document says nothing about outputs.
fn has_no_schema(model: &Model) -> bool {
    model
        .components
        .resolve(&model.output)
        .0
        .as_object()
        .is_some_and(|schema| schema.keys().all(|key| ["title", "description"].contains(&key.as_str())))
}

/// Gives a stream the output of its parent endpoint, because the last event of a stream is by convention the full
/// output.
pub(super) fn inherit_output(stream: &mut Model, parent: &Model) {
    stream.output = parent.output.clone();
    stream.components.extend(&parent.components);
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
