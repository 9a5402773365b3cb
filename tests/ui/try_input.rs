//! `try_input!` and `try_builder()`: values that are known only at run time.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[rustfmt::skip]
#[path = "fixture/poster.rs"]
#[allow(dead_code, unreachable_pub, reason = "generated modules are made for other crates")]
mod poster;

use std::path::{Path, PathBuf};

use fal_core::{File, Violations, media::Image, try_input};
use fal_flux::{dev, dev::image_to_image};
use fal_kling_video::{v2_1::master::text_to_video, v3::pro::image_to_video};
use serde::Serialize;
use serde_json::{Value, json};

fn to_json(input: Result<impl Serialize, Violations>) -> Value {
    serde_json::to_value(input.unwrap()).unwrap()
}

/// Returns path and value of each violation.
fn refused<T: std::fmt::Debug>(input: Result<T, Violations>) -> Vec<(String, Value)> {
    let violations = input.unwrap_err();
    violations.as_slice().iter().map(|one| (one.path.clone(), one.value.clone())).collect()
}

#[test]
fn every_type_of_number_is_taken_for_every_number() {
    macro_rules! integers {
        ($($ty:ty)*) => {$(
            let n: $ty = 4;
            let input = try_input!(dev { prompt: "a cat", num_inference_steps: n, guidance_scale: n, seed: n });
            let expected = json!({ "prompt": "a cat", "num_inference_steps": 4, "guidance_scale": 4.0, "seed": 4 });
            assert_eq!(to_json(input), expected);
            let built = dev::Input::try_builder().prompt("a cat").num_inference_steps(n).guidance_scale(Some(n)).seed(n);
            assert_eq!(to_json(built.build()), expected);
        )*};
    }
    integers!(u8 u16 u32 u64 usize i8 i16 i32 i64 i128 isize);
    for scale in [1.5_f32, 3.1] {
        let input = try_input!(dev { prompt: "a cat", guidance_scale: scale });
        assert_eq!(
            to_json(input)["guidance_scale"].to_string(),
            scale.to_string(),
            "the decimal form is kept"
        );
    }
    let (images, seed) = (2.0_f64, 7.0_f32);
    let whole = try_input!(dev { prompt: "a cat", num_images: images, seed });
    assert_eq!(to_json(whole), json!({ "prompt": "a cat", "num_images": 2, "seed": 7 }));
}

#[test]
fn all_violations_are_returned_at_once_with_bounds_and_values() {
    let (format, steps, seed) = (String::from("gif"), 500_u32, 1.5);
    let input = try_input!(dev {
        prompt: "a cat",
        num_inference_steps: steps,
        guidance_scale: f32::NAN,
        seed,
        num_images: Some(-1),
        output_format: format,
    });
    let violations = input.unwrap_err();
    let messages: Vec<&str> = violations.as_slice().iter().map(|one| one.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "`num_inference_steps` of fal-ai/flux/dev must be between 1 and 50, not 500",
            "`guidance_scale` of fal-ai/flux/dev must be between 1.0 and 20.0, not NaN",
            "`seed` must be an integer, not 1.5",
            "`num_images` of fal-ai/flux/dev must be between 1 and 4, not -1",
            "`output_format` of fal-ai/flux/dev must be `jpeg` or `png`, not `gif`",
        ]
    );
    let paths: Vec<&str> = violations.as_slice().iter().map(|one| one.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "body.num_inference_steps",
            "body.guidance_scale",
            "body.seed",
            "body.num_images",
            "body.output_format"
        ]
    );
}

#[test]
fn text_becomes_enums_sizes_files_and_numbers() {
    let (size, format, steps, ratio) = ("640x480".to_owned(), "png", String::from("28"), "4:5");
    let input = try_input!(dev {
        prompt: format,
        image_size: &size,
        output_format: format,
        num_inference_steps: steps
    });
    let expected = json!({
        "prompt": "png",
        "image_size": { "width": 640, "height": 480 },
        "output_format": "png",
        "num_inference_steps": 28,
    });
    assert_eq!(to_json(input), expected);
    let seconds = 10_u8;
    let video = try_input!(text_to_video { prompt: "a cat", duration: seconds });
    assert_eq!(to_json(video), json!({ "prompt": "a cat", "duration": "10" }));
    let pair = try_input!(dev { prompt: "a cat", image_size: (640_u32, 480_u32) });
    assert_eq!(to_json(pair)["image_size"], json!({ "width": 640, "height": 480 }));
    let refused = try_input!(text_to_video { prompt: "a cat", duration: 7 * seconds, aspect_ratio: ratio });
    assert_eq!(refused_paths(refused), ["body.duration", "body.aspect_ratio"]);
}

