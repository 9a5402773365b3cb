//! Synthesizes an output from a model's output schema and the input of a call.

use std::cell::Cell;

use serde_json::{Value, json};

use crate::hosts::BaseUrls;
use crate::models::Model;
use crate::store::{Lifecycle, Store};

mod call_parameters;
mod file;
mod file_kind;
mod pattern;
mod production;
mod rules;
mod run_progress;
mod scalar;
mod sound;
mod synthesizer;
mod transcript;

use call_parameters::CallParameters;
pub(crate) use production::Production;
pub(crate) use run_progress::RunProgress;
use synthesizer::{FieldContext, Synthesizer};

/// A synthesized output.
pub(crate) struct Synthesized {
    pub(crate) output: Value,
    pub(crate) production: Production,
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

/// Synthesizes the output of a finished call that the safety checker flags: it says so, and its images are black.
pub(crate) fn synthesize_flagged(
    model: &Model,
    input: &Value,
    store: &Store,
    base: &BaseUrls,
    lifecycle: &Lifecycle,
) -> Synthesized {
    synthesize_with(&RunProgress::finished(), true, model, input, store, base, lifecycle)
}

/// Returns true if the outputs of a model say whether the safety checker flags them.
pub(crate) fn flags_nsfw(model: &Model) -> bool {
    let (output, _) = model.components.resolve(&model.output);
    let properties = output.get("properties").and_then(Value::as_object);
    let is_verdict = |(name, schema): (&String, &Value)| {
        is_nsfw_flag(name) && synthesizer::holds_verdict(model, schema, 0)
    };
    properties.is_some_and(|properties| properties.iter().any(is_verdict))
}

/// Returns true for the names of members such as `has_nsfw_concepts`.
fn is_nsfw_flag(name: &str) -> bool {
    name.contains("nsfw")
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
    synthesize_with(progress, false, model, input, store, base, lifecycle)
}

fn synthesize_with(
    progress: &RunProgress,
    is_flagged: bool,
    model: &Model,
    input: &Value,
    store: &Store,
    base: &BaseUrls,
    lifecycle: &Lifecycle,
) -> Synthesized {
    let parameters = CallParameters::new(model, input, store);
    let production = Cell::new(Production::default());
    let synthesizer = Synthesizer {
        model,
        parameters: &parameters,
        store,
        base,
        lifecycle,
        progress,
        is_flagged,
        production: &production,
    };
    let output = match model.may_reply_with_null() {
        true => Value::Null,
        false => synthesizer.make_value(&model.output, &FieldContext::root()),
    };
    let mut production = production.get();
    if production.seconds == 0.0 {
        production.seconds = parameters.source_seconds().unwrap_or_default();
    }
    production.characters = parameters.prompt.chars().count() as f64;
    Synthesized { output, production }
}

/// Makes a value for a JSON Schema, whose references are below `#/$defs/`. Returns null if it is no schema.
pub(crate) fn value_of_schema(schema: &Value) -> Value {
    let text = schema.to_string().replace("\"#/$defs/", "\"#/components/schemas/");
    let schema: Value = serde_json::from_str(&text).unwrap_or_default();
    let content = json!({"application/json": {"schema": schema}});
    let model = Model::parse(json!({
        "endpoint_id": "fal-emulator/schema",
        "openapi": {
            "components": {"schemas": schema.get("$defs")},
            "paths": {"/": {"post": {
                "requestBody": {"content": content}, "responses": {"200": {"content": content}},
            }}},
        },
    }));
    let Ok(Some(model)) = model else { return Value::Null };
    let base = BaseUrls::from_root("http://localhost");
    synthesize(&model, &Value::Null, &Store::default(), &base, &Lifecycle::default()).output
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use super::*;
    use crate::models::Registry;
    use crate::store::StoredFile;
    use crate::validate::{self, CheckedInput};

    /// Makes an input for a model, with files in `store`.
    fn make_input(model: &Model, store: &Store) -> Value {
        let parameters = CallParameters::new(
            model,
            &json!({"prompt": "a cat in the rain", "image_size": {"width": 64, "height": 1}, "duration": 1}),
            store,
        );
        let synthesizer = Synthesizer {
            model,
            parameters: &parameters,
            store,
            base: &BaseUrls::from_root("http://127.0.0.1:1"),
            lifecycle: &Lifecycle::default(),
            progress: &RunProgress::finished(),
            is_flagged: false,
            production: &Cell::new(Production::default()),
        };
        synthesizer.make_value(&model.input, &FieldContext::root())
    }

    /// Returns a message for every model that refuses an input made by its own schema, or whose synthesized output
    /// violates its own schema.
    fn failures(models: &Registry) -> Vec<String> {
        let models: Vec<_> = models.iter().collect();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let check =
            |models: &[&Arc<Model>]| models.iter().flat_map(|model| failures_of(model)).collect::<Vec<_>>();
        std::thread::scope(|scope| {
            let parts = models.chunks(models.len().div_ceil(cores).max(1));
            let threads: Vec<_> = parts.map(|part| scope.spawn(move || check(part))).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        })
    }

    fn failures_of(model: &Model) -> Vec<String> {
        let mut failures = Vec::new();
        let store = Store::default();
        let mut input = make_input(model, &store);
        match validate::check_input(model, input.clone()) {
            Ok(CheckedInput::Accepted(_)) => {}
            Ok(CheckedInput::Refused(details)) => {
                failures.push(format!("{} refuses {input}: {}", model.id, json!(details)));
            }
            Err(error) => failures.push(format!("{}: unusable schema: {error}", model.id)),
        }
        if let Value::Object(input) = &mut input {
            // One pixel high, to be quick: videos keep the shape at a length of 640 pixels.
            let quick = json!({"image_size": {"width": 64, "height": 1}, "num_images": 2, "duration": 1});
            input.extend(quick.as_object().cloned().unwrap_or_default());
        }
        let made = synthesize(
            model,
            &input,
            &store,
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
        failures
    }

    #[test]
    fn every_built_in_model_answers_a_valid_input_with_a_valid_output() {
        let models = Registry::embedded().unwrap();
        let failures = failures(&models);
        assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
    }

    #[test]
    fn every_record_of_a_corpus_answers_a_valid_input_with_a_valid_output() {
        let corpus = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/corpus");
        let mut models = Registry::default();
        for folder in ["schemas", "more"].map(|name| Path::new(corpus).join(name)) {
            if !folder.is_dir() {
                println!("skipped: {} is not here", folder.display());
                return;
            }
            models.add_schemas(&folder).unwrap();
        }
        let failures = failures(&models);
        println!("{} models", models.ids().count());
        assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
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
        assert_eq!(made.production.files, 3);
        assert_eq!(made.production.units("images"), 3.0);
        assert_eq!(made.production.units("megapixels"), 3.0 * 40.0 * 30.0 / 1e6);
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

    fn output(id: &str, input: Value) -> Value {
        let models = Registry::embedded().unwrap();
        let base = BaseUrls::from_root("http://host");
        let model = models.get(id).unwrap();
        synthesize(model, &input, &Store::default(), &base, &Lifecycle::default()).output
    }

    #[test]
    fn numbers_of_an_output_fit_its_files_and_each_other() {
        let checked = output("fal-ai/imageutils/nsfw", json!({"image_url": "http://host/cat.png"}));
        assert!(checked["nsfw_probability"].as_f64().unwrap() < 0.1, "{checked}");
        let spoken = output("fal-ai/minimax/speech-02-hd", json!({"text": "Hello."}));
        assert_eq!(spoken["duration_ms"], 4000);
        let answer =
            output("openrouter/router", json!({"prompt": "What is a cat, and why?", "model": "a/b"}));
        let usage = &answer["usage"];
        let count = |name: &str| usage[name].as_u64().unwrap();
        assert_eq!((count("prompt_tokens"), count("completion_tokens")), (6, 16), "{usage}");
        assert_eq!(count("total_tokens"), 22);
        let cost = usage["cost"].as_f64().unwrap();
        assert!(cost > 0.0 && cost < 0.001, "{usage}");
        assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 0);
        let turn = output("fal-ai/smart-turn", json!({"audio_url": "http://host/talk.wav"}));
        assert_eq!(turn["probability"], 0.9);
    }

    #[test]
    fn upscalers_multiply_the_size_of_their_input() {
        use base64::Engine as _;

        let picture = crate::media::picture::Picture::new(crate::media::Size::new(40, 30), 1, "");
        let encoded =
            base64::engine::general_purpose::STANDARD.encode(crate::media::png::encode(&picture).unwrap());
        let uri = format!("data:image/png;base64,{encoded}");
        let image = |id: &str, changes: Value| {
            let mut input = json!({"image_url": uri, "prompt": ""});
            input.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            let output = output(id, input);
            let image = output.get("image").unwrap_or(&output["images"][0]);
            (image["width"].as_u64().unwrap(), image["height"].as_u64().unwrap())
        };
        assert_eq!(image("fal-ai/esrgan", json!({})), (80, 60), "by the default");
        assert_eq!(image("fal-ai/esrgan", json!({"scale": 1.5})), (60, 45));
        assert_eq!(image("fal-ai/aura-sr", json!({"upscale_factor": 4})), (160, 120));
        assert_eq!(image("fal-ai/clarity-upscaler", json!({"upscale_factor": 3})), (120, 90));
        assert_eq!(image("clarityai/crystal-upscaler", json!({"scale_factor": 2})), (80, 60));
        assert_eq!(image("fal-ai/seedvr/upscale/image", json!({"upscale_mode": "target"})), (40, 30));
        // A strength, and the size of pixels.
        assert_eq!(image("fal-ai/plushify", json!({"scale": 2})), (40, 30));
    }

    /// Returns the file of the output at a JSON pointer, with its bytes.
    fn file_of(id: &str, input: Value, pointer: &str) -> (Value, StoredFile) {
        let models = Registry::embedded().unwrap();
        let store = Store::default();
        let base = BaseUrls::from_root("http://host");
        let model = models.get(id).unwrap();
        let made = synthesize(model, &input, &store, &base, &Lifecycle::default());
        let file = made.output.pointer(pointer).unwrap_or_else(|| panic!("{}", made.output)).clone();
        let stored = store.by_url(file["url"].as_str().unwrap()).unwrap();
        (file, (*stored).clone())
    }

    #[test]
    fn the_name_the_content_type_and_the_bytes_of_a_file_are_of_the_format_that_the_call_asks_for() {
        let small = |format: &str| json!({"prompt": "a cat", "output_format": format, "aspect_ratio": "1:1"});
        let song = |format: &str| json!({"prompt": "a song", "output_format": format, "duration": 1});
        for (id, input, pointer, content_type, extension) in [
            ("fal-ai/nano-banana", small("webp"), "/images/0", "image/webp", "webp"),
            ("fal-ai/nano-banana", small("png"), "/images/0", "image/png", "png"),
            ("fal-ai/nano-banana", small("jpeg"), "/images/0", "image/jpeg", "jpg"),
            ("fal-ai/stable-audio-3/medium/text-to-audio", song("mp3"), "/audio", "audio/mpeg", "mp3"),
            ("fal-ai/stable-audio-3/medium/text-to-audio", song("wav"), "/audio", "audio/wav", "wav"),
            ("fal-ai/stable-audio-3/medium/text-to-audio", song("opus"), "/audio", "audio/wav", "wav"),
        ] {
            let (file, stored) = file_of(id, input.clone(), pointer);
            let kind = infer::get(&stored.content.head(64)).unwrap().mime_type().replace("x-wav", "wav");
            assert_eq!(
                (kind.as_str(), stored.content_type.as_str()),
                (content_type, content_type),
                "{input}"
            );
            assert!(stored.name.ends_with(&format!(".{extension}")), "{}", stored.name);
            assert!(file["url"].as_str().unwrap().ends_with(&format!(".{extension}")), "{file}");
            for (name, expected) in [("content_type", content_type), ("file_name", &stored.name)] {
                assert!(file.get(name).is_none_or(|value| value == expected), "{file}");
            }
        }
    }

    #[test]
    fn a_flagged_output_says_so_and_is_black() {
        let models = Registry::embedded().unwrap();
        let (store, base) = (Store::default(), BaseUrls::from_root("http://host"));
        let flux = models.get("fal-ai/flux/dev").unwrap();
        assert!(flags_nsfw(flux) && !flags_nsfw(models.get("fal-ai/veo3").unwrap()));
        let input = json!({
            "prompt": "a cat", "num_images": 2, "output_format": "png", "image_size": {"width": 16, "height": 8},
        });
        let made = synthesize_flagged(flux, &input, &store, &base, &Lifecycle::default());
        assert_eq!(made.output["has_nsfw_concepts"], json!([true, true]));
        let file = store.by_url(made.output["images"][1]["url"].as_str().unwrap()).unwrap();
        let bytes = file.content.head(u64::MAX).to_vec();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![1; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels, vec![0; 16 * 8 * 3]);
    }

    #[test]
    fn videos_have_a_sound_track_where_the_call_or_the_model_asks_for_one() {
        let sound = |id: &str, changes: Value| {
            let mut input = json!({"prompt": "a cat", "duration": 1, "aspect_ratio": "16:9"});
            input.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
            let (_, stored) = file_of(id, input, "/video");
            crate::media::probe::has_sound(&stored.content.head(u64::MAX)).unwrap()
        };
        assert!(sound("fal-ai/veo3", json!({})), "by the default");
        assert!(!sound("fal-ai/veo3", json!({"generate_audio": false})));
        assert!(sound("fal-ai/sora-2/text-to-video", json!({})), "always");
        assert!(!sound("fal-ai/veo2", json!({})), "never");
        assert!(sound("fal-ai/sync-lipsync", json!({"audio_url": "https://example.com/a.wav"})));
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
