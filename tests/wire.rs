//! What generated types write and read.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use fal_core::{Endpoint, File, IntoInput, input};
use fal_flux::{dev, dev::image_to_image, types::CustomImageSize};
use fal_kling_video::v3::pro::image_to_video;
use serde_json::{Value, json};

fn written(input: impl IntoInput) -> String {
    serde_json::to_string(&input.into_input()).unwrap()
}

#[test]
fn what_is_not_given_is_not_sent_and_fields_keep_fals_order() {
    let input = input!(dev {
        output_format: dev::OutputFormat::Png,
        guidance_scale: 3.5,
        seed: 9_007_199_254_740_993,
        prompt: "a cat",
        image_size: dev::ImageSize::Landscape16_9,
        num_inference_steps: 28,
    });
    assert_eq!(
        written(input),
        r#"{"prompt":"a cat","image_size":"landscape_16_9","num_inference_steps":28,"seed":9007199254740993,"guidance_scale":3.5,"output_format":"png"}"#
    );
}

#[test]
fn a_custom_size_is_not_wrapped() {
    let size = CustomImageSize::builder().width(512.try_into().ok()).height(768.try_into().ok()).build();
    let input = dev::Input::builder().prompt("a cat").image_size(dev::ImageSize::Custom(size));
    assert_eq!(written(input), r#"{"prompt":"a cat","image_size":{"width":512,"height":768}}"#);
}

#[test]
fn an_integer_is_a_number_and_sent_as_one() {
    let read: dev::Input = serde_json::from_str(r#"{"prompt":"a cat","guidance_scale":3}"#).unwrap();
    assert_eq!(read.guidance_scale.unwrap(), 3.0);
}

#[test]
fn what_a_base_gives_is_kept_unless_given_again() {
    let base = input!(dev { prompt: "a cat", seed: 7, num_images: 2, "brand_new": 1 });
    let input = input!(dev { seed: i64::MIN, num_images: None, ..base });
    assert_eq!(written(input), r#"{"prompt":"a cat","seed":-9223372036854775808,"brand_new":1}"#);
}

#[test]
fn extra_parameters_win() {
    let input = dev::Input::builder().prompt("a cat").seed(1).extra("seed", 2).extra("loras", json!([]));
    let written: Value = serde_json::from_str(&written(input)).unwrap();
    assert_eq!(written, json!({ "prompt": "a cat", "seed": 2, "loras": [] }));
}

#[test]
fn an_input_reads_back_and_keeps_what_it_does_not_know() {
    let text =
        r#"{"prompt":"a cat","image_size":{"width":512},"seed":null,"num_images":2.0,"brand_new":[1]}"#;
    let read: dev::Input = serde_json::from_str(text).unwrap();
    assert_eq!(read.seed, None);
    assert_eq!(read.num_images.unwrap(), 2);
    assert_eq!(read.extra["brand_new"], json!([1]));
    assert_eq!(
        written(read),
        r#"{"prompt":"a cat","image_size":{"width":512},"num_images":2,"brand_new":[1]}"#
    );
}

#[test]
fn an_input_outside_its_schema_is_refused_with_the_reason() {
    for (text, reason) in [
        (
            r#"{"prompt":"p","num_images":5}"#,
            "`num_images` of fal-ai/flux/dev must be between 1 and 4, not 5",
        ),
        (r#"{"prompt":"p","output_format":"gif"}"#, "`gif` is not allowed here; allowed: `jpeg`, `png`"),
        (r#"{"num_images":1}"#, "missing field `prompt`"),
        (r#"{"prompt":null}"#, "invalid type: null, expected a string"),
        (r#"{"prompt":"p","image_size":"huge"}"#, "an image size must be `square_hd`, `square`"),
        (
            r#"{"prompt":"p","image_size":{"width":0}}"#,
            "`width` of an image must be between 1 and 14142, not 0",
        ),
        (r#""a cat""#, "expected an object (Input)"),
    ] {
        let error = serde_json::from_str::<dev::Input>(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{text}: {error}");
    }
}

#[test]
fn an_output_takes_null_for_absent_and_ignores_news() {
    let output: dev::Output = serde_json::from_value(json!({
        "images": [{ "url": "u", "width": 4, "height": 3, "content_type": null, "blurhash": "x" }],
        "timings": { "inference": 1 }, "seed": 7, "has_nsfw_concepts": [false], "prompt": "p", "credits": {},
    }))
    .unwrap();
    assert_eq!(output.images[0].content_type, None);
    assert_eq!(output.timings["inference"], 1.0);

    let missing = serde_json::from_value::<dev::Output>(json!({ "images": [] })).unwrap_err();
    assert!(missing.to_string().contains("missing field `timings`"), "{missing}");
}

#[test]
fn a_transcript_has_pairs_of_times_that_may_be_unknown() {
    let output: fal_whisper::Output = serde_json::from_value(json!({
        "text": "hello", "chunks": [{ "text": "hello", "timestamp": [0, null] }]
    }))
    .unwrap();
    assert_eq!(output.chunks.unwrap()[0].timestamp, (Some(0.0), None));
}

#[test]
fn files_are_found_in_nested_structs_and_lists() {
    let element = image_to_video::KlingV3ComboElementInput::builder()
        .frontal_image_url(File::path("front.png"))
        .reference_image_urls(vec![File::path("left.png"), File::url("https://example.com/right.png")])
        .build();
    let mut input =
        input!(image_to_video { start_image_url: File::path("start.png"), elements: vec![element] });
    let mut found = Vec::new();
    fal_core::Parameters::visit_files(&mut input, &mut |file| found.push(format!("{file:?}")));
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found[0].contains("start.png") && found[2].contains("left.png"), "{found:?}");
}

#[test]
fn lengths_known_only_at_run_time_are_checked_before_anything_is_sent() {
    let shot = image_to_video::KlingV3MultiPromptElement::builder().prompt("a cat").build();
    let long = "ž".repeat(2501);
    let input = input!(image_to_video {
        start_image_url: "https://example.com/start.png",
        prompt: long.as_str(),
        negative_prompt: "ž".repeat(2500),
        multi_prompt: vec![shot],
    });
    let violations = input.validate().unwrap_err();
    assert_eq!(
        violations.to_string(),
        "body.prompt: `prompt` of fal-ai/kling-video/v3/pro/image-to-video must have at most 2500 characters, not 2501"
    );
}

#[test]
fn enums_are_texts() {
    assert_eq!(dev::OutputFormat::ALL.len(), 2);
    assert_eq!("png".parse(), Ok(dev::OutputFormat::Png));
    assert_eq!(dev::OutputFormat::Png.to_string(), "png");
    assert!("PNG".parse::<dev::OutputFormat>().is_err());
}

#[test]
fn ids_are_those_of_the_service() {
    assert_eq!(dev::Model::ID, "fal-ai/flux/dev");
    assert_eq!(image_to_image::Model::ID, "fal-ai/flux/dev/image-to-image");
    assert_eq!(fal_whisper::Model::ID, "fal-ai/whisper");
}

#[test]
fn the_schema_of_an_input_is_what_a_language_model_is_given_as_a_tool() {
    let schema = schemars::schema_for!(dev::Input).to_value();
    assert_eq!(schema["required"], json!(["prompt"]));
    let steps = &schema["properties"]["num_inference_steps"];
    assert_eq!(
        (&steps["minimum"], &steps["maximum"], &steps["default"]),
        (&json!(1), &json!(50), &json!(28))
    );
    let called = json!({ "prompt": "a cat", "image_size": { "width": 512, "height": 512 } });
    assert!(jsonschema::is_valid(&schema, &called));
    assert!(!jsonschema::is_valid(&schema, &json!({ "prompt": "a cat", "num_inference_steps": 500 })));
    let input: dev::Input = serde_json::from_value(called).unwrap();
    assert_eq!(input.prompt, "a cat");
}