fn refused_paths<T: std::fmt::Debug>(input: Result<T, Violations>) -> Vec<String> {
    refused(input).into_iter().map(|(path, _)| path).collect()
}

#[test]
fn files_are_paths_urls_and_outputs_of_models() {
    let path = PathBuf::from("cat.png");
    let borrowed: &Path = &path;
    let image: Image =
        serde_json::from_value(json!({ "url": "https://x/y.png", "width": 1, "height": 1 })).unwrap();
    let local = [
        try_input!(image_to_image { prompt: "a cat", image_url: &path }),
        try_input!(image_to_image { prompt: "a cat", image_url: borrowed }),
        try_input!(image_to_image { prompt: "a cat", image_url: path.clone() }),
    ];
    for input in local {
        assert_eq!(input.unwrap().image_url, File::path("cat.png"));
    }
    let online = [
        try_input!(image_to_image { prompt: "a cat", image_url: &image }),
        try_input!(image_to_image { prompt: "a cat", image_url: String::from("https://x/y.png") }),
        try_input!(image_to_image { prompt: "a cat", image_url: "https://x/y.png" }),
        try_input!(image_to_image { prompt: "a cat", image_url: image }),
    ];
    for input in online {
        assert_eq!(input.unwrap().image_url, File::url("https://x/y.png"));
    }
    let text =
        try_input!(image_to_image { prompt: "a cat", image_url: path.to_str().unwrap(), strength: 7 - 5 });
    assert_eq!(
        refused(text),
        [("body.image_url".to_owned(), json!("cat.png")), ("body.strength".to_owned(), json!(2))]
    );
    let direct = fal_core::input!(image_to_image { prompt: "a cat", image_url: path.clone() });
    assert_eq!(direct.image_url, File::path("cat.png"));
    let optional: Option<&Path> = Some(&path);
    let last = fal_core::input!(image_to_video { start_image_url: borrowed, end_image_url: optional });
    assert_eq!(last.end_image_url, Some(File::path("cat.png")));
}

#[test]
fn nested_structs_and_lists_are_checked_with_their_paths() {
    let (width, height, opacity, tag, text) = (640_u32, 20_000_u16, 7_u8, "fun", "sky".to_owned());
    let sized = try_input!(dev { prompt: "a cat", image_size: { width, height } });
    assert_eq!(refused(sized), [("body.image_size.height".to_owned(), json!(20_000))]);
    let sized = try_input!(dev { prompt: "a cat", image_size: { width, height: 480 } });
    assert_eq!(to_json(sized)["image_size"], json!({ "width": 640, "height": 480 }));

    let layers = try_input!(poster {
        title: "Gold",
        layers: [{ text: &text }, { text: text.clone(), opacity }],
        tags: ["art", tag],
        width,
    });
    assert_eq!(refused_paths(layers), ["body.layers.1.opacity", "body.tags.1"]);
    let tags = vec![String::from("art"), String::from("ad")];
    let input = try_input!(poster { title: text, tags, image_urls: [PathBuf::from("a.png")] });
    let input = input.unwrap();
    assert_eq!(input.tags.unwrap(), [poster::Tags::Art, poster::Tags::Ad]);
    assert_eq!(input.image_urls.unwrap(), [File::path("a.png")]);
}

#[test]
fn rules_that_types_cannot_express_are_checked_too() {
    let (title, width) = (String::from("x"), 65_u16);
    let input = try_input!(poster { title, width });
    assert_eq!(
        input.unwrap_err().to_string(),
        "body.width: `width` of acme/poster must be between 64 and 2048 and a multiple of 8, not 65; \
         body.title: `title` of acme/poster must have 3 to 20 characters, not 1"
    );
}

