//! Traits and constants of the types in generated crates.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::HashSet, str::FromStr};

use fal_core::{
    File,
    media::{Image, ImageSize, Media, VideoFile},
};
use fal_flux::dev;
use fal_kling_video::v2_1::master::text_to_video;
use serde_json::json;

/// Counts the pixels of an image of any model: all models share the type.
fn pixels(image: &Image) -> i64 {
    image.width * image.height
}

fn kind(file: &impl Media) -> Option<&str> {
    file.content_type()
}

#[test]
fn files_and_sizes_have_the_same_type_in_all_crates() {
    let image: dev::Image = serde_json::from_value(
        json!({ "url": "https://x/a.png", "width": 4, "height": 3, "content_type": "image/png" }),
    )
    .unwrap();
    assert_eq!((pixels(&image), kind(&image), image.dimensions()), (12, Some("image/png"), (4, 3)));
    assert_eq!(HashSet::from([image.clone(), image.clone()]).len(), 1);
    assert_eq!(File::from(image), File::url("https://x/a.png"));

    let video: text_to_video::Output =
        serde_json::from_value(json!({ "video": { "url": "https://x/v.mp4" } })).unwrap();
    assert_eq!((video.video.url(), video.video.file_name()), ("https://x/v.mp4", None));
    let shown: VideoFile = serde_json::from_value(json!({ "url": "https://x/v.mp4", "fps": 24 })).unwrap();
    assert_eq!((shown.fps, shown.dimensions()), (Some(24.0), None));

    let size: dev::ImageSize = ImageSize::Landscape16_9;
    assert_eq!(size.dimensions(), (1024, 576));
}

#[test]
fn defaults_are_constants_and_are_not_sent() {
    assert_eq!(dev::Input::DEFAULT_IMAGE_SIZE, ImageSize::Landscape4_3);
    assert_eq!(dev::Input::DEFAULT_NUM_INFERENCE_STEPS.get(), 28);
    assert_eq!(dev::Input::DEFAULT_GUIDANCE_SCALE.get(), 3.5);
    assert_eq!(dev::Input::DEFAULT_OUTPUT_FORMAT, dev::OutputFormat::Jpeg);
    assert_eq!(text_to_video::Input::DEFAULT_DURATION, text_to_video::Duration::N5);
    const { assert!(dev::Input::DEFAULT_ENABLE_SAFETY_CHECKER && !dev::Input::DEFAULT_SYNC_MODE) };
    let input = dev::Input::builder().prompt("a cat").build();
    assert_eq!(serde_json::to_value(input).unwrap(), json!({ "prompt": "a cat" }));
}

#[test]
fn enums_parse_and_display_their_wire_values() {
    for format in dev::OutputFormat::ALL {
        assert_eq!(dev::OutputFormat::from_str(&format.to_string()), Ok(*format));
        assert_eq!(serde_json::to_value(format).unwrap(), format.as_str());
    }
    let error = "gif".parse::<dev::OutputFormat>().unwrap_err();
    assert_eq!(error.to_string(), "`gif` is not allowed here; allowed: `jpeg`, `png`");
}

#[test]
fn generated_types_are_send_sync_clone_and_enums_are_hashable() {
    fn is_shareable<T: Send + Sync + Unpin + Clone + std::fmt::Debug + PartialEq + 'static>() {}
    fn is_key<T: Eq + std::hash::Hash>() {}
    is_shareable::<dev::Input>();
    is_shareable::<dev::Output>();
    is_shareable::<text_to_video::Input>();
    is_shareable::<fal_whisper::Output>();
    is_key::<dev::OutputFormat>();
    is_key::<dev::NumImages>();
    is_key::<ImageSize>();
    is_key::<Image>();
}
