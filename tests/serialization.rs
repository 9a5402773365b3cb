//! Serialization of generated types: inputs are written as fal expects them, and outputs are read leniently.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use fal_core::{Endpoint, File, IntoInput, input};
use fal_flux::{dev, dev::image_to_image, types::CustomImageSize};
use fal_kling_video::v3::pro::image_to_video;
use serde_json::{Value, json};

/// Serializes an input as a call does.
fn to_json(input: impl IntoInput) -> String {
    serde_json::to_string(&input.into_input()).unwrap()
}

#[test]
fn unset_parameters_are_not_sent_and_fields_keep_the_order_of_fal() {
    let input = input!(dev {
        output_format: dev::OutputFormat::Png,
        guidance_scale: 3.5,
        seed: 9_007_199_254_740_993,
        prompt: "a cat",
        image_size: dev::ImageSize::Landscape16_9,
        num_inference_steps: 28,
    });
    assert_eq!(
        to_json(input),
        r#"{"prompt":"a cat","image_size":"landscape_16_9","num_inference_steps":28,"seed":9007199254740993,"guidance_scale":3.5,"output_format":"png"}"#
    );
}

#[test]
fn the_object_of_a_union_is_not_wrapped() {
    let size = CustomImageSize::builder().width(512.try_into().ok()).height(768.try_into().ok()).build();
    let input = dev::Input::builder().prompt("a cat").image_size(dev::ImageSize::Custom(size));
    assert_eq!(to_json(input), r#"{"prompt":"a cat","image_size":{"width":512,"height":768}}"#);
}

#[test]
fn a_float_parameter_reads_an_integer() {
    let read: dev::Input = serde_json::from_str(r#"{"prompt":"a cat","guidance_scale":3}"#).unwrap();
    assert_eq!(read.guidance_scale.unwrap(), 3.0);
}

#[test]
fn a_base_sets_the_parameters_that_are_not_set_again() {
    let base = input!(dev { prompt: "a cat", seed: 7, num_images: 2, "brand_new": 1 });
    let input = input!(dev { seed: i64::MIN, num_images: None, ..base });
    assert_eq!(to_json(input), r#"{"prompt":"a cat","seed":-9223372036854775808,"brand_new":1}"#);
}

#[test]
fn extra_parameters_override_fields_of_the_same_name() {
    let input = dev::Input::builder().prompt("a cat").seed(1).extra("seed", 2).extra("loras", json!([]));
    let written: Value = serde_json::from_str(&to_json(input)).unwrap();
    assert_eq!(written, json!({ "prompt": "a cat", "seed": 2, "loras": [] }));
}

#[test]
fn unknown_parameters_survive_reading_and_writing_an_input() {
    let text =
        r#"{"prompt":"a cat","image_size":{"width":512},"seed":null,"num_images":2.0,"brand_new":[1]}"#;
    let read: dev::Input = serde_json::from_str(text).unwrap();
    assert_eq!(read.seed, None);
    assert_eq!(read.num_images.unwrap(), 2);
    assert_eq!(read.extra["brand_new"], json!([1]));
    assert_eq!(
        to_json(read),
        r#"{"prompt":"a cat","image_size":{"width":512},"seed":null,"num_images":2,"brand_new":[1]}"#
    );
}

#[test]
fn an_invalid_input_is_refused_with_the_reason() {
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
fn an_output_reads_null_as_absent_and_ignores_unknown_fields() {
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
fn a_tuple_item_may_be_null() {
    let output: fal_whisper::Output = serde_json::from_value(json!({
        "text": "hello", "chunks": [{ "text": "hello", "timestamp": [0, null] }]
    }))
    .unwrap();
    assert_eq!(output.chunks.unwrap()[0].timestamp, (Some(0.0), None));
}

#[test]
fn visit_files_reaches_nested_structs_and_lists() {
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
fn validate_checks_lengths_that_are_known_at_run_time() {
    let long = "ž".repeat(2501);
    let input = input!(image_to_video {
        start_image_url: "https://example.com/start.png",
        prompt: long.as_str(),
        negative_prompt: "ž".repeat(2500),
    });
    let violations = input.validate().unwrap_err();
    assert_eq!(
        violations.to_string(),
        "body.prompt: `prompt` of fal-ai/kling-video/v3/pro/image-to-video must have at most 2500 characters, not 2501"
    );
}

#[test]
fn rules_between_parameters_are_checked_and_in_the_json_schema() {
    let shots = vec![image_to_video::KlingV3MultiPromptElement::builder().prompt("a cat").build()];
    let one = input!(image_to_video { start_image_url: "https://example.com/a.png", prompt: "a cat" });
    assert_eq!(one.validate(), Ok(()));
    let none = input!(image_to_video { start_image_url: "https://example.com/a.png" });
    let mut both = one.clone();
    both.multi_prompt = Some(shots);
    let rule = "Exactly one of `prompt` and `multi_prompt` must be given for fal-ai/kling-video/v3/pro/image-to-video";
    assert_eq!(none.validate().unwrap_err().to_string(), format!("body: {rule}, and none is"));
    assert_eq!(both.validate().unwrap_err().to_string(), format!("body: {rule}, not 2"));

    let schema = schemars::schema_for!(image_to_video::Input).to_value();
    let valid =
        |input: &image_to_video::Input| jsonschema::is_valid(&schema, &serde_json::to_value(input).unwrap());
    assert_eq!([&one, &none, &both].map(valid), [true, false, false]);
    let tool = fal_core::tool::<image_to_video::Model>();
    let strict = tool.strict_schema();
    assert!(strict["description"].as_str().unwrap().contains("Exactly one of `prompt` and `multi_prompt`"));
    assert_eq!((strict.get("allOf"), tool.input_schema().get("allOf")), (None, None));
    let arguments = json!({ "start_image_url": "https://example.com/a.png" });
    assert!(tool.parse(&arguments).unwrap_err().to_string().contains("Exactly one of"));
}

#[test]
fn enums_parse_and_display_their_wire_values() {
    assert_eq!(dev::OutputFormat::ALL.len(), 2);
    assert_eq!("png".parse(), Ok(dev::OutputFormat::Png));
    assert_eq!(dev::OutputFormat::Png.to_string(), "png");
    assert!("PNG".parse::<dev::OutputFormat>().is_err());
}

#[test]
fn endpoint_ids_are_those_of_fal() {
    assert_eq!(dev::Model::ID, "fal-ai/flux/dev");
    assert_eq!(image_to_image::Model::ID, "fal-ai/flux/dev/image-to-image");
    assert_eq!(fal_whisper::Model::ID, "fal-ai/whisper");
}

#[test]
fn the_json_schema_of_an_input_accepts_what_the_type_reads() {
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

/// Checks a schema by what the strict modes of OpenAI and Anthropic and the `parametersJsonSchema` of Gemini all take.
fn assert_strict(schema: &Value, depth: usize) {
    const KEYWORDS: &[&str] =
        &["additionalProperties", "anyOf", "description", "enum", "items", "properties", "required", "type"];
    let object = schema.as_object().unwrap();
    let unknown: Vec<_> = object.keys().filter(|keyword| !KEYWORDS.contains(&keyword.as_str())).collect();
    assert!(unknown.is_empty() && depth <= 10, "{unknown:?} at depth {depth} in {schema}");
    if let Some(forms) = schema.get("anyOf") {
        forms.as_array().unwrap().iter().for_each(|form| assert_strict(form, depth));
        return;
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("object") => {
            let properties = schema["properties"].as_object().unwrap();
            let mut required: Vec<_> =
                schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
            let mut names: Vec<_> = properties.keys().map(String::as_str).collect();
            required.sort_unstable();
            names.sort_unstable();
            assert_eq!(required, names);
            assert_eq!(schema["additionalProperties"], false);
            for (name, property) in properties {
                let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                assert!(
                    is_name && name.len() <= 64 && !name.starts_with(|first: char| first.is_numeric()),
                    "{name}"
                );
                assert_strict(property, depth + 1);
            }
        }
        Some("array") => assert_strict(&schema["items"], depth + 1),
        Some(simple) => {
            assert!(["string", "number", "integer", "boolean", "null"].contains(&simple), "{simple}")
        }
        None => assert!(schema.get("enum").is_some(), "{schema}"),
    }
}

#[test]
fn schemas_of_tools_are_what_strict_modes_take() {
    macro_rules! assert_tools {
        ($($module:path),* $(,)?) => {
            $({
                use $module as module;
                let tool = fal_core::tool::<module::Model>();
                let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
                assert!(tool.name().len() <= 64 && tool.name().bytes().all(is_name), "{}", tool.name());
                assert!((1..=1024).contains(&tool.description().len()), "{}", tool.description());
                let openai = tool.to_openai();
                assert_eq!(openai["function"]["strict"], tool.is_strict());
                assert_eq!(openai["function"]["parameters"]["type"], "object");
                assert!(tool.is_strict(), "{}", tool.name());
                assert_strict(&tool.strict_schema(), 0);
            })*
        };
    }
    assert_tools![
        fal_flux::dev,
        fal_flux::dev::image_to_image,
        fal_flux::schnell,
        fal_kling_video::ai_avatar::v2::pro,
        fal_kling_video::o3::pro::reference_to_video,
        fal_kling_video::v2_1::master::text_to_video,
        fal_kling_video::v3::pro::image_to_video,
        fal_kling_video::v3::pro::motion_control,
        fal_whisper,
    ];
}
