//! Synthesizes an output from a model's output schema and the input of a call.

use std::cell::Cell;

use serde_json::Value;

use crate::hosts::BaseUrls;
use crate::models::Model;
use crate::store::{Lifecycle, Store};

mod call_parameters;
mod file;
mod file_kind;
mod run_progress;
mod scalar;
mod synthesizer;
mod transcript;

use call_parameters::CallParameters;
pub(crate) use run_progress::RunProgress;
use synthesizer::{FieldContext, Synthesizer};

/// A synthesized output.
pub(crate) struct Synthesized {
    pub(crate) output: Value,
    /// The number of media files generated for it.
    pub(crate) files: u32,
}

/// Synthesizes the output of a finished call. Its files go into `store`; their URLs start with `base`.
pub(crate) fn synthesize(
    model: &Model,
    input: &Value,
    store: &Store,
    base: &BaseUrls,
    lifecycle: &Lifecycle,
) -> Synthesized {
    synthesize_at(&RunProgress::finished(), model, input, store, base, lifecycle)
}

/// Synthesizes the output as it looks at some point of the run: a preview, unless the run is finished.
pub(crate) fn synthesize_at(
    progress: &RunProgress,
    model: &Model,
    input: &Value,
    store: &Store,
    base: &BaseUrls,
    lifecycle: &Lifecycle,
) -> Synthesized {
    let parameters = CallParameters::new(model, input, store);
    let files = Cell::new(0);
    let synthesizer =
        Synthesizer { model, parameters: &parameters, store, base, lifecycle, progress, files: &files };
    let output = synthesizer.make_value(&model.output, &FieldContext::root());
    Synthesized { output, files: files.get() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::models::Registry;

    /// Returns a message for every model whose synthesized output violates its own schema.
    fn failures(models: &Registry) -> Vec<String> {
        // One pixel high, to be quick: videos keep the shape at a length of 640 pixels.
        let input = json!({
            "prompt": "a cat", "image_size": {"width": 64, "height": 1}, "num_images": 2,
            "duration": 1,
        });
        let mut failures = Vec::new();
        for model in models.iter() {
            let made = synthesize(
                model,
                &input,
                &Store::default(),
                &BaseUrls::from_root("http://127.0.0.1:1"),
                &Lifecycle::default(),
            );
            match model.output_validator() {
                Ok(validator) => failures.extend(
                    validator
                        .iter_errors(&made.output)
                        .map(|error| format!("{} at {}: {error}", model.id, error.instance_path())),
                ),
                Err(error) => failures.push(format!("{}: unusable schema: {error}", model.id)),
            }
        }
        failures
    }

    #[test]
    fn outputs_of_the_built_in_models_satisfy_their_schemas() {
        let models = Registry::embedded().unwrap();
        assert!(models.ids().count() > 0);
        assert_eq!(failures(&models), [""; 0]);
    }

    #[test]
    fn outputs_of_a_large_corpus_satisfy_their_schemas() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus/schemas");
        if !Path::new(corpus).is_dir() {
            println!("skipped: {corpus} is not here");
            return;
        }
        let models = Registry::read(Path::new(corpus)).unwrap();
        let failures = failures(&models);
        println!("{} models, {} failures", models.ids().count(), failures.len());
        assert_eq!(failures, [""; 0]);
    }

    #[test]
    fn the_output_follows_the_input() {
        let models = Registry::embedded().unwrap();
        let model = models.get("fal-ai/flux/dev").unwrap();
        let store = Store::default();
        let input = json!({
            "prompt": "a cat", "seed": 7, "num_images": 3, "output_format": "png",
            "image_size": {"width": 40, "height": 30},
        });
        let made =
            synthesize(model, &input, &store, &BaseUrls::from_root("http://host"), &Lifecycle::default());
        assert_eq!(made.files, 3);
        assert_eq!((&made.output["seed"], &made.output["prompt"]), (&json!(7), &json!("a cat")));
        assert_eq!(made.output["has_nsfw_concepts"], json!([false, false, false]));
        assert!(made.output["timings"]["inference"].is_number());
        let images = made.output["images"].as_array().unwrap();
        assert_eq!(images.len(), 3);
        for image in images {
            assert_eq!(image["content_type"], "image/png");
            assert_eq!((&image["width"], &image["height"]), (&json!(40), &json!(30)));
            assert!(store.by_url(image["url"].as_str().unwrap()).is_some());
        }
        assert_ne!(
            store.by_url(images[0]["url"].as_str().unwrap()).unwrap().content.etag(),
            store.by_url(images[1]["url"].as_str().unwrap()).unwrap().content.etag(),
        );
    }

    #[test]
    fn sync_mode_returns_the_file_as_a_data_uri() {
        let models = Registry::embedded().unwrap();
        let model = models.get("fal-ai/flux/dev").unwrap();
        let input = json!({"prompt": "", "sync_mode": true, "image_size": {"width": 8, "height": 8}});
        let made = synthesize(
            model,
            &input,
            &Store::default(),
            &BaseUrls::from_root("http://host"),
            &Lifecycle::default(),
        );
        let url = made.output["images"][0]["url"].as_str().unwrap();
        assert!(url.starts_with("data:image/jpeg;base64,/9j/"), "{url}");
    }
}
