//! One generated file a family, to be read in review whenever the generator changes.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

fn generated(path: &str) -> String {
    fs::read_to_string(fal_tests::root().join("crates/models").join(path)).unwrap()
}

#[test]
fn flux_dev() {
    insta::assert_snapshot!(generated("fal-flux/src/dev.rs"));
}

#[test]
fn flux_types() {
    insta::assert_snapshot!(generated("fal-flux/src/types.rs"));
}

#[test]
fn kling_image_to_video() {
    insta::assert_snapshot!(generated("fal-kling-video/src/v3/pro/image_to_video.rs"));
}

#[test]
fn whisper() {
    insta::assert_snapshot!(generated("fal-whisper/src/lib.rs"));
}
