//! What types of generated crates can do.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{collections::HashSet, str::FromStr};

use fal_core::{
    File,
    media::{Image, ImageSize, Media, VideoFile},
};
use fal_flux::dev;
use fal_kling_video::v2_1::master::text_to_video;
use serde_json::json;

/// Of any model, for they all mean the same.
fn pixels(image: &Image) -> i64 {
    image.width * image.height
}

fn kind(file: &impl Media) -> Option<&str> {
    file.content_type()
}

#[test]
fn files_and_sizes_are_the_same_type_everywhere() {
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
fn defaults_can_be_read_and_are_not_sent() {
    assert_eq!(dev::Input::DEFAULT_IMAGE_SIZE, ImageSize::Landscape4_3);
    assert_eq!(dev::Input::DEFAULT_NUM_INFERENCE_STEPS.get(), 28);
    assert_eq!(dev::Input::DEFAULT_GUIDANCE_SCALE.get(), 3.5);
    assert_eq!(dev::Input::DEFAULT_OUTPUT_FORMAT, dev::OutputFormat::Jpeg);
    assert_eq!(text_to_video::Input::DEFAULT_DURATION, text_to_video::Duration::_5);
    const { assert!(dev::Input::DEFAULT_ENABLE_SAFETY_CHECKER && !dev::Input::DEFAULT_SYNC_MODE) };
    let input = dev::Input::builder().prompt("a cat").build();
    assert_eq!(serde_json::to_value(input).unwrap(), json!({ "prompt": "a cat" }));
}

#[test]
fn enums_are_texts_and_back() {
    for format in dev::OutputFormat::ALL {
        assert_eq!(dev::OutputFormat::from_str(&format.to_string()), Ok(*format));
        assert_eq!(serde_json::to_value(format).unwrap(), format.as_str());
    }
    let error = "gif".parse::<dev::OutputFormat>().unwrap_err();
    assert_eq!(error.to_string(), "`gif` is not allowed here; allowed: `jpeg`, `png`");
}

#[test]
fn values_go_to_other_threads_and_into_collections() {
    fn anywhere<T: Send + Sync + Unpin + Clone + std::fmt::Debug + PartialEq + 'static>() {}
    fn key<T: Eq + std::hash::Hash>() {}
    anywhere::<dev::Input>();
    anywhere::<dev::Output>();
    anywhere::<text_to_video::Input>();
    anywhere::<fal_whisper::Output>();
    key::<dev::OutputFormat>();
    key::<dev::NumImages>();
    key::<ImageSize>();
    key::<Image>();
}