#[test]
fn a_refused_item_is_not_reported_again_by_the_rules_of_its_list() {
    let tags = ["art", "fun"];
    let input = try_input!(poster { title: "Gold", tags });
    assert_eq!(refused_paths(input), ["body.tags.1"]);
}

#[test]
fn options_shorthand_and_a_base_work_as_in_input() {
    let (prompt, seed, guidance_scale): (&str, Option<u64>, Option<f32>) = ("a cat", None, Some(3.5));
    let base = try_input!(dev { prompt, seed, guidance_scale, "brand_new": 7 }).unwrap();
    assert_eq!(
        serde_json::to_value(&base).unwrap(),
        json!({ "prompt": "a cat", "guidance_scale": 3.5, "brand_new": 7 })
    );
    let images = 2_u8;
    let changed = try_input!(dev { prompt: String::from("a dog"), num_images: images, ..base.clone() });
    assert_eq!(
        to_json(changed),
        json!({ "prompt": "a dog", "guidance_scale": 3.5, "brand_new": 7, "num_images": 2 })
    );
    let refused = try_input!(dev { num_images: 9 * images, "other": true, ..base });
    assert_eq!(refused_paths(refused), ["body.num_images"]);
}

#[test]
fn values_of_the_types_of_parameters_are_taken_as_they_are() {
    let steps = dev::NumInferenceSteps::try_from(30).unwrap();
    let size = dev::ImageSize::SquareHd;
    let input = try_input!(dev {
        prompt: "a cat",
        num_inference_steps: steps,
        image_size: size,
        output_format: dev::OutputFormat::Png,
        sync_mode: false,
    });
    assert_eq!(
        to_json(input),
        json!({ "prompt": "a cat", "num_inference_steps": 30, "image_size": "square_hd", "output_format": "png", "sync_mode": false })
    );
    let built =
        dev::Input::try_builder().prompt(String::from("a cat")).output_format(Some("png")).sync_mode(true);
    assert_eq!(
        to_json(built.build()),
        json!({ "prompt": "a cat", "output_format": "png", "sync_mode": true })
    );
}

#[test]
fn numbers_parse_from_text_and_convert_from_every_type() {
    assert_eq!("28".parse::<dev::NumInferenceSteps>().unwrap(), 28);
    assert_eq!("3.5".parse::<dev::GuidanceScale>().unwrap(), 3.5);
    assert_eq!("3".parse::<dev::GuidanceScale>().unwrap(), 3.0);
    for text in ["500", "28.5", "many", "", " 28"] {
        let error = text.parse::<dev::NumInferenceSteps>().unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("`num_inference_steps` of fal-ai/flux/dev must be between 1 and 50, not {text}")
        );
        assert_eq!((error.parameter(), error.value()), (Some("num_inference_steps"), text));
    }
    assert_eq!(dev::NumInferenceSteps::try_from(28_u8).unwrap(), 28);
    assert_eq!(dev::GuidanceScale::try_from(3.1_f32).unwrap(), 3.1);
    assert_eq!(dev::GuidanceScale::try_from(3_usize).unwrap(), 3.0);
    assert!(dev::NumInferenceSteps::try_from(u64::MAX).is_err());
    let steps: Option<usize> = Some(28);
    let input = fal_core::input!(dev {
        prompt: "a cat",
        num_inference_steps: steps.map(dev::NumInferenceSteps::try_from).transpose().unwrap()
    });
    assert_eq!(input.num_inference_steps.unwrap(), 28);
}

#[test]
fn integer_literals_stand_for_floats_and_for_digits() {
    let input = fal_core::input!(text_to_video { prompt: "a cat", cfg_scale: 1, duration: 5 });
    assert_eq!(
        serde_json::to_value(input).unwrap(),
        json!({ "prompt": "a cat", "cfg_scale": 1.0, "duration": "5" })
    );
    let input = fal_core::input!(poster { title: "Gold", background: { text: "sky", opacity: 1 } });
    assert_eq!(serde_json::to_value(input).unwrap()["background"]["opacity"], json!(1.0));
}
